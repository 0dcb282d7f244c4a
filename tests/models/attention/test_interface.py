"""Models with the kernel `local` against the same models with transformers' sdpa and eager."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import (
    BertConfig,
    BertModel,
    MistralConfig,
    MistralModel,
    ModernBertConfig,
    ModernBertModel,
    RobertaConfig,
    RobertaModel,
)

from models.attention import interface  # noqa: F401 - registers the kernel
from models.neobert import NeoBERTConfig, NeoBERTModel

VOCABULARY = 60
_SHAPE = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
_IDS = {f"{name}_token_id": 0 for name in ("pad", "bos", "eos", "cls", "sep")}


def build(name, attention, **options):
    """A small encoder in evaluation mode; the same weights for every kernel."""
    shape = _SHAPE | {"num_hidden_layers": 4 if name == "modernbert" else 2, "attn_implementation": attention} | options
    torch.manual_seed(0)
    if name == "modernbert":
        return ModernBertModel(ModernBertConfig(**shape, **_IDS, local_attention=32)).eval()
    if name == "neobert":
        return NeoBERTModel(NeoBERTConfig(**shape)).eval()
    config, model = {"bert": (BertConfig, BertModel), "roberta": (RobertaConfig, RobertaModel)}[name]
    return model(config(**shape, max_position_embeddings=4100), add_pooling_layer=False).eval()


def texts(batch, length):
    return torch.randint(1, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(length))


def padded(batch, length, where, share=0.3):
    mask, count = torch.ones(batch, length, dtype=torch.long), int(share * length)
    start = {"none": 0, "left": 0, "right": length - count, "middle": count}[where]
    if where != "none":
        mask[0, start : start + count] = 0
    return mask


def states_and_gradients(model, ids, mask):
    model.zero_grad()
    states = model(input_ids=ids, attention_mask=mask).last_hidden_state * mask[..., None]
    (states * torch.linspace(-1, 1, states.numel()).view_as(states)).sum().backward()
    return states.detach(), {name: one.grad for name, one in model.named_parameters() if one.grad is not None}


@pytest.mark.parametrize("other", ["sdpa", "eager"])
@settings(max_examples=12, deadline=None)
@given(
    length=st.sampled_from([1, 15, 16, 17, 18, 64, 79, 80, 81, 95, 112, 113, 129, 200]),
    where=st.sampled_from(["none", "left", "right", "middle"]),
)
def test_modernbert_is_the_same_model(other, length, where):
    ids, mask = texts(2, length), padded(2, length, where)
    states, gradients = states_and_gradients(build("modernbert", "local"), ids, mask)
    expected, expected_gradients = states_and_gradients(build("modernbert", other), ids, mask)
    torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-5)
    for name, gradient in gradients.items():
        largest = expected_gradients[name].abs().max().clamp(min=1)
        torch.testing.assert_close(
            gradient / largest, expected_gradients[name] / largest, atol=1e-5, rtol=1e-5, msg=name
        )


@pytest.mark.parametrize("other", ["sdpa", "eager"])
@pytest.mark.parametrize("where", ["none", "left", "middle"])
@pytest.mark.parametrize("name", ["bert", "roberta", "neobert"])
def test_encoders_without_local_layers_are_the_same_models(name, where, other):
    ids, mask = texts(3, 50), padded(3, 50, where)
    states, gradients = states_and_gradients(build(name, "local"), ids, mask)
    expected, expected_gradients = states_and_gradients(build(name, other), ids, mask)
    torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-5)
    for parameter, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected_gradients[parameter], atol=1e-4, rtol=1e-4, msg=parameter)


class LargestTensor(TorchDispatchMode):
    """Remembers the number of elements of the largest tensor that an operation made."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        # Views with a stride of 0 take no memory.
        self.elements = max(
            self.elements, *(leaf.untyped_storage().nbytes() // leaf.element_size() for leaf in made), 0
        )
        return result


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", ["bert", "roberta", "neobert", "modernbert"])
def test_no_tensor_is_quadratic_in_the_length(name, training):
    """Twice the length, at most about twice the largest tensor; with padding, gradients and dropout."""
    model = build(name, "local").train(training)
    largest = []
    for length in (1100, 2200):
        with LargestTensor() as seen, torch.set_grad_enabled(training):
            states = model(texts(1, length), padded(1, length, "right")).last_hidden_state
            if training:
                states.square().mean().backward()
        largest.append(seen.elements)
    assert largest[1] <= 2.2 * largest[0]


@pytest.mark.parametrize("sliding_window", [None, 8])
def test_causal_models_are_left_to_transformers(sliding_window):
    """A decoder with grouped keys: its masks have patterns that are none of this kernel's."""
    options = _SHAPE | {"num_hidden_layers": 2, "num_key_value_heads": 1, "sliding_window": sliding_window, **_IDS}
    ids, mask, states = texts(2, 30), padded(2, 30, "left"), []
    for attention in ("local", "sdpa"):
        torch.manual_seed(0)
        model = MistralModel(MistralConfig(**options, attn_implementation=attention)).eval()
        states.append(model(ids, mask).last_hidden_state[mask.bool()])
    torch.testing.assert_close(*states, atol=1e-6, rtol=1e-6)


def test_a_training_step_repeats_bit_for_bit_and_checkpointing_changes_nothing():
    model = build("modernbert", "local", attention_dropout=0.2).train()
    ids, mask, found = texts(2, 200), padded(2, 200, "middle"), []
    torch.use_deterministic_algorithms(True)
    try:
        for checkpointing in (False, False, True):
            again = copy.deepcopy(model)
            if checkpointing:
                again.gradient_checkpointing_enable()
            torch.manual_seed(5)
            found.append(states_and_gradients(again, ids, mask))
    finally:
        torch.use_deterministic_algorithms(False)
    for states, gradients in found[1:]:
        assert torch.equal(states, found[0][0])
        assert all(torch.equal(gradient, found[0][1][name]) for name, gradient in gradients.items())


def test_under_autocast_states_are_close_to_float32():
    model, ids = build("modernbert", "local"), texts(2, 200)
    exact = model(ids).last_hidden_state
    with torch.autocast("cpu", torch.bfloat16):
        near = model(ids).last_hidden_state
    assert (near.float() - exact).abs().mean() < 0.02


def test_a_saved_model_does_not_ask_for_the_kernel(tmp_path):
    build("modernbert", "local").save_pretrained(tmp_path)
    assert 'local"' not in (tmp_path / "config.json").read_text()
    assert ModernBertModel.from_pretrained(tmp_path).config._attn_implementation == "sdpa"
