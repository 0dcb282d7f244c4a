"""Probabilities of labels: against scikit-learn, and calibration against the formula of the paper."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from tasks.probabilities import MANY, Choice, calibration_scores, choices, listed, reliability

NAMES = ("a", "b", "c", "d")


@st.composite
def answers(draw):
    """Gold labels, and logits for up to 40 texts with two to four labels, some of them extreme."""
    n, k = draw(st.integers(2, 40)), draw(st.integers(2, 4))
    number = st.floats(-30, 30, width=32)
    logits = draw(st.lists(st.lists(number, min_size=k, max_size=k), min_size=n, max_size=n))
    gold = draw(st.lists(st.sampled_from(NAMES[:k]), min_size=n, max_size=n))
    return gold, [np.array(row, np.float32) for row in logits], NAMES[:k]


@given(answers())
def test_brier_is_that_of_scikit_learn(drawn):
    gold, logits, names = drawn
    found = choices(logits, names)
    table = np.array([choice.probabilities for choice in found])
    expected = brier_score_loss(
        gold, table if len(names) > 2 else table[:, 1], labels=list(names), pos_label=names[1], scale_by_half=False
    )
    assert calibration_scores(gold, found)["brier"] == pytest.approx(expected, abs=1e-9)


@given(answers())
def test_ece_is_the_sum_of_the_paper(drawn):
    gold, logits, names = drawn
    found = choices(logits, names)
    pairs = [(max(choice.probabilities), choice.label == label) for choice, label in zip(found, gold, strict=True)]
    expected = 0.0
    for m in range(1, 16):  # bin m is the interval ((m - 1) / 15, m / 15]
        inside = [(p, hit) for p, hit in pairs if (m - 1) / 15 < p <= m / 15]
        if inside:
            gap = sum(hit for _, hit in inside) / len(inside) - sum(p for p, _ in inside) / len(inside)
            expected += len(inside) / len(pairs) * abs(gap)
    assert calibration_scores(gold, found)["ece"] == pytest.approx(expected, abs=1e-9)


@given(answers())
def test_probabilities_are_those_of_the_logits_and_add_up(drawn):
    _, logits, names = drawn
    for choice, row in zip(choices(logits, names), logits, strict=True):
        powers = [math.exp(float(one) - float(max(row))) for one in row]
        np.testing.assert_allclose(choice.probabilities, np.array(powers) / sum(powers), atol=1e-12)
        assert choice.label == names[int(np.argmax(row))]


def test_a_bin_ends_where_the_next_begins_and_0_and_1_are_in_one():
    found = reliability([0.0, 1.0, float(Fraction(3, 15)), 0.21], [0, 1, 1, 0])
    assert found.counts.tolist() == [1, 0, 1, 1, *[0] * 10, 1]
    assert found.confidence[14] == found.frequency[14] == 1
    assert reliability([], []).error == 0


def test_outputs_of_one_name_add_up_and_the_best_output_decides():
    [choice] = choices([np.log(np.array([0.4, 0.3, 0.3], np.float32))], ("entailment", "no", "no"))
    assert choice.label == "entailment"
    assert choice.names == ("entailment", "no")
    np.testing.assert_allclose(choice.probabilities, [0.4, 0.6], atol=1e-6)


def test_a_label_that_the_model_does_not_have_has_no_probability():
    found = [Choice("a", ("a", "b"), np.array([0.75, 0.25]))]
    assert calibration_scores(["z"], found)["brier"] == pytest.approx(0.75**2 + 0.25**2 + 1)
    assert found[0].listed("z") == {"a": 0.75, "b": 0.25}


@pytest.mark.parametrize("count", [MANY - 1, MANY, 400])
def test_of_many_labels_the_most_probable_and_gold_are_listed(count):
    names = [f"label{number}" for number in range(count)]
    weights = np.arange(count, 0, -1, dtype=float)
    shown = listed(names, weights / weights.sum(), {"label100"})
    if count < MANY:
        assert list(shown) == names
    else:
        assert list(shown) == [*names[:5], "label100"]
    assert all(round(one, 4) == one for one in shown.values())
