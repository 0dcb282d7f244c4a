"""Avey-B's ablations: every value of the config trains, reaches every parameter, and is padding-proof."""

import pytest
import torch

from models.avey_b import AveyBConfig, AveyBForMaskedLM

VARIANTS = [
    {},
    {"arrangement": "dynamic_first"},
    {"arrangement": "all_static"},
    {"arrangement": "all_dynamic"},
    {"arrangement": "static_then_dynamic"},
    {"arrangement": "dynamic_then_static"},
    {"similarity": "softmax"},
    {"similarity": "rms_norm"},
    {"similarity": "none"},
    {"ranker_direction": "bidirectional"},
    {"compression": False},
    {"compression": False, "ranker_direction": "bidirectional", "similarity": "softmax"},
    {"compression_residual": False},
    {"chunk_size": 4},
    {"chunk_size": 16, "k": 1},
    {"k": 5},
]


def model_of(variant, padding):
    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "d_embed": 16, "n_layers": 4, "chunk_size": 8, "k": 2, "padding": padding}
    return AveyBForMaskedLM(AveyBConfig(**sizes | variant))


@pytest.mark.parametrize("padding", ["live", "zero"])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: ",".join(f"{k}={v}" for k, v in variant.items()))
def test_variant(variant, padding):
    model = model_of(variant, padding)
    ids = torch.randint(50, (3, 45), generator=torch.Generator().manual_seed(1))
    mask = torch.zeros_like(ids)
    for row, length in enumerate((45, 3, 26)):
        mask[row, :length] = 1
    labels = ids.where(mask.bool(), -100)

    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = model(ids, mask, labels=labels).loss
        loss.backward()
        for name, parameter in model.named_parameters():
            assert torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.any(), f"no gradient reaches {name}"
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]

    model.eval()
    with torch.no_grad():
        batch = model(ids, mask).logits
        for row, length in enumerate((45, 3, 26)):
            alone = model(ids[row : row + 1, :length]).logits[0]
            assert (batch[row, :length] - alone).abs().max() < 1e-5 * alone.abs().max()


@pytest.mark.parametrize(
    ("arrangement", "dynamic"),
    [
        ("interleaved", "01010"),
        ("dynamic_first", "10101"),
        ("all_static", "00000"),
        ("all_dynamic", "11111"),
        ("static_then_dynamic", "00011"),
        ("dynamic_then_static", "11100"),
    ],
)
def test_arrangement(arrangement, dynamic):
    model = model_of({"arrangement": arrangement, "n_layers": 5}, "live")
    assert "".join("01"[layer.spatial_proj is None] for layer in model.layers) == dynamic


def test_without_compression_the_layers_are_as_wide_as_all_that_is_retrieved():
    model = model_of({"compression": False}, "live")
    assert model.layers[0].spatial_proj.shape == (24, 24)
    assert "ranker.down_proj" not in model.state_dict()


def test_the_ranker_looks_left_unless_told_otherwise():
    ids = torch.randint(50, (1, 64), generator=torch.Generator().manual_seed(1))
    changed = ids.clone()
    changed[0, 40:] = 49 - changed[0, 40:]
    for direction, reaches_left in (("left", False), ("bidirectional", True)):
        model = model_of({"ranker_direction": direction}, "live").eval()
        difference = (model(ids).logits - model(changed).logits)[0, :40].abs().max()
        assert bool(difference > 1e-3) == reaches_left
