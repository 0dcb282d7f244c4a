"""Exact match and F1 against results of the official SQuAD 2.0 script on the same answers, worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.metrics import answer_f1, answer_scores, classification_scores, exact_match, normalise_answer

# (predicted, gold answers, exact match, F1)
CASES = [
    ("the Eiffel Tower", ["Eiffel Tower"], 1, 1),
    ("Eiffel Tower.", ["The eiffel tower", "tower"], 1, 1),
    ("Tower", ["the Eiffel Tower", "a steel tower in Paris"], 0, 2 / 3),
    ("in 1889", ["1889", "the year 1889"], 0, 2 / 3),
    (
        "Gustave Eiffel's company",
        ["Gustave Eiffel"],
        0,
        2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2),
    ),  # eiffels is another word
    (
        "to be or not to be",
        ["to be to"],
        0,
        2 * (3 / 6) * (3 / 3) / (3 / 6 + 1),
    ),  # words count as often as they stand there
    ("U.S.", ["US"], 1, 1),
    ("$5-million", ["5million"], 1, 1),
    ("café", ["cafe"], 0, 0),
    ("“quoted”", ["quoted"], 0, 0),  # typographic quotes are not ASCII punctuation
    ("theatre", ["atre"], 0, 0),  # articles are whole words only
    ("Paris", ["London", "Paris, France"], 0, 2 / 3),
    ("London", ["Paris"], 0, 0),
    ("", ["Paris"], 0, 0),
    ("", [], 1, 1),
    ("Paris", [], 0, 0),
    ("the", [], 1, 1),  # nothing is left of it
    ("", ["The"], 1, 1),
    ("a", ["The", "Paris"], 0, 0),  # a gold answer without words does not count beside others
]


@pytest.mark.parametrize(("predicted", "gold", "exact", "f1"), CASES)
def test_single_answers(predicted, gold, exact, f1):
    assert exact_match(predicted, gold) == exact
    assert answer_f1(predicted, gold) == pytest.approx(f1)


def test_averages_over_all_questions_and_over_the_two_kinds():
    predicted, gold, exact, f1 = zip(*[case for case in CASES if case[1] != ["The"]], strict=True)
    scores = answer_scores(predicted, gold)
    has = [bool(answers) for answers in gold]
    assert scores["exact_match"] == pytest.approx(sum(exact) / len(exact))
    assert scores["answer_f1"] == pytest.approx(sum(f1) / len(f1))
    assert scores["exact_match.has_answer"] == pytest.approx(
        sum(e for e, h in zip(exact, has, strict=True) if h) / sum(has)
    )
    assert scores["answer_f1.has_answer"] == pytest.approx(sum(f for f, h in zip(f1, has, strict=True) if h) / sum(has))
    assert scores["exact_match.no_answer"] == pytest.approx(2 / 3)


def test_without_unanswerable_questions_there_are_two_scores():
    assert answer_scores(["Paris"], [["Paris"]]) == {"exact_match": 1.0, "answer_f1": 1.0}


def test_without_answerable_questions_there_is_no_score_of_them():
    assert answer_scores(["", "Paris"], [[], []]) == {
        "exact_match": 0.5,
        "answer_f1": 0.5,
        "exact_match.no_answer": 0.5,
    }


def test_a_model_that_never_answers_scores_nothing_where_all_have_answers():
    assert answer_scores(["", ""], [["Paris"], ["1889"]]) == {"exact_match": 0.0, "answer_f1": 0.0}


@given(st.text(max_size=40))
def test_normalising_twice_changes_no_words(text):
    once = normalise_answer(text)
    assert once == " ".join(once.split())
    assert not set(once.split()) & {"a", "an", "the"}


@given(st.lists(st.text("ab c,", max_size=8), min_size=1, max_size=4), st.text("ab c,", max_size=8))
def test_f1_is_between_exact_match_and_one_and_more_gold_answers_never_hurt(gold, predicted):
    assert exact_match(predicted, gold) <= answer_f1(predicted, gold) <= 1
    if normalise_answer(gold[0]):
        assert answer_f1(predicted, gold) >= answer_f1(predicted, gold[:1])


def test_classification_scores_of_a_small_table():
    gold = ["a", "a", "a", "b", "b", "c"]
    predicted = ["a", "a", "b", "b", "b", "a"]
    scores = classification_scores(gold, predicted)
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["f1.a"] == pytest.approx(2 * 2 / (3 + 3))
    assert scores["f1.b"] == pytest.approx(2 * 2 / (3 + 2))
    assert scores["f1.c"] == 0
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 4 / 5 + 0) / 3)
    # Gorodkin's R_K from the counts: c = 4 right of s = 6; predicted a 3, b 3, c 0; gold a 3, b 2, c 1
    assert scores["matthews"] == pytest.approx((4 * 6 - (3 * 3 + 3 * 2 + 0)) / ((36 - 18) ** 0.5 * (36 - 14) ** 0.5))


def test_always_the_same_label_has_no_correlation():
    scores = classification_scores(["a", "b", "b"], ["b", "b", "b"])
    assert scores["matthews"] == 0
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["macro_f1"] == pytest.approx(0.4)


@pytest.mark.filterwarnings("error")
def test_answers_that_are_all_one_label_have_no_correlation_and_no_warning():
    assert classification_scores(["a", "a"], ["a", "a"])["matthews"] == 0
