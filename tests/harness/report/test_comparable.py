"""Names of comparisons, and what tells them apart."""

from hypothesis import given
from hypothesis import strategies as st

from harness.report.comparable import comparisons, unused
from tests.harness.report.conftest import alone
from tests.records import run_record

SHORT, LONG = {"epochs": 1.5}, {"epochs": 3.0}


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


def names(runs):
    """The name of each comparison by what sets it apart."""
    return {one.apart: one.name for one in comparisons(runs, alone)}


def test_the_only_recipe_is_named_by_dataset_and_size():
    assert names([run_record("bert"), run_record("avey-b")]) == {"": "ner-docstrings-tiny"}


def test_more_runs_of_a_recipe_change_no_name():
    few = [run_record("bert", recipe=SHORT), run_record("avey-b", recipe=SHORT), run_record("bert", recipe=LONG)]
    before = names(few)
    assert names([*few, *(run_record(model, recipe=LONG) for model in ("avey-b", "neobert", "roberta"))]) == before
    third = names([*few, run_record("bert", recipe={"epochs": 9.0})])
    assert before.items() < third.items()
    assert "ner-docstrings-tiny" not in third.values(), "it named the first recipe while that was the only one"


def test_trials_untrained_and_saved_models_leave_the_name_to_the_recipe_that_trains():
    others = [
        run_record(model, **changes)
        for model in ("bert", "avey-b")
        for changes in (
            {"recipe": {"test_limit": 10}},
            {"recipe": {"epochs": 0.0}},
            {"recipe": {"trained": "saved"}, "model": {"weights": "m", "identity": f"m{model}"}},
        )
    ]
    found = comparisons([*others, run_record("roberta")], alone)
    (plain,) = [one for one in found if one.name == "ner-docstrings-tiny"]
    assert [one.label for one in plain.standings] == ["roberta"]
    assert len({one.name for one in found}) == 4


def test_datasets_and_sizes_that_are_spelled_alike_in_a_file_have_names_of_their_own():
    runs = [
        run_record("bert", dataset, model={"size": size, "identity": size})
        for dataset in ("nli/a_b", "nli/a-b")
        for size in ("x_s", "x-s", "小", "大")
    ]
    assert len({one.name for one in comparisons(runs, alone)}) == len(runs)


def test_facts_that_an_older_record_lacks_are_those_of_newer_records():
    older = run_record("bert", "nli/x", score=0.36)
    newer = run_record("avey-b", "nli/x", score=0.35, task={"constant_guess": 0.34, "caveats": ["made by rules"]})
    (comparison,) = comparisons([older, newer], alone)
    assert comparison.standings[0].label == "bert"
    assert comparison.at_chance
    assert not any(standing.mark for standing in comparison.standings)
    assert comparison.caveat == "made by rules"


def test_no_record_drops_the_caution_of_another():
    told = (["made by rules"], None, [], ["made by rules", "small"])
    runs = [
        run_record(model, "nli/x", score=0.9 - 0.1 * place, task={"caveats": caveats})
        for place, (model, caveats) in enumerate(zip(("bert", "avey-b", "neobert", "roberta"), told, strict=True))
    ]
    (comparison,) = comparisons(runs, alone)
    assert comparison.caveat == "made by rules; small"
