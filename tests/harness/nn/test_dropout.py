"""Dropout with masks from whole random words: the same distribution, decided by torch's seed, gone outside of its block."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from harness.nn.dropout import quick_masks


def masks(p: float, *shape: int, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.empty(shape).bernoulli_(p)


@given(p=st.floats(0, 1), shape=st.lists(st.integers(0, 40), max_size=3), seed=st.integers(0, 2**32 - 1))
def test_masks_are_zeros_and_ones_as_often_as_asked(p, shape, seed):
    with quick_masks():
        mask = masks(p, *shape, seed=seed)
    assert mask.shape == tuple(shape)
    assert set(mask.flatten().tolist()) <= {0.0, 1.0}
    n = mask.numel()
    # Bernstein's bound: more than this happens once in 1e9 masks.
    allowed = math.sqrt(2 * n * p * (1 - p) * 21) + 14 + n * 2**-17
    assert abs(float(mask.sum()) - n * p) <= allowed


def test_the_rate_is_right_to_a_thousandth_and_neighbours_are_independent():
    with quick_masks():
        mask = masks(0.9, 2**22)
    assert float(mask.mean()) == pytest.approx(0.9, abs=1e-3)
    for distance in range(1, 9):  # four neighbours come from one word
        both = (mask[:-distance] * mask[distance:]).mean()
        assert float(both) == pytest.approx(0.81, abs=1e-3)


def test_the_seed_decides_and_a_saved_state_goes_on():
    with quick_masks():
        first = masks(0.5, 1000, seed=1)
        assert torch.equal(first, masks(0.5, 1000, seed=1))
        assert not torch.equal(first, masks(0.5, 1000, seed=2))
        state = torch.get_rng_state()
        then = torch.empty(77).bernoulli_(0.5)
        torch.set_rng_state(state)
        assert torch.equal(then, torch.empty(77).bernoulli_(0.5))
        own = torch.Generator().manual_seed(3)
        again = torch.Generator().manual_seed(3)
        assert torch.equal(torch.empty(9).bernoulli_(generator=own), torch.empty(9).bernoulli_(generator=again))


def test_outside_of_the_block_torch_draws_as_before():
    before = masks(0.3, 1000)
    with quick_masks():
        assert not torch.equal(before, masks(0.3, 1000))
    assert torch.equal(before, masks(0.3, 1000))


def test_a_mask_of_truth_values_stays_one():
    with quick_masks():
        assert torch.empty(1000, dtype=torch.bool).bernoulli_(0.5).dtype == torch.bool


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_dropout_scales_what_it_keeps(dtype):
    with quick_masks():
        torch.manual_seed(0)
        states = torch.ones(200, 300, dtype=dtype, requires_grad=True)
        dropped = F.dropout(states, 0.1)
        dropped.sum().backward()
    kept = dropped != 0
    assert torch.all(dropped[kept] == torch.tensor(1 / 0.9, dtype=dtype))
    assert torch.equal(states.grad != 0, kept)
    assert float(kept.float().mean()) == pytest.approx(0.9, abs=0.01)


def test_a_transposed_tensor_is_filled_in_place():
    with quick_masks():
        whole = torch.full((6, 4), 7.0)
        whole.t().bernoulli_(0.5)
    assert set(whole.flatten().tolist()) == {0.0, 1.0}


def test_attention_drops_too():
    query = torch.randn(1, 2, 16, 8)
    with quick_masks():
        torch.manual_seed(0)
        once = F.scaled_dot_product_attention(query, query, query, dropout_p=0.5)
        torch.manual_seed(0)
        assert torch.equal(once, F.scaled_dot_product_attention(query, query, query, dropout_p=0.5))
    torch.manual_seed(0)
    assert not torch.equal(once, F.scaled_dot_product_attention(query, query, query, dropout_p=0.5))


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_a_rate_that_is_none_is_refused_as_torch_does(p):
    with quick_masks(), pytest.raises(RuntimeError, match="p"):
        torch.empty(3).bernoulli_(p)
