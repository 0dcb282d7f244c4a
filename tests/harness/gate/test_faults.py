"""The committed gate catches planted faults and passes what is whole. One seed of a cell each, in this process."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cells.plan import plan
from harness.gate.baseline import read_baseline
from harness.gate.judge import judge
from harness.nn import heads
from harness.pipelines.pipeline import run
from models.avey_b import layers
from models.neobert import modeling as neobert
from models.shipped import SHIPPED

BASELINE = Path(__file__).parents[3] / "results" / "baselines" / "ci.json"


def verdict(model, task, weights="scratch"):
    """The gate's on one seed, the widest tolerance that it has."""
    wanted = (model, task, weights)
    cells = read_baseline(BASELINE).cells
    (cell,) = [one for one in cells if (one.request.model, one.request.task, one.request.weights) == wanted]
    planned = plan(replace(cell.request, seed=0))
    done = run(planned)
    return judge(cell, [done.record], None)


@pytest.mark.parametrize(
    ("model", "task"), [("bert", "ner/gate"), ("avey-b", "ner/gate"), ("avey-b", "classification/gate")]
)
def test_what_is_whole_passes(model, task):
    assert verdict(model, task).outcome == "ok"


@pytest.mark.parametrize("model", ["avey-b", "bert", "roberta", "modernbert", "neobert"])
def test_a_whole_pretrained_encoder_passes(model):
    assert verdict(model, "lm/docstrings", SHIPPED).outcome == "ok"


def test_a_transposed_matrix_is_caught_by_trained_weights_and_not_by_random_ones(monkeypatch):
    whole = layers.multiply_each
    monkeypatch.setattr(layers, "multiply_each", lambda matrix, rows: whole(matrix.mT, rows))
    assert verdict("avey-b", "ner/gate").outcome == "ok"
    assert verdict("avey-b", "lm/docstrings", SHIPPED).outcome == "drop"


def test_positions_that_are_not_rotated_are_caught_by_trained_weights(monkeypatch):
    monkeypatch.setattr(neobert, "rotate", lambda states, table: states)
    assert verdict("neobert", "lm/docstrings", SHIPPED).outcome == "drop"


def test_a_layer_that_gives_nothing_is_caught(monkeypatch):
    from transformers.models.bert.modeling_bert import BertLayer

    whole = BertLayer.forward
    monkeypatch.setattr(BertLayer, "forward", lambda self, *given, **options: whole(self, *given, **options) * 0)
    assert verdict("bert", "ner/gate").outcome == "drop"


def test_a_shuffled_label_map_is_caught(monkeypatch):
    from tasks.ner import NER

    decode = type(NER).decode

    def shuffled(self, examples, labels, encoded, logits):
        return decode(self, examples, [*labels[1:], labels[0]], encoded, logits)

    monkeypatch.setattr(type(NER), "decode", shuffled)
    assert verdict("avey-b", "ner/gate").outcome == "drop"


def test_training_that_stops_halfway_is_caught(monkeypatch):
    from transformers.trainer_callback import DefaultFlowCallback

    whole = DefaultFlowCallback.on_step_end

    def halfway(self, arguments, state, control, **others):
        whole(self, arguments, state, control, **others)
        control.should_training_stop |= state.global_step >= state.max_steps // 2
        return control

    monkeypatch.setattr(DefaultFlowCallback, "on_step_end", halfway)
    assert verdict("bert", "ner/gate").outcome == "drop"


def test_padding_that_leaks_into_the_pooling_is_caught(monkeypatch):
    monkeypatch.setattr(heads, "mean_pool", lambda last_hidden_state, attention_mask: last_hidden_state.mean(1))
    assert verdict("avey-b", "classification/gate").outcome == "drop"


def test_the_committed_datasets_are_what_the_function_writes():
    made = runpy.run_path(str(Path(__file__).with_name("gate_data.py")))
    for name, content in made["files"]().items():
        assert (made["FOLDER"] / name).read_text(encoding="utf-8") == content, name
