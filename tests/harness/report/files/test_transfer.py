"""Matrices of training data and test data."""

from harness.report.comparable import comparisons
from harness.report.files.transfer import matrices
from tests.records import run_record, task_entry


def test_a_trial_has_a_row_and_columns_of_its_own_and_a_caution():
    def run(of_limit, recipe, caveats):
        entry = task_entry("nli/b")
        test = {"task": {**entry, "fingerprint": of_limit, "caveats": caveats}, "scores": {"accuracy": 0.5}}
        return run_record("bert", "nli/a", task={"fingerprint": of_limit}, recipe=recipe, tests=[test])

    runs = [run("whole", {}, []), run("trial", {"test_limit": 5}, ["this is a trial of nli/b"])]
    (matrix,) = matrices(comparisons(runs, lambda ranked: ([""] * len(ranked), "")))
    assert len(matrix.frame) == 2
    assert {name for name in matrix.frame if "\0" in name} == {
        f"nli/{name}\0{data}" for name in "ab" for data in ("whole", "trial")
    }
    assert "Caution: this is a trial of nli/b." in matrix.all_notes
