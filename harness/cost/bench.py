"""A bench from the values of its options to its records: the steps that the command and the Python function share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cost.points import (
    Growing,
    Limits,
    Point,
    Settings,
    Subject,
    parse_batch_sizes,
    parse_choices,
    parse_lengths,
    parse_models,
    points_of,
)
from harness.cost.run import Bench, Say
from harness.cost.settings import Mode, Precision, limits_of, settings_of
from harness.cost.texts import Texts, read_texts, told
from harness.cost.weights import subjects
from harness.progress import counted
from harness.store import Store
from harness.store.record import PointRecord
from models.attention.names import Attention


@dataclass(frozen=True, kw_only=True)
class BenchRequest:
    """What a bench is asked for, as options give it: several values are one text with commas.

    Attributes:
        models: registered encoders, or ``all``; ``None`` for all, or for none if there are ``locations``.
        locations: folders and hub ids of further models.
        names: what tables call the models with weights, in their order; empty for the defaults.
        weights: of the registered encoders: ``scratch``, ``tiny-pretrained``, ``hub``, a folder or a hub id.
        lengths: tokens, increasing; ``None`` for the default.
        texts: a file of a user's own texts, whose lengths are measured in place of ``lengths``.
        batch_sizes: several in place of ``batch_size``, see `parse_batch_sizes`.
        engine, quantize: see `parse_choices`.
        size, mode, batch_size, tokens_per_batch, precision, attention, threads, extend_positions: see `settings_of`.
        point_timeout, memory_limit, min_repetitions, min_seconds: see `limits_of`.
    """

    models: str | None
    locations: Sequence[str]
    names: Sequence[str]
    weights: str
    size: str
    lengths: str | None
    texts: str | None
    mode: Mode
    batch_size: int | None
    batch_sizes: str | None
    tokens_per_batch: int | None
    precision: Precision | None
    attention: Attention
    engine: str
    quantize: str
    threads: int | None
    extend_positions: bool
    point_timeout: float
    memory_limit: int | None
    min_repetitions: int
    min_seconds: float


@dataclass(frozen=True)
class BenchPlan:
    """What a bench will measure, checked against this machine."""

    subjects: Sequence[Subject]
    points: Sequence[Point | Growing]
    settings: Settings
    limits: Limits
    texts: Texts | None

    @property
    def names(self) -> list[str]:
        """What tables call the models."""
        return [subject.name or subject.model for subject in self.subjects]

    def announced(self) -> str:
        """The line about a bench before it runs: its points, models, settings and limits."""
        settings, limits = self.settings, self.limits
        scratch = [subject.model for subject in self.subjects if not subject.weights]
        own = [f"{subject.name} ({subject.model})" for subject in self.subjects if subject.weights]
        what = [f"{', '.join(scratch)} {settings.size}, scratch weights"] if scratch else []
        what += [f"weights of {', '.join(own)}"] if own else []
        engines = [choice.label or "torch" for choice in settings.choices]
        return (
            f"{counted(len(self.points), 'point')}: {', '.join(what)}, {settings.mode}, {settings.precision}, "
            f"{settings.attention} attention{', ' + ', '.join(engines) if engines != ['torch'] else ''}, "
            f"{counted(settings.threads, 'thread')} on {settings.machine}; "
            f"each at most {limits.timeout_s:g} s and {limits.memory_mib} MiB"
        )

    def about_texts(self) -> list[str]:
        """One line per model about the lengths of a user's own texts; none without such texts."""
        if self.texts is None:
            return []
        sizes = [size for size in self.settings.batch_sizes or (self.settings.batch_size,) if size] or [8, 32]
        return [
            told(self.texts, name, subject.texts, sizes)
            for name, subject in zip(self.names, self.subjects, strict=True)
        ]


@dataclass(frozen=True)
class BenchOutcome:
    """A bench that has run.

    Attributes:
        records: of its points, in their order.
        outdated: points taken from the store that an earlier revision of the code measured.
        unwritten: records that could not be written.
        folder: of the store.
    """

    records: Sequence[PointRecord]
    outdated: int
    unwritten: int
    folder: Path

    @property
    def failed(self) -> list[PointRecord]:
        """The points that ended with an error."""
        return [record for record in self.records if record["status"] == "failed"]

    def remarks(self) -> list[str]:
        """What the user must know beside the numbers, one sentence each."""
        found = []
        if self.outdated:
            found.append(
                f"{self.outdated} points were measured by another revision of the code; --force measures them again"
            )
        if self.failed:
            found.append(
                f"{len(self.failed)} of {counted(len(self.records), 'point')} failed: {self.failed[0]['error']}"
            )
        if any(record.get("log") for record in self.failed):
            found.append(f"the output of their processes is under 'log' in their run.json in {self.folder}")
        if self.unwritten:
            found.append(
                f"{self.unwritten} records could not be written to {self.folder}; free some space and run the bench again"
            )
        return found


def plan_bench(request: BenchRequest) -> BenchPlan:
    """Find what is asked for and check it; nothing is measured or written.

    Raises:
        InputError: a value is not usable on this machine, or a name is unknown.
    """
    lengths = parse_lengths(request.lengths)
    texts = read_texts(request.texts) if request.texts is not None else None
    settings = settings_of(
        size=request.size,
        mode=request.mode,
        batch_size=request.batch_size,
        tokens_per_batch=request.tokens_per_batch,
        precision=request.precision,
        attention=request.attention,
        threads=request.threads,
        extend_positions=request.extend_positions,
        batch_sizes=() if request.batch_sizes is None else parse_batch_sizes(request.batch_sizes),
        choices=parse_choices(request.engine, request.quantize),
        texts=texts.name if texts else "",
    )
    limits = limits_of(request.point_timeout, request.memory_limit, request.min_repetitions, request.min_seconds)
    found = subjects(_registered(request), request.size, request.weights, request.locations, texts, request.names)
    return BenchPlan(found, points_of(found, lengths, settings), settings, limits, texts)


def _registered(request: BenchRequest) -> list[str]:
    """The registered encoders among what is measured."""
    if request.models is None and request.locations:
        return []
    return parse_models("all" if request.models is None else request.models)


def run_bench(plan: BenchPlan, store: Store, *, force: bool, plugins: Sequence[str], say: Say) -> BenchOutcome:
    """Measure the points of a plan, or take them from the store.

    Args:
        plan: see `plan_bench`.
        store: holds finished points and receives new ones.
        force: measure stored points again.
        plugins: Python files that register models.
        say: prints a line about the bench, and one about each point.

    Raises:
        InputError: the store cannot be written.
        StoppedError: the user stopped the bench.
    """
    store.check_writable()
    for line in (*plan.about_texts(), plan.announced()):
        say(line)
    under_way = Bench(store, plan.limits, force=force, plugins=plugins, say=say)
    records = under_way.run(plan.points)
    return BenchOutcome(records, under_way.outdated, under_way.unwritten, store.folder)
