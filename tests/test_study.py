"""The published study repeats from its store: its tables, and the numbers of its text."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from harness.cli import run_command
from harness.plain_text import plain
from harness.report.files import leaderboard, tables
from harness.report.reading import read
from harness.report.results import results
from harness.report.table import as_csv, as_markdown
from harness.store import Store

STUDY = Path(__file__).parents[1] / "results" / "study"
TABLES = {
    "ner": "ner-docstrings-all-sizes",
    "uner_ewt": "ner-uner-ewt-all-sizes",
    "wnut17": "ner-wnut17-all-sizes",
    "sst2": "classification-sst2-all-sizes",
    "needle": "needle-mixed-all-sizes",
    "retrieval": "retrieval-docstrings-all-sizes",
    "nli": "nli-docstrings-all-sizes",
    "span": "span-docstrings-all-sizes",
    "lm": "lm-docstring-pairs-custom",
}

SIZE = {"avey-b": "tiny-s64"}
"""Sizes that are not ``tiny``."""
_INTERVAL = r"([+-][\d.]+) \(([+-][\d.]+) to ([+-][\d.]+)\) \|$"
DIFFERENCE = {
    "ner/docstrings": re.compile(
        rf"^\| `([a-z-]+)` \| [\d.]+ \| \**[\d.]+\** \| (\d) x \d \| {_INTERVAL}", re.MULTILINE
    ),
    "ner/uner_ewt": re.compile(rf"^\| `([a-z-]+)` \| [\d.]+ \| \**[\d.]+\** \|() {_INTERVAL}", re.MULTILINE),
}


@pytest.fixture(scope="module")
def found():
    store = Store(STUDY / "runs")
    return results(store, read(store.folder))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_runs_give(found, name):
    (comparison,) = [one for one in found.panels if one.name == TABLES[name]]
    made = plain(as_markdown(tables.of_comparison(comparison)))
    assert made == (STUDY / f"{name}.md").read_text(encoding="utf-8")


def test_the_leaderboard_is_what_the_runs_give(found):
    made = plain(as_csv(leaderboard.rows_of(found.comparisons)))
    assert made == (STUDY / "leaderboard.csv").read_text(encoding="utf-8")


def test_the_medians_of_the_text_are_those_of_the_runs():
    text = (STUDY / "RESULTS.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([a-z-]+)` \| ([\d.]+) \| \**([\d.]+)\** \| (\d) x (\d) \|", text, re.MULTILINE)
    board = pd.read_csv(STUDY / "leaderboard.csv").query("dataset == 'ner/docstrings'").set_index("model")
    assert len(told) == 5
    for model, scratch, pretrained, pretrainings, seeds in told:
        rows, size = board.loc[model], SIZE.get(model, "tiny")
        is_scratch = rows["weights"] == "scratch"
        (random,) = rows[is_scratch & (rows["size"] == size)].to_dict("records")
        (trained,) = rows[~is_scratch & (rows["weights"] != "pretrained-20M")].to_dict("records")
        assert random["median"] == pytest.approx(float(scratch), abs=0.0005)
        assert trained["median"] == pytest.approx(float(pretrained), abs=0.0005)
        assert trained["n_seeds"] == int(pretrainings) * int(seeds)


OTHER_DATA = (
    "ner/wnut17",
    "classification/sst2",
    "needle/mixed",
    "retrieval/docstrings",
    "nli/taxinli_mnli",
)
"""The columns of the table of other data."""


def test_the_scores_on_other_data_are_those_of_the_runs():
    text = (STUDY / "RESULTS.md").read_text(encoding="utf-8").partition("### Other data")[2].partition("```")[0]
    board = pd.read_csv(STUDY / "leaderboard.csv")
    told = [
        (dataset, model, start, float(score))
        for model, cells in re.findall(r"^\| `([a-z-]+)` \|(.*)\|$", text, re.MULTILINE)
        for dataset, cell in zip(OTHER_DATA, cells.split("|"), strict=True)
        for start, score in zip(("pretrained", "scratch"), reversed(re.findall(r"[\d.]+", cell)), strict=False)
    ]
    assert len(told) > 20
    for dataset, model, start, score in told:
        rows = board.query("dataset == @dataset and model == @model")
        is_scratch = rows["weights"] == "scratch"
        rows = rows[is_scratch & (rows["size"] == SIZE.get(model, "tiny"))] if start == "scratch" else rows[~is_scratch]
        assert rows["median"].item() == pytest.approx(score, abs=0.0006), (dataset, model, start)


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["ner/docstrings", "ner/uner_ewt"])
def test_the_differences_of_the_text_are_those_of_the_runs(dataset, capsys):
    rows = DIFFERENCE[dataset].findall((STUDY / "RESULTS.md").read_text(encoding="utf-8"))
    assert len(rows) == 5
    for model, pretrainings, *told in rows:
        weights = "pretrained-10M" if pretrainings == "2" else "tiny-pretrained"
        sides = [f"{model}@{weights}", f"{model}:{SIZE.get(model, 'tiny')}"]
        assert run_command(["compare", *sides, "--task", dataset, "--out", str(STUDY / "runs"), "--json"]) == 0
        (made,) = json.loads(capsys.readouterr().out)
        found = [made["difference"], made["difference_low"], made["difference_high"]]
        assert found == pytest.approx([float(value) for value in told], abs=0.0006), model


@pytest.mark.slow
def test_the_gains_of_twice_the_tokens_are_those_of_the_runs(capsys):
    row = re.compile(rf"^  \| `([a-z-]+)` \| [\d.]+ → [\d.]+ \| ([\d.]+) → ([\d.]+) \| {_INTERVAL}", re.MULTILINE)
    rows = row.findall((STUDY / "RESULTS.md").read_text(encoding="utf-8"))
    assert len(rows) == 3
    for model, *told in rows:
        sides = [f"{model}@pretrained-20M", f"{model}@pretrained-10M"]
        assert run_command(["compare", *sides, "--task", "ner", "--out", str(STUDY / "runs"), "--json"]) == 0
        (made,) = json.loads(capsys.readouterr().out)
        columns = ("b_score", "a_score", "difference", "difference_low", "difference_high")
        assert [made[name] for name in columns] == pytest.approx([float(value) for value in told], abs=0.0006), model
