"""Engines give what torch gives, for batches of other sizes than the one they were built with."""

import importlib.util
import os

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from harness.cells.vectors import PLAIN, Vectors
from harness.engines import Choice, UnsupportedError, check
from harness.engines.build import build
from harness.errors import InputError
from harness.nn.embedding import embed
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


def need_compiler() -> None:
    try:
        check(Choice("compile"))
    except InputError as error:
        pytest.skip(str(error))


def test_int8_of_onnxruntime_leaves_embeddings_as_they_are():
    """One scale for a whole table would round all rows to zero beside a great one."""
    need("onnxruntime")
    model = encoder("bert")
    sample = batch(2, 12)
    with torch.no_grad():
        model.get_input_embeddings().weight[4] = 1e4  # batches have ids from 5 on
    int8 = build(model, sample, Choice("onnxruntime", "int8")).module
    assert agree(model, int8, sample, "last_hidden_state") < 0.1


class Careful(nn.Module):
    """Computes its product in float32, whatever the precision of its weights; autocast would round it."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings, self.classifier = nn.Embedding(8000, 16), nn.Linear(16, 3)

    def forward(self, input_ids, attention_mask):
        states = self.embeddings(input_ids).float() * attention_mask[..., None]
        return {"logits": states @ self.classifier.weight.float().T}


def test_autocast_does_not_reach_into_a_model_in_bf16():
    torch.manual_seed(0)
    module = build(Careful(), batch(2, 12), Choice("torch", "bf16")).module
    texts = [{"input_ids": list(range(5, 25)), "attention_mask": [1] * 20}]
    (under_autocast,), (alone,) = (predict(module, texts, embedded(), precision) for precision in ("bf16", "fp32"))
    assert np.array_equal(under_autocast, alone)


@pytest.mark.parametrize(
    ("choice", "far"),
    [
        (Choice("torch", "int8"), 0.1),
        (Choice("torch", "bf16"), 0.1),
        (Choice("onnxruntime"), 1e-4),
        pytest.param(Choice("openvino"), 1e-4, marks=pytest.mark.slow),
        pytest.param(Choice("compile"), 1e-4, marks=pytest.mark.slow),
    ],
)
def test_texts_are_embedded_through_an_engine_as_through_torch(choice, far):
    if choice.engine == "compile":
        need_compiler()
    elif choice.exports:
        need(choice.engine)
    model, tokenizer = encoder("bert"), embedded()
    module = build(model, batch(2, 24), choice).module
    for by in (PLAIN, Vectors(pooling=("cls", "max"))):
        texts = ["the river", "", "a train left the house near the river"]
        want, got = (embed(one, tokenizer, texts, 24, "fp32", by=by)[0] for one in (model, module))
        assert got.shape == want.shape
        assert np.abs(got - want).max() < far


class Elsewhere(nn.Module):
    """A tagger on a device that holds no numbers, in place of a GPU; on the way to the CPU it gets some."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings, self.classifier = nn.Embedding(8000, 4, device="meta"), nn.Linear(4, 3, device="meta")

    def to(self, device: str) -> nn.Module:
        self.to_empty(device=device)
        torch.manual_seed(0)
        for parameter in self.parameters():
            nn.init.normal_(parameter)
        return self

    def forward(self, input_ids, attention_mask):
        return {"logits": self.classifier(self.embeddings(input_ids)) * attention_mask[..., None]}


@pytest.mark.parametrize("choice", [Choice("torch", "int8"), Choice("onnxruntime")])
def test_a_model_on_a_gpu_moves_to_the_cpu_if_its_engine_runs_there(choice):
    if choice.exports:
        need(choice.engine)
    module = build(Elsewhere(), batch(2, 12), choice).module
    texts = [{"input_ids": [5, 6, 7], "attention_mask": [1, 1, 1]}]
    (got,), (want,) = (predict(one, texts, embedded(), "fp32") for one in (module, Elsewhere().to("cpu")))
    assert np.abs(got - want).max() < 0.1


def test_the_sample_moves_to_the_device_of_the_model_otherwise(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda model: model)
    monkeypatch.setattr("harness.engines.choice._check_compiler", lambda: None)
    module = build(Elsewhere(), batch(2, 12), Choice("compile")).module
    assert {parameter.device.type for parameter in module.parameters()} == {"meta"}


@pytest.mark.slow
def test_compiled_agrees_with_torch():
    model = encoder("bert")
    need_compiler()
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


def test_no_compiler_is_one_sentence():
    from torch._inductor import config, cpp_builder

    cpp_builder.get_cpp_compiler.cache_clear() if hasattr(cpp_builder.get_cpp_compiler, "cache_clear") else None
    with (
        config.patch({"cpp.cxx": (os.fspath("no-such-compiler"),)}),  # pytest's monkeypatch hides the value for good
        pytest.raises(InputError, match="--engine compile needs a C\\+\\+ compiler"),
    ):
        check(Choice("compile"))
