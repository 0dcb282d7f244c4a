"""Engines give what torch gives, for batches of other sizes than the one they were built with."""

import importlib.util
import os

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from harness.engines import Choice, UnsupportedError, check
from harness.engines.build import build
from harness.errors import InputError
from harness.nn.heads import with_head
from harness.nn.inference import predict
from models import MODELS
from models.scratch import config_of, from_config
from models.tokenizer import embedded

EXPORTED = ("onnxruntime", "openvino")
TINY = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "modernbert": {
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "local_attention": 8,
    },
    "neobert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "avey-b": {"d_embed": 16, "n_layers": 2, "chunk_size": 16, "k": 2},
}


def encoder(name: str, **changes: object) -> nn.Module:
    torch.manual_seed(0)
    return from_config(MODELS[name], config_of(MODELS[name], TINY[name] | changes, embedded())).eval()


def batch(texts: int, length: int, padding: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(texts * length)
    ids = torch.randint(5, 8000, (texts, length))
    mask = torch.ones_like(ids)
    mask[0, length - padding :] = 0
    return {"input_ids": ids, "attention_mask": mask}


def need(engine: str) -> None:
    pytest.importorskip(engine)
    pytest.importorskip("onnxscript")


def agree(model: nn.Module, module: nn.Module, sample: dict[str, torch.Tensor], output: str) -> float:
    with torch.inference_mode():
        want, got = model(**sample)[output], module(**sample)[output]
    assert got.shape == want.shape
    assert got.dtype == torch.float32
    if want.ndim == 3:
        kept = sample["attention_mask"].bool()
        want, got = want[kept], got[kept]
    return float((want - got).abs().max())


@pytest.mark.parametrize("engine", EXPORTED)
@pytest.mark.parametrize(
    "name", ["bert", *(pytest.param(name, marks=pytest.mark.slow) for name in TINY if name != "bert")]
)
def test_an_exported_encoder_agrees_with_torch_at_any_batch_and_length(name, engine):
    need(engine)
    model = encoder(name)
    built = build(model, batch(1, 20), Choice(engine))
    for texts, length, padding in ((1, 20, 0), (3, 7, 4), (2, 33, 5), (1, 1, 0), (2, 70, 40)):
        sample = batch(texts, length, padding)
        assert agree(model, built.module, sample, "last_hidden_state") < 1e-4, (texts, length)
    assert built.module(**batch(1, 5)).last_hidden_state.shape[:2] == (1, 5)
    assert 0 < built.disk_mib < 10


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize("engine", EXPORTED)
def test_avey_b_holds_for_texts_of_several_splits_if_the_sample_has_them(engine):
    need(engine)
    model = encoder("avey-b", chunk_size=32, k=3)
    built = build(model, batch(2, 150), Choice(engine))
    for texts, length in ((1, 150), (3, 70), (2, 20)):
        assert agree(model, built.module, batch(texts, length, padding=7), "last_hidden_state") < 1e-4


@pytest.mark.parametrize("engine", EXPORTED)
@pytest.mark.parametrize("kind", ["token", "sequence"])
def test_a_model_with_head_predicts_through_an_engine_as_through_torch(kind, engine):
    need(engine)
    model = with_head(kind, encoder("bert"), 3).eval()
    texts = [{"input_ids": list(range(5, 5 + length)), "attention_mask": [1] * length} for length in (4, 17, 9)]
    built = build(model, batch(2, 16), Choice(engine))
    got, want = (predict(one, texts, embedded(), "fp32", batch_size=2) for one in (built.module, model))
    for mine, theirs in zip(got, want, strict=True):
        assert np.abs(mine - theirs).max() < 1e-4


def test_a_transformers_class_with_token_types_gives_its_own_kind_of_output():
    need("onnxruntime")
    model = BertForSequenceClassification(BertConfig(vocab_size=8192, num_labels=4, **TINY["bert"])).eval()
    sample = {**batch(2, 12), "token_type_ids": torch.tensor([[0] * 6 + [1] * 6] * 2)}
    module = build(model, sample, Choice("onnxruntime")).module
    assert agree(model, module, sample, "logits") < 1e-4
    assert type(module(**sample)) is type(model(**sample))
    other = {**sample, "token_type_ids": 1 - sample["token_type_ids"]}
    assert (module(**other).logits - module(**sample).logits).abs().max() > 1e-6


def test_torch_itself_is_the_model():
    model = encoder("bert")
    assert build(model, batch(1, 8), Choice()).module is model


@pytest.mark.parametrize("engine", ["torch", *(pytest.param(name, marks=pytest.mark.slow) for name in EXPORTED)])
def test_int8_is_smaller_close_and_leaves_the_model_as_it_was(engine):
    need(engine)
    if engine == "openvino":
        pytest.importorskip("nncf")
    model = encoder("bert")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    exact, int8 = (build(model, batch(2, 12), Choice(engine, quantize)) for quantize in ("none", "int8"))
    sample = batch(3, 20, 5)
    far = agree(model, int8.module, sample, "last_hidden_state")
    assert 1e-5 < far < 0.3
    assert int8.disk_mib < exact.disk_mib
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("engine", ["torch", pytest.param("openvino", marks=pytest.mark.slow)])
def test_bf16_rounds_and_gives_float32(engine):
    need(engine)
    model = encoder("bert")
    built = build(model, batch(2, 12), Choice(engine, "bf16"))
    far = agree(model, built.module, batch(2, 12), "last_hidden_state")
    assert far < 0.1
    assert next(model.parameters()).dtype == torch.float32


@pytest.mark.slow
def test_compiled_agrees_with_torch():
    model = encoder("bert")
    try:
        check(Choice("compile"))
    except InputError as error:
        pytest.skip(str(error))
    built = build(model, batch(2, 12), Choice("compile"))
    assert agree(model, built.module, batch(2, 12), "last_hidden_state") < 1e-4


class Branching(nn.Module):
    """Its graph depends on the data, so no exporter can write it."""

    def forward(self, input_ids, attention_mask):
        return {"logits": input_ids.float() if int(input_ids.sum()) > 7 else attention_mask.float()}


class Untidy(nn.Module):
    """A mapping without tensors."""

    def forward(self, input_ids, attention_mask):
        return {"logits": None}


@pytest.mark.parametrize(
    ("model", "sentence"), [(Branching(), "Branching cannot be exported to ONNX"), (Untidy(), "returns no tensor")]
)
def test_a_model_that_cannot_be_exported_says_so_in_one_sentence(model, sentence):
    need("onnxruntime")
    with pytest.raises(UnsupportedError, match=sentence) as told:
        build(model, batch(2, 12), Choice("onnxruntime"))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (Choice("tensorrt"), "no engine 'tensorrt'; choose from torch, compile, onnxruntime, openvino"),
        (Choice("torch", "int4"), "no quantisation 'int4'; choose from none, int8, bf16"),
        (Choice("onnxruntime", "bf16"), "onnxruntime has no bf16 on processors"),
    ],
)
def test_choices_that_cannot_be_are_refused_in_one_sentence(choice, sentence):
    if choice.engine in EXPORTED:
        need(choice.engine)
    with pytest.raises(InputError, match=sentence):
        check(choice)


@pytest.mark.parametrize(
    ("choice", "missing", "command"),
    [
        (Choice("onnxruntime"), "onnxruntime", r"pip install 'encoder-harness\[onnx\]'"),
        (Choice("openvino"), "openvino", r"pip install 'encoder-harness\[openvino\]'"),
        (Choice("openvino", "int8"), "nncf", r"pip install 'encoder-harness\[openvino\]'"),
    ],
)
def test_a_missing_extra_is_one_sentence_with_the_command(choice, missing, command, monkeypatch):
    there = importlib.util.find_spec

    def find_spec(name, package=None):
        return None if name == missing else there("json") if name in ("onnx", "onnxscript", "openvino") else there(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    with pytest.raises(InputError, match=f"needs the package {missing}; install it with {command}"):
        check(choice)


def test_no_compiler_is_one_sentence(monkeypatch):
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", (os.fspath("no-such-compiler"),))
    from torch._inductor import cpp_builder

    cpp_builder.get_cpp_compiler.cache_clear() if hasattr(cpp_builder.get_cpp_compiler, "cache_clear") else None
    with pytest.raises(InputError, match="--engine compile needs a C\\+\\+ compiler"):
        check(Choice("compile"))
