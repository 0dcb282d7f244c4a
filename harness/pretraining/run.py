"""One pretraining run from top to bottom: legs of training, and a result after each branch."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.machine import distributed
from harness.machine.calibration import matmul_rate
from harness.machine.tracking import Curves
from harness.nn.training import DivergedError
from harness.pretraining import checkpoints
from harness.pretraining.folder import WORK, alone, claim
from harness.pretraining.journal import Journal
from harness.pretraining.leg import Leg, Setting
from harness.pretraining.planned import Pretraining
from harness.pretraining.request import branch_name
from harness.pretraining.result import Trained, write_result
from harness.pretraining.rows import Rows
from harness.pretraining.training import CHECKPOINT_INTERVAL_S, CheckpointError, train_leg
from harness.progress import Reporter, silent
from harness.store import Key, Store
from harness.store.pretrained import read_pretraining
from harness.store.record import PretrainingRecord


class BrokenRunError(Exception):
    """The run broke, in one sentence that says what is kept and how to go on."""


def pretrain(
    planned: Pretraining,
    store: Store,
    report: Reporter = silent,
    curves: Curves | None = None,
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
) -> list[PretrainingRecord]:
    """Train, or go on where an earlier attempt was cut off, and keep every result.

    Args:
        planned: what to train.
        store: gets a record of each result.
        report: shows the stages.
        curves: where the curves of training go.
        checkpoint_interval_s: seconds between checkpoints.

    Returns:
        The records, that of the whole run last; none in a process that is not the first.

    Raises:
        InputError: the folder holds something else, or cannot be written.
        BrokenRunError: the loss is not a number any more, or the disk is full.
    """
    request = planned.request
    distributed.refuse_different(planned.digest())
    if distributed.is_first():
        Store(request.out).check_writable()
    with alone(request.out):
        problem = distributed.from_first(lambda: _problem_of(lambda: claim(request.out, planned.identity)))
        if problem:
            raise InputError(problem)
        store.check_writable()
        rate = matmul_rate(request.recipe.precision)[0]  # before anything is seeded: it draws random numbers
        with _sentences(request.out):
            run = _Run(planned, store, report, curves, checkpoint_interval_s, rate)
            records = [run.result_at(end) for end in request.ends()]
        if distributed.is_first():
            shutil.rmtree(request.out / WORK, ignore_errors=True)
    return [record for record in records if record is not None]


@dataclass
class _Run:
    planned: Pretraining
    store: Store
    report: Reporter
    curves: Curves | None
    checkpoint_interval_s: float
    matmul_flops_per_s: float

    def __post_init__(self) -> None:
        request = self.planned.request
        self.work = request.out / WORK
        self.setting: Setting | None = None

    def result_at(self, end: int) -> PretrainingRecord | None:
        """The result after so many steps: trained, exported and recorded, unless it was before."""
        request = self.planned.request
        is_last = end == request.recipe.steps
        target = request.out if is_last else request.out / branch_name(request.ends()[end])
        record = distributed.from_first(lambda: read_pretraining(target))
        if record is None:
            record = write_result(self.planned, self._trained(end), self.work / f"result-{end}", target)
        if record is None or not distributed.is_first():
            return None
        kept = Key.of(record)
        if not self.store.has(kept):
            self.store.write(kept, record, None)
        return record

    def _trained(self, end: int) -> Trained:
        recipe = self.planned.request.recipe
        trunk, stop = self.work / "trunk", recipe.trunk_of(end)
        last = distributed.from_first(lambda: checkpoints.last_in(trunk))
        reached = checkpoints.number_of(last) if last else 0
        branch = self.work / f"branch-{end}"
        if reached > stop:
            raise InputError(
                f"the trunk in {self.work} is past the branch at {end * recipe.batch_tokens} tokens; remove the folder to begin anew"
            )
        setting = self._setting()
        model, config = self.planned.model()
        journal = Journal()
        if reached < stop or stop == end:
            journal = train_leg(model, Leg(0, stop, stop, trunk), setting)
            if stop < end:
                model, config = self.planned.model()
        if stop < end:
            journal = train_leg(model, Leg(stop, end, stop, branch, trunk / f"checkpoint-{stop}"), setting)
        return Trained(end, journal, model, config, self.matmul_flops_per_s)

    def _setting(self) -> Setting:
        if self.setting is None:
            request, tokenizer = self.planned.request, self.planned.tokenizer
            recipe = request.recipe
            rows = Rows(self.planned.tokens.train, recipe.longest, tokenizer.cls_token_id, request.seed)
            self.setting = Setting(
                recipe,
                request.seed,
                rows,
                self.planned.masker,
                self.planned.held(min(recipe.rows)),
                max(1, recipe.steps // request.points),
                self.checkpoint_interval_s,
                self.curves,
                self.report("pretrain"),
            )
        return self.setting


@contextmanager
def _sentences(out: Path) -> Iterator[None]:
    """Turn what breaks a run into the sentence that says how to go on."""
    kept = f"the same command goes on from the last whole checkpoint in {out / WORK}"
    try:
        yield
    except DivergedError as error:
        raise BrokenRunError(
            f"{error}; the last checkpoint from before is kept in {out / WORK}; use a lower --lr and another --out"
        ) from error
    except (CheckpointError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BrokenRunError(f"{out} cannot be written ({reason}); free some space: {kept}") from error


def _problem_of(check: Callable[[], None]) -> str:
    """The sentence of an InputError, so that every process can raise it; empty if there is none."""
    try:
        check()
    except InputError as error:
        return str(error)
    return ""
