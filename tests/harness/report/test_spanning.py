"""Comparisons across sizes: who is in them, and that the tests span them."""

from harness.report.comparable import comparisons
from harness.report.spanning import ALL_SIZES, spanning
from harness.report.styles import numbers_with
from harness.report.ties import PAIRED, Ties
from harness.store import Store
from tests.records import predictions_of, write_run


def alone(ranked):
    return ["best"] + [""] * (len(ranked) - 1), ""


def sized(make_run, size, score, dataset="nli/x", **changes):
    return [
        make_run("bert", dataset, seed, score=score, model={"size": size, "identity": size}, **changes)
        for seed in (0, 1, 2)
    ]


def test_the_test_of_differences_spans_sizes(tmp_path, make_run):
    runs = sized(make_run, "tiny", 0.2) + sized(make_run, "base", 0.9) + sized(make_run, "large", 0.9)
    for run in runs:
        write_run(tmp_path, run, predictions_of(run))
    ties = Ties(Store(tmp_path))
    found = comparisons(runs, ties)
    (span,) = spanning(found, ties)
    assert (span.name, span.size, span.test) == ("nli-x-all-sizes", ALL_SIZES, PAIRED)
    marks = {one.label: one.mark for one in span.standings}
    assert marks == {"bert base": "best", "bert large": "best", "bert tiny": ""}
    assert [one.mark for comparison in found for one in comparison.standings] == [""] * 3, "alone in its size"


def test_other_recipes_do_not_mix_and_one_size_makes_no_comparison(make_run):
    runs = sized(make_run, "tiny", 0.5) + sized(make_run, "base", 0.9, recipe={"epochs": 9.0})
    assert spanning(comparisons(runs, alone), alone) == []


def test_a_ranker_is_there_once(make_run):
    ranker = {"size": "lexical", "weights": "none", "params_total": 0, "params_non_embedding": 0}
    runs = [*sized(make_run, "tiny", 0.5, "retrieval/x"), *sized(make_run, "base", 0.9, "retrieval/x")]
    runs.append(make_run("bm25", "retrieval/x", score=0.7, model=ranker))
    (span,) = spanning(comparisons(runs, alone), alone)
    assert [one.label for one in span.standings] == ["bert base", "bm25", "bert tiny"]


def test_a_model_looks_the_same_under_each_of_its_names_and_another_size_does_not():
    alone = numbers_with(
        [("avey-b", "avey-b", "tiny"), ("own", "own", "custom"), ("avey-b tiny", "avey-b", "tiny")],
        {"avey-b": 0, "own": 5},
    )
    assert alone == {"avey-b": 0, "own": 5, "avey-b tiny": 0}
    names = [("bert tiny", "bert", "tiny"), ("bert base", "bert", "base")]
    several = numbers_with(names * 2, {"bert": 1, "own": 5})
    assert several["bert tiny"] == 1
    assert several["bert base"] not in (1, 5)
