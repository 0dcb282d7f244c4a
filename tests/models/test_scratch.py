"""How models from random weights start."""

import pytest
import torch

from harness.errors import InputError
from models import MODELS, scratch
from models.tokenizer import embedded


def model_of(name):
    encoder = MODELS[name]
    return scratch.from_config(encoder, scratch.config_of(encoder, dict(encoder.size("tiny").options), embedded()))


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_positions_from_sinusoids_are_unit_vectors_whose_product_falls_with_their_distance(name):
    model = model_of(name)
    scratch.start_from_sinusoids(model)
    table = model.embeddings.position_embeddings
    vectors = table.weight.detach()
    if table.padding_idx is not None:
        assert not vectors[table.padding_idx].any()
        vectors = vectors[table.padding_idx + 1 :]
    products = vectors @ vectors.T
    assert torch.allclose(products.diagonal(), torch.ones(len(vectors)), atol=1e-5)
    for distance in (1, 7, 200):
        of_pairs = products.diagonal(distance)
        assert of_pairs.max() - of_pairs.min() < 1e-4, distance
    near = products[0, :4]
    assert (near[:-1] > near[1:]).all()
    assert table.weight.requires_grad


def test_models_without_learned_positions_are_refused():
    with pytest.raises(InputError, match="modernbert learns no position vectors"):
        scratch.start_from_sinusoids(model_of("modernbert"))
