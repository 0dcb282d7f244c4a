"""The page: everything of a report in one HTML file that opens from disk and fetches nothing.

Whatever a record holds goes through Jinja's autoescaping or into JSON whose ``<`` are escaped; a content security policy
allows the page's own script by its hash and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from harness.comparison.names import millions, size_in_words
from harness.exchange.published import last_name
from harness.plain_text import plain
from harness.progress import counted
from harness.report import pretraining, pretraining_scores, suites, ties
from harness.report.comparable import Comparison
from harness.report.files import failures, imported, tables, transfer
from harness.report.page import (
    bench_section,
    calibration_section,
    length_section,
    overall_section,
    panels,
    svg,
    training_section,
)
from harness.report.page.browser import NOTHING, Examined
from harness.report.reading import Reading
from harness.report.results import Results
from harness.store import RunRecord, Store

_PANEL_BYTES = 4_000_000
"""Panels beyond it are left out, and the page says so; see `browser.EXAMPLE_BYTES` for examples."""
SCRIPTS = ("address.js", "page.js", "overall.js", "examples.js", "downloads.js")
STYLES = ("page.css", "examples.css")
_SHOWN = 100
"""Most failed cells and broken records on the page."""


def render(
    store: Store,
    reading: Reading,
    results: Results,
    command: str,
    examined: Examined = NOTHING,
    renew: int = 0,
) -> str:
    """The page as text.

    Args:
        store: has a name.
        reading: the content of the store.
        results: of its finished runs.
        command: repeats the report.
        examined: what the predictions say.
        renew: seconds after which the page loads itself again; 0 for never.
    """
    templates = _templates()
    content = _content(store, reading, results, templates)
    content["browser"], content["unread"] = examined.parts, examined.n_unread
    content["calibration"] = calibration_section.sections(examined.calibrations, results.numbered)
    content |= {"command": command, "renew": renew}
    content["sections"] = _sections(content)
    script = Markup("".join(map(_source, SCRIPTS)))  # our own files
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = Markup("".join(map(_source, STYLES)))  # our own files
    page = templates.get_template("page.html.j2")
    return page.render(content, script=script, style=style, script_hash=f"sha256-{digest}", shapes=svg.shapes())


def _content(store: Store, reading: Reading, results: Results, templates: Environment) -> dict[str, object]:
    """What the template shows."""
    comparisons, numbers = results.comparisons, results.numbered
    training = training_section.sections(comparisons, numbers)
    drawn, omitted = _panels(results.panels, reading, numbers, templates)
    return {
        "summary": _summary(reading, comparisons),
        "families": _families(comparisons),
        "sizes": [(size, size_in_words(size)) for size in sorted({one.size for one in comparisons})],
        "comparisons": comparisons,
        "overall": overall_section.section(results.overall, numbers),
        "legend": ties.LEGEND,
        "board": panels.board(comparisons, numbers, {one.name for one in comparisons} - set(omitted)),
        "panels": drawn,
        "omitted": omitted,
        "transfer": transfer.matrices(comparisons),
        "types": panels.types(comparisons, numbers),
        "training": training[0],
        "training_omitted": training[1],
        "lengths": length_section.sections(comparisons, numbers),
        "pretraining": pretraining.sections(reading.pretraining, numbers),
        "progress": pretraining_scores.sections(comparisons, numbers, reading.pretraining),
        "bench": bench_section.settings(reading.bench, numbers),
        "suites": suites.tables(comparisons),
        "imported": imported.table(reading.imported),
        "failed": failures.table(reading.failed) if reading.failed else None,
        "causes": failures.by_cause(reading.failed) if reading.failed else None,
        "broken": reading.broken,
        "shown": _SHOWN,
        "datasets": _datasets(comparisons),
        "environments": _environments(comparisons),
        "store": last_name(str(store.folder)),
    }


def _panels(
    comparisons: Sequence[Comparison], reading: Reading, numbers: Mapping[str, int], templates: Environment
) -> tuple[list[Markup], list[str]]:
    """The panels that fit on the page, and the names of the comparisons whose panels do not."""
    template, room = templates.get_template("panel.html.j2"), _PANEL_BYTES
    drawn, omitted = [], []
    for comparison in comparisons:
        html = plain(template.render(panel=panels.panel(comparison, numbers, reading.bench)))
        room -= len(html.encode())
        if room > 0:
            drawn.append(Markup(html))  # autoescaped by the template above
        else:
            omitted.append(comparison.name)
    return drawn, omitted


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("harness.report.page", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        mark=svg.mark, millions=millions, counted=counted, breakable=_breakable, with_options=_with_options
    )
    environment.globals.update(symbols=ties.SYMBOLS, meanings=ties.MEANINGS)
    return environment


def _breakable(name: str) -> Markup:
    """A long name that may break after an underscore."""
    return Markup("<wbr>").join(name.replace("_", "_\0").split("\0"))


def _with_options(sentence: str) -> Markup:
    """A sentence whose command-line options are set as code, which no line break divides at its hyphens."""
    parts = re.split(r"(--[a-z-]+(?: \d[\w.,-]*\w)?)", sentence)
    return Markup("").join(Markup("<code>{}</code>").format(part) if part.startswith("--") else part for part in parts)


def _source(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _summary(reading: Reading, comparisons: Sequence[Comparison]) -> str:
    standings = [standing for comparison in comparisons for standing in comparison.standings]
    encoders = {(standing.label, standing.entry.size) for standing in standings if not standing.entry.is_ranker}
    rankers = sorted({standing.label for standing in standings if standing.entry.is_ranker})
    ranked = " and ".join([counted(len(encoders), "encoder"), *rankers] if encoders or not rankers else rankers)
    datasets = {comparison.dataset for comparison in comparisons}
    pretrainings = counted(len(reading.pretraining), "pretraining")
    if not comparisons and reading.pretraining:
        return f"{pretrainings}, and no finished run yet."
    bench = f" and {counted(len(reading.bench), 'point')} of a bench" if reading.bench else ""
    return f"{ranked} on {counted(len(datasets), 'dataset')}, from {counted(len(reading.runs), 'finished run')}{bench}."


def _families(comparisons: Sequence[Comparison]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = defaultdict(list)
    for dataset in sorted({comparison.dataset for comparison in comparisons}):
        found[dataset.partition("/")[0]].append(dataset)
    return sorted(found.items())


def _sections(content: Mapping[str, object]) -> list[tuple[str, str]]:
    """Ids and titles of the sections that have content."""
    optional = {
        "tasks": ("panels", "Tasks"),
        "transfer": ("transfer", "Trained here, tested there"),
        "training": ("training", "Training"),
        "types": ("types", "Scores by type"),
        "lengths": ("lengths", "Scores by length"),
        "pretraining": ("pretraining", "Pretraining"),
        "progress": ("progress", "Scores by pretraining"),
        "bench": ("bench", "Cost against length"),
        "calibration": ("calibration", "Calibration"),
        "examples": ("browser", "Examples"),
        "failed": ("failed", "Failed cells"),
    }
    found = [(identity, title) for identity, (name, title) in optional.items() if content[name]]
    first = [("overall", "All models")] if content["overall"] else []
    return [*first, ("leaderboard", "Leaderboard"), *found, ("provenance", "Provenance")]


def _runs(comparisons: Iterable[Comparison]) -> Iterable[RunRecord]:
    return (run for comparison in comparisons for standing in comparison.standings for run in standing.entry.runs)


def _datasets(comparisons: Sequence[Comparison]) -> list[dict[str, object]]:
    found: dict[tuple[str, str], dict[str, object]] = {}
    for task in (comparison.task for comparison in comparisons):
        sources = ", ".join(f"{name} {version}" for name, version in (task.get("sources") or {}).items())
        remarks = "; ".join(part for part in (sources, *map(str, task.get("notes") or ())) if part)
        found.setdefault((task["dataset"], task["fingerprint"]), {**task, "remarks": remarks})
    return [found[key] for key in sorted(found)]


def _environments(comparisons: Sequence[Comparison]) -> list[dict[str, object]]:
    """The environments of the runs, that of most runs first."""
    groups: dict[str, list[RunRecord]] = defaultdict(list)
    for run in {run["key"]: run for run in _runs(comparisons)}.values():  # one run may have several test sets
        groups[json.dumps(run.get("environment"), sort_keys=True)].append(run)
    found = []
    for runs in sorted(groups.values(), key=len, reverse=True):
        environment = runs[0].get("environment") or {}
        facts = {name: value for name, value in environment.items() if name != "packages" and value is not None}
        facts |= environment.get("packages") or {}
        found.append(
            {
                "n_runs": len(runs),
                "machine": tables.machine_of(runs[0]),
                "revision": environment.get("git_revision"),
                "facts": sorted(facts.items()),
            }
        )
    return found[:20]
