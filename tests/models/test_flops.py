"""Operations by formula against torch's own counter, which sees every matrix product of a real call."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.cost.ids import zipf_ids
from harness.cost.loading import build
from harness.cost.points import Point
from models import MODELS, flops
from models.attention.windows import Near

FIVE = ["avey-b", "bert", "roberta", "modernbert", "neobert"]


def point(model: str, length: int, mode: str, extended: bool = False) -> Point:
    # torch counts no operations inside SDPA on a CPU; eager attention shows it the same products.
    return Point(model, "tiny", mode, length, "batch 2", 2, "fp32", "eager", False, 1, 8192, extended, "test")


def product_in_place(_, left, right, **unused):
    return 2 * left[0] * left[1] * right[1]


def counted_by_torch(model: torch.nn.Module, ids: np.ndarray, mode: str) -> int:
    batch = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.ones(ids.shape, dtype=torch.long)}
    in_place = {torch.ops.aten.addmm_: product_in_place}  # which torch's counter passes over by itself
    with FlopCounterMode(display=False, custom_mapping=in_place) as counter:
        if mode == "inference":
            with torch.inference_mode():
                model.eval()(**batch)
        else:
            model.train()(**batch).last_hidden_state.square().mean().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("mode", ["inference", "training"])
@pytest.mark.parametrize("length", [100, 512])
@pytest.mark.parametrize("name", FIVE)
def test_the_formula_is_what_torch_counts(name, length, mode):
    asked = point(name, length, mode)
    model, ids = build(asked, MODELS[name]), zipf_ids(2, length, 8192)
    assert flops.count(model.config, ids, mode).executed == counted_by_torch(model, ids, mode)


@pytest.mark.parametrize("length", [256, 576, 1280])
def test_avey_b_pays_for_distinct_ids_and_for_the_rows_of_its_last_split(length):
    asked = point("avey-b", length, "inference")
    model = build(asked, MODELS["avey-b"])
    varied, repeated = zipf_ids(2, length, 8192), np.full((2, length), 7)
    for ids in (varied, repeated):
        assert flops.count(model.config, ids, "inference").executed == counted_by_torch(model, ids, "inference")
    cheaper = (
        flops.count(model.config, repeated, "inference").needed < flops.count(model.config, varied, "inference").needed
    )
    assert cheaper == (length > 256)


def test_ranking_needs_each_id_against_those_before_its_last_split():
    text = zipf_ids(1, 1280, 8192)[0]
    splits = text.reshape(-1, 256)
    pairs = filled = 0
    for one in np.unique(text):
        last = max(place for place, split in enumerate(splits) if one in split)
        pairs += len(np.unique(splits[:last]))
        filled += last
    assert flops._ranking(text, 256, 64, 1) == 2 * pairs * 64 + 2 * len(splits) * filled


def test_local_attention_needs_the_pairs_inside_its_window_alone():
    length = 300
    model = build(point("modernbert", length, "inference"), MODELS["modernbert"])
    config = model.config
    place = torch.arange(length)
    pairs = int(((place[:, None] - place).abs() <= config.sliding_window).sum())
    found = flops.count(config, zipf_ids(1, length, 8192), "inference")
    n_local = sum(kind == "sliding_attention" for kind in config.layer_types)
    assert n_local == 4
    assert found.executed - found.needed == n_local * 4 * config.hidden_size * (length**2 - pairs)


def test_the_window_of_the_formula_is_the_window_of_the_model():
    """A token changes another's output through one local layer exactly as far as the window reaches."""
    model = build(point("modernbert", 200, "inference"), MODELS["modernbert"]).eval()
    local = next(layer for layer in model.layers if layer.attention_type == "sliding_attention")
    heard = {}
    local.attn.register_forward_pre_hook(lambda _, __, kwargs: heard.update(kwargs), with_kwargs=True)
    ids = torch.from_numpy(zipf_ids(1, 200, 8192))
    model(input_ids=ids, attention_mask=torch.ones_like(ids))
    allowed = heard["attention_mask"][0, 0]
    allowed = allowed if allowed.dtype == torch.bool else allowed > -1
    assert int(allowed.sum()) == flops._pairs_within(200, model.config.sliding_window)


def test_extended_positions_give_a_model_the_length_it_lacks():
    for name in ("bert", "roberta", "neobert", "modernbert"):
        length = MODELS[name].size("tiny").max_length + 8
        model = build(point(name, length, "inference", extended=True), MODELS[name]).eval()
        ids = torch.from_numpy(zipf_ids(1, length, 8192))
        if length < 1000:
            with torch.inference_mode():
                assert model(input_ids=ids).last_hidden_state.shape == (1, length, 256)
        assert model.config.max_position_embeddings >= length


def test_an_unknown_architecture_has_no_count():
    class Config:
        model_type = "mystery"

    assert flops.count(Config(), np.zeros((1, 8), dtype=np.int64), "inference") is None


@pytest.mark.parametrize("length", [50, 320, 321, 1000])
def test_the_kernel_local_executes_the_pairs_of_its_blocks(length):
    """Against the scores that the layers really compute: a bias has one value for each of them."""
    asked = dataclasses.replace(point("modernbert", length, "inference"), attention="local", precision="fp32")
    config, ids = build(asked, MODELS["modernbert"]).config, zipf_ids(2, length, 8192)
    near = Near(config.sliding_window, None, 1, length, torch.device("cpu"))
    computed = length**2 if length <= config.sliding_window + 1 else near.bias(torch.float32, near.dense).numel()
    n_local = sum(kind == "sliding_attention" for kind in config.layer_types)
    difference = 2 * n_local * 4 * config.hidden_size * (length**2 - computed)
    config._attn_implementation = "eager"
    dense = flops.count(config, ids, "inference")
    config._attn_implementation = "local"
    assert dense.executed - flops.count(config, ids, "inference").executed == difference
    assert dense.needed == flops.count(config, ids, "inference").needed
