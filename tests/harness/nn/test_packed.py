"""Packed linear layers compute what the layers they replace compute, for every encoder, and go without a trace."""

from contextlib import suppress

import pytest
import torch
from torch import nn

from harness.nn.inference import autocast
from harness.nn.packed import PackedLinear, packed
from models import MODELS

ENCODERS = ("avey-b", "bert", "roberta", "modernbert", "neobert")


class Scaled(nn.Linear):
    """A layer with a forward pass of its own."""

    def forward(self, rows):
        return 2 * super().forward(rows)


@torch.inference_mode()
def states(model, ids, precision):
    with autocast(torch.device("cpu"), precision):
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.float()


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 3e-2)])
def test_hidden_states_are_the_same_with_packed_layers(name, precision, tolerance):
    encoder = MODELS[name]
    torch.manual_seed(0)
    config = encoder.config_class(**encoder.size("tiny").options, vocab_size=200, pad_token_id=0)
    model = encoder.model_class(config, **encoder.model_options).eval()
    ids = torch.randint(5, 200, (3, 40), generator=torch.Generator().manual_seed(0))
    plain = states(model, ids, precision)
    with packed(model, precision):
        found = states(model, ids, precision)
        assert any(isinstance(module, PackedLinear) for module in model.modules())
    assert not any(isinstance(module, PackedLinear) for module in model.modules())
    assert torch.equal(states(model, ids, precision), plain)
    assert (found - plain).abs().max() <= tolerance * plain.abs().max()


@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("bias", [True, False])
def test_any_number_of_rows_gives_the_product(rows, bias):
    torch.manual_seed(0)
    linear, given = nn.Linear(24, 40, bias=bias), torch.randn(2, rows, 24)
    with torch.inference_mode():
        exact = nn.functional.linear(given.double(), linear.weight.double(), linear.bias.double() if bias else None)
        torch.testing.assert_close(PackedLinear(linear, torch.float32)(given).double(), exact, rtol=1e-5, atol=1e-6)


def test_other_layers_stay_and_an_error_in_the_block_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Linear(4, 4), Scaled(4, 4), nn.Linear(4, 4).half())
    before = list(model)
    with suppress(ArithmeticError), packed(model, "fp32"):
        assert [type(module) for module in model] == [PackedLinear, Scaled, nn.Linear]
        raise ArithmeticError
    assert list(model) == before
