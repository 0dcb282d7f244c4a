"""Run a study. Finished variants are kept, interrupted ones resume, and a failure stops only its own variant."""

from __future__ import annotations

from dataclasses import dataclass

from harness.ablation.study import (
    Outcome,
    Pretrain,
    Study,
    cells_by_checkpoint,
    outcome_of,
    pretrain_all,
    sweep_of,
)
from harness.errors import InputError
from harness.progress import shown, silent, stderr
from harness.scheduling.executor import Executor
from harness.store import Store
from harness.store.lock import held
from harness.store.pretrained import read_pretraining

LOCK = ".ablate.lock"


@dataclass(frozen=True)
class Counts:
    """How large a study is: pretrainings and how many of them are done, tokens of each, cells of all checkpoints."""

    pretrainings: int
    done: int
    tokens: int
    cells: int


def counts(study: Study) -> Counts:
    """How large a study is."""
    requests = [request for _, request in study.pretrainings()]
    recipe = study.variants.baseline.recipe
    return Counts(
        len(requests),
        sum(read_pretraining(request.out) is not None for request in requests),
        recipe.steps * recipe.batch_tokens,
        len(study.scratch_cells()) * len(requests),
    )


def plan_rows(study: Study, store: Store) -> list[tuple[str, ...]]:
    """What would run, one row per variant: name, setting, tokens of a pretraining, and how many pretrainings and cells are done."""
    cells, a_checkpoint = cells_by_checkpoint(study), len(study.scratch_cells())
    rows: list[tuple[str, ...]] = []
    for variant in study.variants:
        own = [group for (name, _), group in cells.items() if name == variant.name]
        done = sum(store.has(planned.cell) for group in own for planned in group)
        n_seeds = len(study.pretraining_seeds)
        tokens = variant.recipe.steps * variant.recipe.batch_tokens
        rows.append(
            (
                variant.name,
                variant.setting or "-",
                f"{tokens:,}",
                f"{len(own)} of {n_seeds}",
                f"{done} of {a_checkpoint * n_seeds}",
            )
        )
    return rows


def run_study(
    study: Study, store: Store, pretrain: Pretrain, executor: Executor, workers: int, retry_failed: bool
) -> Outcome:
    """Pretrain all variants, fine-tune all checkpoints, and judge what there is.

    Args:
        study: checked before, see `Study.check`.
        store: of cells and records.
        pretrain: see `harness.ablation.study.Pretrain`.
        executor: runs cells into the store.
        workers: how many cells it runs at a time.
        retry_failed: run failed cells again.

    Raises:
        InputError: folder or store cannot be written, or another process runs a study in the folder.
        StoppedError: the user stopped it.
    """
    folder = study.request.out
    for written in (Store(folder), store):
        written.check_writable()
    with held(folder / LOCK, wait=False) as free:
        if not free:
            raise InputError(f"another process runs ablations in {folder}; wait for it, or choose another --out")
        with shown(estimates=False) as report:
            begin = report if stderr.is_terminal else silent
            say = silent_say if stderr.is_terminal else stderr.print
            broken = pretrain_all(study, pretrain, say, begin("pretrain", counts(study).pretrainings))
        cells = cells_by_checkpoint(study)
        sweep = sweep_of(cells, store, retry_failed, stderr.print)
        if sweep.to_run:
            sweep.run_and_show(executor, workers)
        return outcome_of(study, cells, sweep, broken)


def silent_say(line: str) -> None:
    """Say nothing: a bar shows it."""
