"""Losses at equal tokens, operations and time."""

import pytest

from harness.pretraining.budgets import common_budget, loss_at, measure_of_time


def result(tokens, loss, flops_per_token=1.0, seconds_per_token=1.0, seed=0):
    curve = [
        {
            "tokens": share * tokens,
            "flops": share * tokens * flops_per_token,
            "seconds": share * tokens * seconds_per_token,
        }
        | {"loss": 9.0 + share * (loss - 9.0)}
        for share in (0.0, 0.5, 1.0)
    ]
    return {"recipe": {"tokens": tokens}, "scores": {"heldout": {"loss": loss}}, "curve": curve, "seed": seed}


def test_the_common_budget_is_what_the_encoder_with_the_least_has_used():
    encoders = {"fast": [result(10, 5.0), result(5, 6.0)], "slow": [result(10, 4.0, flops_per_token=2.0)]}
    assert common_budget(encoders, "tokens") == 10
    assert common_budget(encoders, "flops") == 10


def test_between_two_results_the_loss_is_straight_in_the_logarithm():
    records = [result(16, 4.0), result(4, 6.0)]
    found = loss_at(records, "tokens", 8)
    assert found.finished
    assert found.loss == pytest.approx(5.0)
    assert loss_at(records, "tokens", 16).loss == pytest.approx(4.0)
    assert loss_at(records, "tokens", 4).loss == pytest.approx(6.0)


def test_equal_operations_are_fewer_tokens_of_a_dearer_encoder():
    dear = [result(16, 4.0, flops_per_token=2.0), result(4, 6.0, flops_per_token=2.0)]
    assert loss_at(dear, "flops", 16).loss == pytest.approx(loss_at(dear, "tokens", 8).loss)


def test_below_the_shortest_result_the_loss_is_read_off_the_trunk_and_marked():
    found = loss_at([result(16, 4.0)], "seconds", 4)
    assert not found.finished
    assert found.loss == pytest.approx(9.0 + 0.25 * (4.0 - 9.0))


def test_seeds_are_averaged():
    records = [result(16, 4.0, seed=0), result(16, 4.4, seed=1), result(4, 6.0, seed=0), result(4, 6.2, seed=1)]
    assert loss_at(records, "tokens", 16).loss == pytest.approx(4.2)
    assert loss_at(records, "tokens", 8).loss == pytest.approx((5.0 + 5.3) / 2)


def test_a_seed_that_was_slow_has_not_finished_where_a_fast_one_has():
    """The machine was busy for one of them: at 20 s one has ended and the other is half done."""
    fast, slow = result(16, 3.4, seconds_per_token=1.0, seed=1), result(16, 3.5, seconds_per_token=2.5, seed=0)
    other = result(16, 3.0, seconds_per_token=1.25)
    assert common_budget({"neobert": [slow, fast], "other": [other]}, "seconds") == pytest.approx(16)
    found = loss_at([slow, fast], "seconds", 20)
    assert not found.finished
    assert found.loss == pytest.approx((3.4 + 9.0 + 0.5 * (3.5 - 9.0)) / 2)


def with_processor_time(record, gpu=None):
    curve = [{**point, "processor_s": point["seconds"] / 2} for point in record["curve"]]
    return {**record, "curve": curve, "environment": {"gpu": gpu}}


def test_time_is_processor_time_unless_a_record_is_of_a_gpu_or_does_not_have_it():
    new, old = with_processor_time(result(16, 4.0)), result(16, 4.0) | {"environment": {"gpu": None}}
    assert measure_of_time([new, new]) == "processor_s"
    assert measure_of_time([new, old]) == "seconds"
    assert measure_of_time([new, with_processor_time(result(16, 4.0), gpu="A100")]) == "seconds"
    assert common_budget({"one": [new]}, "processor_s") == 8
