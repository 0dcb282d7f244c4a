"""Which seeds the gate runs."""

from pathlib import Path

import pytest

from harness.cells.request import Request
from harness.gate.baseline import Baseline, GatedCell
from harness.gate.judge import run_again
from harness.scheduling.executor import Failure, Finished


class Broken:
    """An executor in which every job fails."""

    def run(self, jobs):
        for job in jobs:
            yield Finished(job.key, Failure("failed", f"seed {job.request.seed}"), 0.0, "")


@pytest.mark.parametrize(
    ("scores", "losses", "again"),
    [
        ((0.8, 0.8), (), [0]),  # nothing is trained
        ((0.8, 0.8), (0.5, 0.4), [0, 1, 2]),
        ((0.8, 0.7), (), [0, 1, 2]),  # trained too briefly for a loss
        ((), (), [0, 1, 2]),  # a new baseline
    ],
)
def test_a_cell_that_trains_nothing_runs_once(scores, losses, again):
    request = Request("bert", "lm/docstrings")
    cell = GatedCell(request, {}, (0, 1), scores=scores, losses=losses)
    baseline = Baseline(Path("ci.json"), (cell,), (0, 1, 2), {})
    assert run_again(baseline, Broken()) == [[f"seed {seed}" for seed in again]]
    assert run_again(baseline, Broken(), all_seeds=True) == [["seed 0", "seed 1"]]
