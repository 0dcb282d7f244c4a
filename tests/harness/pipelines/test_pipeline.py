"""A small encoder through the one pipeline on a small dataset: it learns, repeats bit for bit, and says what it did."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cells.cell import PROTOCOL
from harness.cells.plan import plan
from harness.cells.request import Request
from harness.errors import InputError
from harness.nn.training import DivergedError
from harness.pipelines.pipeline import run
from harness.pipelines.sampling import sample
from tasks.data import DatasetInfo
from tasks.ner import NamedEntityRecognition
from tests.harness.cut_off_training import CutOffError, train

OPTIONS = {"learning_rate": 5e-3, "epochs": 12, "max_length": 64, "batch_size": 16}


def run_small(small_bert, data_dir, **changes):
    planned = plan(Request("bert", "ner/cities", str(small_bert), data_dir=str(data_dir), recipe=OPTIONS | changes))
    return run(planned)


@pytest.fixture(scope="module")
def first(small_bert, data_dir):
    return run_small(small_bert, data_dir)


def test_it_learns_the_entities_of_a_small_world(first):
    assert first.record["scores"]["test"]["entity_f1_strict"] > 0.9
    assert first.record["scores"]["dev"]["entity_f1_strict"] > 0.9


def test_a_run_repeats_bit_for_bit(first, small_bert, data_dir):
    again = run_small(small_bert, data_dir)
    assert again.record["losses"] == first.record["losses"]
    assert again.record["scores"] == first.record["scores"]
    assert again.predictions == first.predictions


def test_another_seed_is_another_run(first, small_bert, data_dir):
    planned = plan(Request("bert", "ner/cities", str(small_bert), seed=1, data_dir=str(data_dir), recipe=OPTIONS))
    other = run(planned)
    assert other.record["losses"] != first.record["losses"]
    assert other.record["key"] != first.record["key"]


def test_the_record_says_what_was_run(first, small_bert, data_dir):
    record = json.loads(json.dumps(first.record))
    assert record["schema_version"] == 1
    assert record["model"]["name"] == "bert"
    assert record["model"]["params_non_embedding"] < record["model"]["params_total"]
    assert record["task"]["dataset"] == "ner/cities"
    assert Path(record["task"]["origin"]) == data_dir / "ner" / "cities"
    assert (record["task"]["n_train"], record["task"]["n_dev"], record["task"]["n_test"]) == (200, 30, 40)
    assert record["task"]["n_truncated"] == 0
    assert record["task"]["constant_guess"] == 0.0
    assert record["recipe"]["steps"] == 12 * 13
    assert record["recipe"]["protocol"] == PROTOCOL
    assert record["recipe"]["learning_rate"] == 5e-3
    assert record["peak_memory_mib"] > 50
    assert set(record["seconds"]) == {"load", "encode", "fit", "predict", "score"}
    assert record["environment"]["packages"]["torch"]
    assert [row["split"] for row in first.predictions].count("test") == 40


def test_predictions_agree_with_the_score(first):
    from tasks.metrics import entity_scores

    rows = [row for row in first.predictions if row["split"] == "test"]
    assert entity_scores([r["gold"] for r in rows], [r["predicted"] for r in rows]) == first.record["scores"]["test"]


class Cautioned(NamedEntityRecognition):
    datasets = {  # noqa: RUF012
        "cities": DatasetInfo("cities", "hub", "made", "none", caveats=("the cities are made up",))
    }


def test_the_caveats_of_a_dataset_are_in_its_record_and_leave_the_key_as_it_is(small_bert, data_dir):
    recipe = OPTIONS | {"max_steps": 1}
    planned = plan(Request("bert", "ner/cities", str(small_bert), data_dir=str(data_dir), recipe=recipe))
    plain, cautioned = (run(one).record for one in (planned, replace(planned, task=Cautioned())))
    assert "the cities are made up" not in plain["task"]["notes"]
    assert plain["task"]["caveats"] == []
    assert cautioned["task"]["notes"][0] == "the cities are made up"
    assert cautioned["task"]["caveats"] == ["the cities are made up"]
    assert cautioned["key"] == plain["key"]


def test_a_train_limit_and_max_steps_are_kept(small_bert, data_dir):
    record = run_small(small_bert, data_dir, train_limit=20, max_steps=3).record
    assert record["task"]["n_train"] == 20
    assert record["recipe"]["steps"] == 3


def test_the_sample_is_the_same_for_everyone_and_keeps_the_order():
    examples = list(range(100))
    chosen = sample(examples, 10)
    assert chosen == sample(examples, 10) == sorted(chosen)
    assert len(set(chosen)) == 10
    assert sample(examples, None) == sample(examples, 500) == examples


def test_longer_inputs_than_the_encoder_takes_are_refused(small_bert, data_dir):
    with pytest.raises(InputError, match="takes at most 64 tokens, not 65; use --max-length 64 or less"):
        run_small(small_bert, data_dir, max_length=65)


def test_a_loss_that_is_no_number_ends_the_run(small_bert, data_dir):
    with pytest.raises(DivergedError, match="try a lower --lr"):
        run_small(small_bert, data_dir, learning_rate=1e30, precision="fp32")


def test_a_last_update_that_makes_weights_infinite_ends_the_run(small_bert, data_dir):
    with pytest.raises(DivergedError, match="weights are not finite after step 1; try a lower --lr"):
        run_small(small_bert, data_dir, learning_rate=1e39, max_steps=1, warmup_ratio=0.0, precision="fp32")


def test_values_that_are_far_from_usual_are_noted_in_the_record(small_bert, data_dir):
    record = run_small(small_bert, data_dir, learning_rate=3.0, max_steps=1).record
    assert "the learning rate of 3 is unusual: above 0.1 training rarely works" in record["task"]["notes"]


def test_training_that_was_cut_off_goes_on_with_the_same_numbers(small_bert, data_dir, tmp_path):
    recipe = OPTIONS | {"epochs": 3}
    whole, weights = train(small_bert, data_dir, recipe, tmp_path / "whole")
    with pytest.raises(CutOffError):  # in the middle of the second of three epochs
        train(small_bert, data_dir, recipe, tmp_path / "cut", cut_off_at=20)
    (tmp_path / "cut" / "checkpoint-99").mkdir()  # one that was cut off while it was written
    resumed, resumed_weights = train(small_bert, data_dir, recipe, tmp_path / "cut")
    assert resumed.resumed_from_step == 19
    assert resumed.steps == whole.steps == 39
    assert resumed.losses == whole.losses
    assert all((weights[name] == resumed_weights[name]).all() for name in weights)


def test_the_best_epoch_of_training_that_was_cut_off_is_that_of_all_epochs(small_bert, data_dir, tmp_path):
    recipe = OPTIONS | {"epochs": 3}  # of 13 steps; the classifier's weights grow, so the first epoch is the best
    whole, weights = train(small_bert, data_dir, recipe, tmp_path / "whole", judged=True)
    with pytest.raises(CutOffError):
        train(small_bert, data_dir, recipe, tmp_path / "cut", cut_off_at=20, judged=True)
    resumed, resumed_weights = train(small_bert, data_dir, recipe, tmp_path / "cut", judged=True)
    assert resumed.resumed_from_step == 19
    assert whole.best_epoch == resumed.best_epoch == 1.0
    assert all((weights[name] == resumed_weights[name]).all() for name in weights)


def test_batches_have_like_lengths_and_hold_every_example_once():
    from harness.nn.length_groups import LengthGroups

    lengths = [(7 * number) % 101 for number in range(1003)]
    sampler = LengthGroups(lengths, 16, seed=1)
    order = list(sampler)
    assert sorted(order) == list(range(1003))
    assert order == list(sampler)
    sampler.set_epoch(1)
    assert order != list(sampler)
    batches = [[lengths[index] for index in order[start : start + 16]] for start in range(0, 1003, 16)]
    spread = sum(max(batch) - min(batch) for batch in batches) / len(batches)
    assert spread < 35  # 93 in random batches
    firsts = [batch[0] for batch in batches[:-1]]
    assert firsts != sorted(firsts)


def test_one_pool_of_all_examples_has_hardly_any_padding():
    from harness.nn.length_groups import LengthGroups

    lengths = [64 if number % 7 else 512 for number in range(1003)]
    order = list(LengthGroups(lengths, 16, seed=1, one_pool=True))
    assert sorted(order) == list(range(1003))
    batches = [{lengths[index] for index in order[start : start + 16]} for start in range(0, 1003, 16)]
    assert sum(len(batch) > 1 for batch in batches) <= 1
    assert list(LengthGroups([], 16, seed=1, one_pool=True)) == []
