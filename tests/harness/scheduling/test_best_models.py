"""A sweep keeps the model of each encoder on each dataset that is best on dev."""

import json
from pathlib import Path

import pytest

from harness.cells.grids import Grid
from harness.cli import run_command
from harness.errors import InputError
from harness.pipelines.run_cell import NOTHING, Keep, run_one
from harness.scheduling.best_models import check_folders, keep_best_models
from harness.scheduling.executor import Finished
from harness.scheduling.sweep import Sweep, cells_of
from harness.store import Store
from harness.store.saved_model import read_saved

RECIPE = {"max_steps": 8, "max_length": 48, "precision": "fp32"}
FOLDER = "bert-custom_ner-cities"


class InThisProcess:
    """An executor without child processes.

    Args:
        out: folder of the store.
        keep: where models are kept.
    """

    workers = 1

    def __init__(self, out, keep=NOTHING):
        self.out, self.keep, self.ran = out, keep, []

    def run(self, jobs):
        for job in jobs:
            self.ran.append(job.key)
            yield Finished(job.key, run_one(job.request, str(self.out), False, keep=self.keep).record, 0.0)


def sweep_of(small_bert, data_dir, out):
    grid = Grid(
        ("bert",),
        ("ner/cities",),
        (1e-6, 1e-2),
        weights=str(small_bert),
        data_dir=str(data_dir),
        recipe=RECIPE,
    )
    return Sweep(cells_of([grid])[0], Store(out), False, print)


def test_the_best_cell_is_run_again_if_it_was_stored_without_its_model(small_bert, data_dir, tmp_path):
    out, root = tmp_path / "runs", tmp_path / "best"
    sweep = sweep_of(small_bert, data_dir, out)
    sweep.run(InThisProcess(out), 1, lambda *shown, **more: None)
    records = sweep.records()
    scores = {record["key"]: record["scores"]["dev"]["entity_f1_strict"] for record in records}
    assert len(set(scores.values())) == 2
    executor = InThisProcess(out, Keep(best_in=root))
    for _ in range(2):  # the second time there is nothing to do
        keep_best_models(sweep_of(small_bert, data_dir, out), executor, root, print)
    assert executor.ran == [max(scores, key=scores.get)]
    assert read_saved(root / FOLDER)["key"] == executor.ran[0]
    assert [path.name for path in root.iterdir()] == [FOLDER]


def test_folders_with_other_files_are_refused(small_bert, data_dir, tmp_path):
    (tmp_path / "best" / FOLDER).mkdir(parents=True)
    (tmp_path / "best" / FOLDER / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds other files, such as notes\.txt"):
        check_folders(sweep_of(small_bert, data_dir, tmp_path / "runs").cells, tmp_path / "best")


@pytest.mark.slow
def test_the_command_keeps_the_best(small_bert, data_dir, tmp_path, capsys):
    grid = ["--models", "bert", "--tasks", "ner/cities", "--lrs", "1e-6,1e-2", "--data-dir", str(data_dir)]
    grid += ["--weights", str(small_bert), "--max-steps", "8", "--max-length", "48", "--precision", "fp32", "--json"]
    places = ["--out", str(tmp_path / "runs"), "--save-best", str(tmp_path / "best")]
    assert run_command(["sweep", *grid, *places]) == 0
    capsys.readouterr()
    saved = read_saved(tmp_path / "best" / FOLDER)
    files = (tmp_path / "runs").glob("*/run.json")
    best = max(
        (json.loads(Path(file).read_text()) for file in files), key=lambda one: one["scores"]["dev"]["entity_f1_strict"]
    )
    assert saved["key"] == best["key"]
