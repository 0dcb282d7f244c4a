"""What the catalogue declares is what gets built: counts, special positions, pins."""

import importlib
import re
import subprocess
import sys

import pytest
import torch
from torch import nn

from models import MODELS, Encoder, Size

NAMES = ("avey-b", "bert", "roberta", "modernbert", "neobert")
EVERY_SIZE = [(name, size) for name in NAMES for size in MODELS[name].sizes]


def named(path: str):
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def build(encoder: Encoder, size: Size) -> nn.Module:
    """The bare model on the meta device: shapes without memory."""
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
    config = named(encoder.config)(vocab_size=size.vocab_size, **size.options, **ids)
    with torch.device("meta"):
        return named(encoder.model)(config, **encoder.model_options)


def parameters_non_embedding(model: nn.Module) -> int:
    tables = [part for part in model.modules() if isinstance(part, nn.Embedding)]
    inside = {id(parameter) for table in tables for parameter in table.parameters()}
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in inside)


@pytest.mark.parametrize(("name", "size"), EVERY_SIZE)
def test_a_size_has_the_parameters_it_declares(name, size):
    encoder, size = MODELS[name], MODELS[name].sizes[size]
    model = build(encoder, size)
    assert sum(parameter.numel() for parameter in model.parameters()) == size.parameters
    assert parameters_non_embedding(model) == size.parameters_non_embedding
    assert model.config.model_type in encoder.model_types


@pytest.mark.parametrize(
    ("name", "size", "millions"),
    [
        ("avey-b", "base", 165),  # rounded up in the paper
        ("avey-b", "large", 391),
        ("bert", "base", 110),
        ("bert", "large", 335),
        ("roberta", "base", 125),
        ("roberta", "large", 355),
        ("modernbert", "base", 149),
        ("modernbert", "large", 395),
        ("neobert", "base", 222),
    ],
)
def test_published_sizes_are_those_that_their_papers_and_cards_state(name, size, millions):
    # BERT's and RoBERTa's statements include the pooler, which no head of ours uses.
    assert MODELS[name].sizes[size].parameters / 1e6 == pytest.approx(millions, rel=0.011)


def test_the_tiny_sizes_are_within_five_percent_of_each_other():
    counts = [MODELS[name].sizes["tiny"].parameters_non_embedding for name in NAMES]
    assert max(counts) / min(counts) <= 1.05


def test_the_tiny_sizes_share_one_vocabulary_and_width():
    sizes = [MODELS[name].sizes["tiny"] for name in NAMES]
    assert {size.vocab_size for size in sizes} == {8192}
    assert {size.options.get("hidden_size", size.options.get("d_embed")) for size in sizes} == {256}


@pytest.mark.parametrize(("name", "size"), [(name, size) for name, size in EVERY_SIZE if name != "avey-b"])
def test_attention_is_that_of_pytorch(name, size):
    assert build(MODELS[name], MODELS[name].sizes[size]).config._attn_implementation == "sdpa"


@pytest.mark.parametrize("size", MODELS["modernbert"].sizes)
def test_modernbert_alternates_attention_and_rotary_bases_as_published(size):
    config = build(MODELS["modernbert"], MODELS["modernbert"].sizes[size]).config
    assert config.layer_types[:4] == ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]
    assert config.rope_parameters["full_attention"]["rope_theta"] == 160_000
    assert config.rope_parameters["sliding_attention"]["rope_theta"] == 10_000


@pytest.mark.parametrize("name", ["bert", "roberta"])
@pytest.mark.parametrize("padding_id", [0, 1])
def test_learned_positions_reach_the_declared_length(name, padding_id):
    for size in MODELS[name].sizes.values():
        rows = size.options["max_position_embeddings"]
        offset = padding_id + 1 if name == "roberta" else 0
        assert rows - offset >= size.max_length


@pytest.mark.parametrize(("name", "size"), EVERY_SIZE)
def test_a_revision_is_a_whole_commit_of_a_named_repository(name, size):
    size = MODELS[name].sizes[size]
    if size.revision is not None:
        assert size.hub_id
        assert re.fullmatch(r"[0-9a-f]{40}", size.revision)


def test_the_catalogue_is_read_without_torch():
    code = "import sys; from models import MODELS; [MODELS[n] for n in MODELS]; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
