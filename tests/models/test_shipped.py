"""The weights that come with the package."""

import json
import re
from dataclasses import replace
from importlib import import_module

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer, pipeline

from harness.cells.models import find_model
from harness.cells.resolve_recipe import resolve_recipe
from harness.errors import InputError
from harness.store.pretrained import origin_of, read_pretraining
from models import MODELS, loading
from models.shipped import FOLDER, SHIPPED, shipped_for
from models.tokenizer import embedded
from models.weights import find_weights
from tasks import TASKS

ENCODERS = ("avey-b", "bert", "roberta", "modernbert", "neobert")
MOST_BYTES_OF_A_FILE = 9e6
MOST_BYTES_OF_ALL_WEIGHTS = 45e6


def weights_of(name):
    return find_weights(MODELS[name], "tiny", SHIPPED)


@pytest.fixture(params=ENCODERS)
def name(request):
    return request.param


@pytest.fixture
def folder(name):
    return shipped_for(MODELS[name])


def test_they_load_in_float32_with_the_tokenizer_that_encoders_from_scratch_have(name):
    model, own = loading.load(MODELS[name], "tiny", weights_of(name))
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert own.get_vocab() == embedded().get_vocab()
    words = "Returns a new array of the given shape."
    assert own(words)["input_ids"] == embedded()(words)["input_ids"]


def test_transformers_loads_them_without_the_harness_knowing(name, folder):
    for package in ("models.avey_b", "models.neobert"):
        import_module(package)  # registers the classes
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32)
    fill = pipeline("fill-mask", model=model, tokenizer=AutoTokenizer.from_pretrained(folder))
    guesses = fill(f"The method returns a list {fill.tokenizer.mask_token} strings.", top_k=5)
    assert sum(guess["score"] for guess in guesses) > 0.05  # 5 of 8,192 tokens by chance: 0.0006
    if not read_pretraining(folder)["on_plateau"]:
        assert "of" in [guess["token_str"].strip() for guess in guesses]


def test_every_encoder_read_the_same_tokens_in_the_same_order():
    records = [read_pretraining(shipped_for(MODELS[name])) for name in ENCODERS]
    assert len({record["task"]["fingerprint"] for record in records}) == 1
    assert len({record["recipe"]["tokens"] for record in records}) == 1
    assert len({record["seed"] for record in records}) == 1
    assert all(origin_of(shipped_for(MODELS[name])) for name in ENCODERS)
    sizes = [record["model"]["params_non_embedding"] for record in records]
    assert max(sizes) / min(sizes) < 1.05


def test_they_are_small():
    sizes = [path.stat().st_size for path in FOLDER.rglob("*.safetensors")]
    assert len(sizes) == len(ENCODERS)
    assert sum(sizes) <= MOST_BYTES_OF_ALL_WEIGHTS
    assert max(sizes) <= MOST_BYTES_OF_A_FILE


def test_nothing_in_them_names_this_machine(folder):
    for path in folder.iterdir():
        if path.suffix in (".json", ".md") and path.name != "tokenizer.json":
            assert not re.search(r'["` ](/[a-z]+/|~)', path.read_text()), path


def test_the_card_says_what_they_are_and_names_the_sources(name, folder):
    card = (folder / "README.md").read_text()
    record = json.loads((folder / "pretraining.json").read_text())
    assert f"{record['recipe']['tokens']:,} tokens" in card
    assert "not meant for use in products" in card
    assert "SOURCES.md" in card
    assert f"{record['scores']['heldout']['loss']:.3f} nats" in card
    assert "wikipedia" not in (FOLDER / "SOURCES.md").read_text().lower()


def test_a_copy_is_the_same_cell(name, folder, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert find_weights(MODELS[name], "tiny", str(copy)).identity == weights_of(name).identity
    assert read_pretraining(folder)["model"]["identity"] == weights_of(name).identity


@pytest.mark.parametrize(("task", "rate"), [("ner", 1e-3), ("nli", 2e-4), ("span", 2e-4)])
def test_their_learning_rate_is_that_of_tiny_encoders(task, rate, folder, name):
    weights = weights_of(name)
    assert resolve_recipe(TASKS[task], weights, {}).learning_rate == rate
    assert resolve_recipe(TASKS[task], find_weights(MODELS[name], "tiny", str(folder)), {}).learning_rate == rate
    assert resolve_recipe(TASKS[task], weights, {"learning_rate": 3e-4}).learning_rate == 3e-4


def test_another_encoder_has_none():
    with pytest.raises(InputError, match=r"no tiny-pretrained weights of mine, only of avey-b, bert"):
        find_weights(replace(MODELS["bert"], name="mine"), "tiny", SHIPPED)


def test_a_size_beside_them_is_refused():
    with pytest.raises(InputError, match=r"--size base does not go with the weights tiny-pretrained"):
        find_model("avey-b", SHIPPED, "base")
    with pytest.raises(InputError, match=r"names its weights already"):
        find_model("some/model", SHIPPED, None)
