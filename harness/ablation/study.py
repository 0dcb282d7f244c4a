"""A study from beginning to end: pretrain every variant, fine-tune every checkpoint, judge every difference.

Everything that is finished is kept and not run again: results of pretraining in the folder of the study, cells in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.ablation.judgement import Judged, judge, judge_held_out
from harness.ablation.variants import Variant, Variants
from harness.cells.grids import Grid
from harness.cells.planned import Planned
from harness.errors import InputError, StoppedError
from harness.pretraining.folder import check_folder
from harness.pretraining.planned import Pretraining, resolve, resolve_like
from harness.pretraining.request import PretrainRequest
from harness.progress import Reporter, Update, saved_so_far
from harness.scheduling.sweep import Sweep, cells_of
from harness.store import Store
from harness.store.pretrained import read_pretraining
from harness.store.record import PretrainingRecord, RunRecord

Pretrain = Callable[[PretrainRequest, Callable[[str], None]], str]
"""Pretrains into the request's folder, or goes on there; returns why there is no result, or an empty text."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Study:
    """What is asked for.

    Attributes:
        request: of the baseline's pretraining; ``out`` is the folder of the study.
        variants: to pretrain, each with its config values and recipe.
        pretraining_seeds: each variant is pretrained from each of them.
        grid: the tasks, learning rates and seeds of fine-tuning; its weights are replaced by the checkpoints.
    """

    request: PretrainRequest
    variants: Variants
    pretraining_seeds: tuple[int, ...]
    grid: Grid

    @property
    def row_length(self) -> int:
        """Tokens of the held-out rows by which variants are compared."""
        return self.variants.baseline.recipe.longest

    def pretrainings(self) -> Iterator[tuple[Variant, PretrainRequest]]:
        """One request for every variant and pretraining seed, seed by seed, the baseline first."""
        for seed in self.pretraining_seeds:
            for variant in self.variants:
                yield (
                    variant,
                    replace(
                        self.request,
                        model_options=variant.options,
                        recipe=variant.recipe,
                        seed=seed,
                        out=self.request.out / "pretrained" / variant.folder / f"seed-{seed}",
                        eval_rows=(self.row_length,),
                    ),
                )

    def scratch_cells(self) -> list[Planned]:
        """The cells of one checkpoint, planned for random weights: those of a checkpoint are as many.

        Raises:
            InputError: a task, its data or a value of the recipe is not usable.
        """
        return cells_of([replace(self.grid, weights="scratch", size=self.request.size)])[0]

    def check(self, report: Reporter) -> None:
        """See that every variant can be built and pretrained, that every task is there, and that the folder is this study's.

        Raises:
            InputError: something is not usable; the sentence names the variant.
        """
        self.scratch_cells()
        built: dict[str, Pretraining] = {}
        for variant, request in self.pretrainings():
            try:
                if variant.name in built:
                    planned = replace(built[variant.name], request=request)
                elif built:
                    planned = resolve_like(next(iter(built.values())), request)
                else:
                    planned = resolve(request, report)
                check_folder(request.out, planned.identity)
            except InputError as error:
                raise InputError(f"the variant {variant.name}: {error}") from error
            built.setdefault(variant.name, planned)


@dataclass(frozen=True)
class Outcome:
    """What a study has found so far.

    Attributes:
        study: what was asked for.
        pretrained: results by name of variant and pretraining seed.
        runs: finished cells by name of variant, dataset and pretraining seed.
        judged: every variant beside the baseline, by held-out loss and then by every dataset.
        failures: what has no result, and why.
    """

    study: Study
    pretrained: Mapping[str, Mapping[int, PretrainingRecord]]
    runs: Mapping[str, Mapping[str, Mapping[int, Sequence[RunRecord]]]]
    judged: tuple[Judged, ...]
    failures: tuple[tuple[str, str], ...]


def pretrain_all(study: Study, pretrain: Pretrain, say: Say, show: Update) -> list[tuple[str, str]]:
    """Pretrain what has no result yet, one after the other; one that breaks stops only itself.

    Args:
        study: checked before.
        pretrain: see `Pretrain`.
        say: is called with one line about each that ends, and with lines about its progress.
        show: moves a bar on.

    Returns:
        What broke, and why.

    Raises:
        StoppedError: the user stopped it.
    """
    work, broken = list(study.pretrainings()), []
    try:
        for number, (variant, request) in enumerate(work):
            if read_pretraining(request.out):
                continue
            name = f"{variant.name}, pretraining seed {request.seed}"

            def tell(line: str, name: str = name, number: int = number) -> None:
                show(number, len(work), name, below=[line])
                say(f"{name}: {line}")

            show(number, len(work), name)
            if problem := pretrain(request, tell):
                broken.append((name, problem))
                say(f"{name} FAILED: {problem}")
    except KeyboardInterrupt as stop:
        saved = sum(read_pretraining(request.out) is not None for _, request in work)
        raise StoppedError(saved_so_far(saved, len(work), "pretraining")) from stop
    return broken


def cells_by_checkpoint(study: Study) -> dict[tuple[str, int], list[Planned]]:
    """The cells of every checkpoint that is there, by name of variant and pretraining seed.

    Raises:
        InputError: a checkpoint cannot be read, or a task is not usable.
    """
    return {
        (variant.name, request.seed): cells_of([replace(study.grid, weights=str(request.out), size=None)])[0]
        for variant, request in study.pretrainings()
        if read_pretraining(request.out)
    }


def sweep_of(cells: Mapping[tuple[str, int], Sequence[Planned]], store: Store, retry_failed: bool, say: Say) -> Sweep:
    """All cells as one sweep, each once."""
    unique = {planned.cell.key: planned for group in cells.values() for planned in group}
    return Sweep(list(unique.values()), store, retry_failed, say)


def outcome_of(
    study: Study,
    cells: Mapping[tuple[str, int], Sequence[Planned]],
    sweep: Sweep,
    broken: Sequence[tuple[str, str]],
) -> Outcome:
    """Judge everything that is finished.

    Args:
        study: what was asked for.
        cells: of every checkpoint.
        sweep: has run them.
        broken: pretrainings without a result, and why.
    """
    found = {record["key"]: record for record in sweep.records()}
    pretrained: dict[str, dict[int, PretrainingRecord]] = {variant.name: {} for variant in study.variants}
    for variant, request in study.pretrainings():
        if record := read_pretraining(request.out):
            pretrained[variant.name][request.seed] = record
    runs: dict[str, dict[str, dict[int, list[RunRecord]]]] = {name: {} for name in pretrained}
    for (name, seed), group in cells.items():
        for planned in group:
            if run := found.get(planned.cell.key):
                runs[name].setdefault(planned.cell.task, {}).setdefault(seed, []).append(run)
    datasets = list(dict.fromkeys(planned.cell.task for group in cells.values() for planned in group))
    owners = {
        planned.cell.key: f"{name}, pretraining seed {seed}"
        for (name, seed), group in cells.items()
        for planned in group
    }
    failed = [
        (f"{owners[planned.cell.key]} on {planned.cell.task}, seed {planned.cell.seed}", str(record["error"]))
        for planned, record in sweep.failures()
    ]
    judged = tuple(_judged(study, pretrained, runs, datasets, sweep.store))
    return Outcome(study, pretrained, runs, judged, (*broken, *failed))


def _judged(
    study: Study,
    pretrained: Mapping[str, Mapping[int, PretrainingRecord]],
    runs: Mapping[str, Mapping[str, Mapping[int, Sequence[RunRecord]]]],
    datasets: Sequence[str],
    store: Store,
) -> Iterator[Judged]:
    base = study.variants.baseline.name
    for variant in study.variants.others:
        name = variant.name
        yield judge_held_out(name, pretrained[name], pretrained[base], study.row_length)
        for dataset in datasets:
            ours, theirs = (runs[side].get(dataset, {}) for side in (name, base))
            yield judge(name, dataset, variant.finding, ours, theirs, store.predictions)
