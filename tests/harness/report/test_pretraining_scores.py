"""Scores after fine-tuning against the tokens of pretraining, and intervals that know pretrainings."""

import pytest

from harness.report.comparable import comparisons
from harness.report.pretraining_scores import progress, sections
from harness.report.styles import numbers
from tests.records import model_entry, pretraining_record, run_record


def pretrained(name, tokens, score, pretraining_seed=0, seed=0, recipe="", corpus="docstrings"):
    group = f"{name}{tokens}{recipe}{corpus}"
    origin = {"key": f"{group}{pretraining_seed}", "group": group, "seed": pretraining_seed}
    origin |= {"tokens": tokens, "flops": 1e12, "seconds": 60.0, "corpus": corpus, "longest_row": 512}
    weights = f"{name}-{tokens}{recipe}{corpus}-{pretraining_seed}"
    model = model_entry(name, "custom") | {"weights": weights, "identity": weights, "pretraining": origin}
    return run_record(name, seed=seed, score=score, model=model)


def compared(records):
    (found,) = comparisons(records, lambda entries: (["best"] + [""] * (len(entries) - 1), ""))
    return found


def test_a_model_of_several_lengths_is_a_series_with_the_fewest_tokens_first():
    records = [
        pretrained("bert", 10_000_000, 0.6),
        pretrained("bert", 5_000_000, 0.5),
        pretrained("avey-b", 5_000_000, 0.4),
    ]
    (found,) = progress(compared(records))
    assert found.name == "bert"
    assert [(tokens, standing.score) for tokens, standing in found.points] == [(5_000_000, 0.5), (10_000_000, 0.6)]


def test_the_page_has_a_chart_where_there_are_lengths_to_compare():
    records = [pretrained("bert", 10_000_000, 0.6), pretrained("bert", 5_000_000, 0.5)]
    comparison = compared(records)
    (section,) = sections([comparison], numbers([comparison], []), [])
    assert [name for _, name in section["legend"]] == ["bert"]
    assert "bert, 10M tokens: 0.6000" in section["chart"]
    assert sections([compared(records[:1])], {}, []) == []


def test_a_length_of_several_pretrainings_that_nothing_tells_apart_is_left_out():
    records = [
        pretrained("bert", 5_000_000, 0.5),
        pretrained("bert", 10_000_000, 0.6),
        pretrained("bert", 10_000_000, 0.9, recipe="softmax"),
        pretrained("bert", 20_000_000, 0.7),
    ]
    assert progress(compared(records[:3])) == []
    (found,) = progress(compared(records))
    assert [tokens for tokens, _ in found.points] == [5_000_000, 20_000_000]


def test_the_record_of_a_pretraining_says_which_lengths_belong_together():
    rates, runs, pretraining = {"fast": 2e-3, "slow": 5e-4}, [], []
    for tokens, recipe, score in (
        (5_000_000, "fast", 0.5),
        (5_000_000, "slow", 0.6),
        (10_000_000, "fast", 0.7),
        (10_000_000, "slow", 0.4),
        (20_000_000, "slow", 0.45),
    ):
        run, record = pretrained("bert", tokens, score, recipe=recipe), pretraining_record("bert")
        settings = record["recipe"] | {"tokens": tokens, "learning_rate": rates[recipe]}
        runs.append(run)
        pretraining.append(record | {"key": run["model"]["pretraining"]["key"], "recipe": settings})
    found = progress(compared(runs), pretraining)
    assert {one.name: [standing.score for _, standing in one.points] for one in found} == {
        "bert tiny, lr 0.002": [0.5, 0.7],
        "bert tiny, lr 0.0005": [0.6, 0.4, 0.45],
    }


def test_corpora_are_curves_of_their_own_with_names_and_styles_that_tell_them_apart():
    runs = [
        pretrained("bert", tokens, score, corpus=corpus)
        for corpus, score in (("docstrings", 0.5), ("wikipedia", 0.7))
        for tokens in (5_000_000, 10_000_000)
    ]
    comparison = compared(runs)
    assert [one.name for one in progress(comparison)] == ["bert, docstrings", "bert, wikipedia"]
    (section,) = sections([comparison], numbers([comparison], []), [])
    assert len({number for number, _ in section["legend"]}) == 2


def test_the_interval_is_over_pretrainings_where_there_are_several():
    runs = [
        pretrained("bert", 10_000_000, 0.5 + 0.1 * origin + 0.01 * seed, origin, seed)
        for origin in range(2)
        for seed in range(4)
    ]
    (pair,) = compared(runs).standings
    (single,) = compared(runs[:4]).standings
    assert pair.entry.independent_scores() == pytest.approx([0.515, 0.615])
    assert single.entry.independent_scores() == single.entry.scores()
    assert pair.high - pair.low > 5 * (single.high - single.low)
