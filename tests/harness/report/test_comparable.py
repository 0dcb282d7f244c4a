"""Names of comparisons, and what tells them apart."""

from hypothesis import given
from hypothesis import strategies as st

from harness.report.comparable import comparisons, unused
from tests.records import run_record


@given(st.lists(st.sampled_from(["x", "x-2", "x-2-2", "y"])))
def test_names_stay_unique_whatever_was_taken(names):
    taken = set()
    given_names = [unused(name, taken) for name in names]
    assert len(set(given_names)) == len(names)
    assert taken == set(given_names)


def test_a_fine_tuned_run_beside_a_scored_checkpoint_is_not_called_untrained():
    runs = [run_record(), run_record(recipe={"trained": "saved"}, model={"weights": "m", "identity": "m"})]
    found = comparisons(runs, lambda ranked: (["best"] * len(ranked), ""))
    assert sorted(one.apart for one in found) == ["fine-tuned and saved before", "fine-tuned in its run"]
