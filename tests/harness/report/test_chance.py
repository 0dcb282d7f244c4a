"""When scores are called chance."""

import pytest

from harness.report.chance import at_chance, guess_of, limit_of, sentence_of
from tests.records import task_entry


@pytest.mark.parametrize(
    ("guess", "lowest", "n_test", "limit"),
    [
        (0.5, 0.0, 100, 0.5 + 2 * 0.05),  # binomial: sqrt(0.25 / 100)
        (0.0, -1.0, 400, 2 * 0.05),  # a correlation of 0: 1 / sqrt(400)
        (0.0, 0.0, 100, 0.0),  # tagging: nothing found
    ],
)
def test_a_score_is_chance_within_two_errors_of_a_constant_answer(guess, lowest, n_test, limit):
    task = task_entry() | {"constant_guess": guess, "lowest": lowest, "n_test": n_test}
    assert limit_of(task) == pytest.approx(limit)
    assert at_chance(task, [limit - 0.001, limit])
    assert not at_chance(task, [0.0, limit + 0.001])


def test_without_a_constant_answer_only_zeros_are_chance():
    assert guess_of(task_entry()) is None
    assert guess_of(task_entry() | {"constant_guess": 0.0}) is None
    assert at_chance(task_entry(), [0.0, 0.0])
    assert not at_chance(task_entry(), [0.0, 0.01])


def test_scores_near_a_guess_of_0_are_not_said_to_be_0():
    task = task_entry() | {"constant_guess": 0.0, "lowest": -1.0, "n_test": 100}
    assert at_chance(task, [0.15, 0.1])
    assert sentence_of(task) == "No model is clearly better than 0"
