"""Local attention by blocks against the plain formula over all pairs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.attention.full import LONGEST_WEIGHTS, full_attention
from models.attention.windows import BLOCK, LONGEST_DENSE, Near, computed_pairs, near_attention

CPU = torch.device("cpu")


def states(batch, length, heads=2, size=8, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(3, batch, heads, length, size, generator=generator).to(dtype)
    return [one.clone().requires_grad_() for one in drawn]


def formula(query, key, value, distance, keys):
    """Softmax over the scores of all pairs, in float64; zero for a query that reads nothing."""
    query, key, value = query.double(), key.double(), value.double()
    place = torch.arange(query.shape[2])
    reads = (place[:, None] - place).abs() <= distance
    reads = reads[None, None] & keys[:, None, None, :]
    scores = (query @ key.transpose(2, 3) / query.shape[-1] ** 0.5).masked_fill(~reads, -1e300)
    return (scores.softmax(-1) @ value).transpose(1, 2), reads.any(-1)[:, 0]


def edges(distance):
    """Lengths around the distance, the end of the dense product and the ends of blocks."""
    around = {distance, LONGEST_DENSE * distance, BLOCK, 2 * BLOCK - distance, 3 * BLOCK, 3 * BLOCK - distance}
    return sorted({length + by for length in around for by in (-1, 0, 1, 2)} & set(range(1, 480)))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), distance=st.sampled_from([1, 2, 17, 63, 64, 65, 90]), batch=st.integers(1, 3))
def test_states_and_gradients_equal_the_formula(data, distance, batch):
    length = data.draw(st.sampled_from(edges(distance)), "length")
    kept = data.draw(st.sampled_from([None, 0.2, 0.9]), "share of tokens")
    seed = data.draw(st.integers(0, 2**16), "seed")
    drawn = torch.rand(batch, length, generator=torch.Generator().manual_seed(seed))
    keys = torch.ones(batch, length, dtype=torch.bool) if kept is None else drawn < kept
    inputs = states(batch, length, seed=seed)
    near = Near(distance, None if kept is None else keys, batch, length, CPU)
    ours = near_attention(*inputs, near, None, 0.0)
    expected, reads = formula(*inputs, distance, keys)
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1)) * reads[..., None, None]
    assert ours.isfinite().all()
    torch.testing.assert_close(ours[reads], expected[reads].float(), atol=1e-5, rtol=1e-5)
    found = torch.autograd.grad((ours * weights).sum(), inputs)
    for one, other in zip(found, torch.autograd.grad((expected * weights).sum(), inputs), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("length", [100, 500])
def test_a_window_of_padding_alone_gives_finite_states_and_gradients(length):
    keys = torch.ones(2, length, dtype=torch.bool)
    keys[0, 30:] = False
    keys[1] = False
    inputs = states(2, length)
    result = near_attention(*inputs, Near(20, keys, 2, length, CPU), None, 0.0)
    gradients = torch.autograd.grad(result.square().sum(), inputs)
    assert all(one.isfinite().all() for one in (result, *gradients))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("length", [120, 400])
def test_bfloat16_is_as_close_as_its_inputs_allow(length, training):
    inputs = states(2, length, dtype=torch.bfloat16)
    with torch.set_grad_enabled(training):
        result = near_attention(*inputs, Near(64, None, 2, length, CPU), None, 0.0)
    expected, _ = formula(*inputs, 64, torch.ones(2, length, dtype=torch.bool))
    assert result.dtype == torch.bfloat16
    torch.testing.assert_close(result.double(), expected, atol=2e-2, rtol=2e-2)
    if training:
        found = torch.autograd.grad(result.float().square().sum(), inputs)
        right = torch.autograd.grad(expected.square().sum(), inputs)
        for one, other in zip(found, right, strict=True):
            torch.testing.assert_close(one.float(), other.float(), atol=5e-2, rtol=5e-2)


def weights_after_dropout(attend, length, rate):
    """Each weight, because the values are the places of the keys."""
    query, key, _ = states(1, length, heads=1)
    value = torch.eye(length)[None, None]
    torch.manual_seed(0)
    return attend(query, key, value, rate)[0, :, 0]


@pytest.mark.parametrize("kind", ["blocks", "pairs", "full", "full in parts"])
def test_dropout_drops_that_share_of_the_weights_and_scales_the_others(kind):
    length, rate = {"blocks": 400, "pairs": 90, "full": 300, "full in parts": LONGEST_WEIGHTS + 10}[kind], 0.25

    def attend(query, key, value, dropout):
        if kind.startswith("full"):
            return full_attention(query, key, value, None, None, dropout)
        return near_attention(query, key, value, Near(30, None, 1, length, CPU), None, dropout)

    whole, some = (weights_after_dropout(attend, length, p) for p in (0.0, rate))
    dropped = some[whole > 0] == 0
    assert abs(dropped.float().mean() - rate) < 0.02
    torch.testing.assert_close(some[some > 0] * (1 - rate), whole[some > 0], atol=1e-6, rtol=1e-4)
    assert torch.equal(some, weights_after_dropout(attend, length, rate))


def test_the_gradient_of_dropout_in_parts_is_that_of_the_weights_that_were_kept():
    inputs, length = states(1, LONGEST_WEIGHTS + 10, heads=1), LONGEST_WEIGHTS + 10
    eye = torch.eye(length)[None, None]
    torch.manual_seed(3)
    weights = full_attention(inputs[0], inputs[1], eye, None, None, 0.3)[0, :, 0].detach()
    torch.manual_seed(3)
    result = full_attention(*inputs, None, None, 0.3)
    torch.rand(5)  # the backward pass repeats the draws of the forward pass, whatever was drawn since
    (found,) = torch.autograd.grad(result.sum(), inputs[2:])
    torch.testing.assert_close(found[0, 0], weights.sum(0)[:, None].expand(-1, 8), atol=1e-4, rtol=1e-4)


def test_computed_pairs_are_those_whose_bias_exists():
    for length in (200, 320, 321, 1000):
        near = Near(64, None, 1, length, CPU)
        assert computed_pairs(length, 64) == near.bias(torch.float32, near.dense).numel()
    assert computed_pairs(32768, 64) < 200 * 32768 + 64 * 200
