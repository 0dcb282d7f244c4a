"""Scores after fine-tuning against the tokens of pretraining, and intervals that know pretrainings."""

import pytest

from harness.report.comparable import comparisons
from harness.report.pretraining_scores import progress, sections
from tests.records import model_entry, run_record


def pretrained(name, tokens, score, pretraining_seed=0, seed=0):
    origin = {"key": f"{name}{tokens}{pretraining_seed}", "group": f"{name}{tokens}", "seed": pretraining_seed}
    origin |= {"tokens": tokens, "flops": 1e12, "seconds": 60.0, "corpus": "docstrings", "longest_row": 512}
    weights = f"{name}-{tokens}-{pretraining_seed}"
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
    assert found.model == "bert"
    assert [(tokens, standing.score) for tokens, standing in found.points] == [(5_000_000, 0.5), (10_000_000, 0.6)]


def test_the_page_has_a_chart_where_there_are_lengths_to_compare():
    records = [pretrained("bert", 10_000_000, 0.6), pretrained("bert", 5_000_000, 0.5)]
    (section,) = sections([compared(records)], {"bert": 0})
    assert section["legend"] == [(0, "bert")]
    assert "bert, 10M tokens: 0.6000" in section["chart"]
    assert sections([compared(records[:1])], {"bert": 0}) == []


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
