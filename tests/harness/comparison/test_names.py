"""Names of models in a store: each has one, and different models never share one."""

from harness.comparison.entries import entries
from harness.comparison.names import size_of, size_of_all
from tests.records import model_entry, run_record


def own(name, identity, dataset="ner/docstrings", **changes):
    model = {"name": name, "architecture": "bert", "size": "custom", "weights": "/x", "identity": identity}
    return run_record("bert", dataset, model=model, **changes)


def test_two_models_of_one_name_are_told_apart_on_all_datasets():
    runs = [own("mine", "a" * 64), own("mine", "b" * 64, "span/docstrings")]
    assert {entry.label for entry in entries(runs)} == {"mine aaaaaaaa", "mine bbbbbbbb"}


def test_one_model_of_two_names_is_one_entry_under_the_name_of_most_runs():
    runs = [own(name, "a" * 64, seed=seed) for seed, name in enumerate(("old", "new", "new"))]
    runs += [own("old", "a" * 64 + " vectors as declared", "retrieval/docstrings")]
    runs += [own("new", "a" * 64 + " vectors as declared", "retrieval/docstrings", seed=1)]
    found = entries(runs)
    assert {entry.label for entry in found} == {"new"}
    assert sorted(len(entry.runs) for entry in found) == [2, 3]


def test_records_before_names_show_their_encoder_with_the_part_of_the_path_that_says_something():
    model = {"size": "custom", "weights": "runs/bert-mrpc/checkpoint-500", "identity": "c" * 64}
    (entry,) = entries([run_record("bert", model=model)])
    assert (entry.model, entry.label) == ("bert", "bert (bert-mrpc)")


def test_sizes_of_own_weights_are_their_parameters():
    small = model_entry() | {"size": "custom", "params_total": 22_713_216, "params_non_embedding": 10_647_552}
    large = small | {"params_total": 109_482_240, "params_non_embedding": 85_647_360}
    assert size_of(small) == "23 M (11 M without embeddings)"
    assert size_of_all([small, small]) == size_of(small)
    assert size_of_all([large, small]) == "23 M to 109 M parameters"
    assert size_of(model_entry()) == "tiny"
    assert size_of({"name": "bert", "size": "custom", "weights": "x", "identity": "y"}) == "size unknown"
