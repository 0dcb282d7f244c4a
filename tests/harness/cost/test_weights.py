"""Weights that somebody would deploy: their names, and what a bench refuses."""

import pytest

from harness.cost.points import Settings, points_of
from harness.cost.texts import Texts
from harness.cost.weights import load_weights, subjects
from harness.errors import InputError
from models import MODELS
from models.scratch import config_of, from_config
from models.tokenizer import embedded


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A saved BERT of two layers that takes 40 tokens."""
    path = tmp_path_factory.mktemp("saved") / "my-reviews" / "model"
    options = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = config_of(MODELS["bert"], options | {"max_position_embeddings": 40}, embedded())
    from_config(MODELS["bert"], config).save_pretrained(path)
    embedded().save_pretrained(path)
    return path


def test_a_folder_is_measured_as_the_encoder_that_its_config_names(folder):
    (subject,) = subjects([], "tiny", given=[str(folder)])
    assert (subject.model, subject.name, subject.size, subject.max_length) == ("bert", "my-reviews", "custom", 40)
    (point,) = points_of([subject], [16], Settings("tiny", "fp32", "m", 1))
    assert "location" not in point.entry
    model = load_weights(point, MODELS["bert"])
    assert model.config.hidden_size == 16
    (same,) = subjects(["bert"], "tiny", str(folder))
    assert same == subject


def test_texts_longer_than_the_weights_take_are_cut(folder):
    texts = Texts("a.txt", ("word " * 200, "short"), 2)
    (subject,) = subjects([], "tiny", given=[str(folder)], texts=texts)
    assert subject.texts[0] == 40
    assert subject.texts[1] < 40


def test_names_are_given_in_the_order_of_the_models_with_weights(folder):
    found = subjects(["roberta"], "tiny", given=[str(folder)], names=["Reviews <1>"])
    assert [subject.name for subject in found] == ["", "Reviews <1>"]
    with pytest.raises(InputError, match="--name is given 2 times for 1 model with weights"):
        subjects([], "tiny", given=[str(folder)], names=["a", "b"])


@pytest.mark.parametrize(
    ("models", "weights", "given", "sentence"),
    [
        (["bert", "roberta"], "{folder}", [], "belongs to one encoder, and --models names 2"),
        ([], "scratch", ["{folder}", "{folder}"], "two of the models are called my-reviews"),
        (
            [],
            "scratch",
            ["./nowhere"],
            "there is no folder ./nowhere; --model takes a registered name, a folder or a hub id",
        ),
        ([], "scratch", ["bert"], "bert is a registered encoder; use --models bert"),
        (["roberta"], "{folder}", [], "holds a bert model, not roberta"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(models, weights, given, sentence, folder):
    with pytest.raises(InputError, match=sentence):
        subjects(models, "tiny", weights.format(folder=folder), [one.format(folder=folder) for one in given])


def test_a_folder_of_another_kind_is_one_sentence(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(InputError, match="is a decoder \\(gpt2\\)"):
        subjects([], "tiny", given=[str(tmp_path)])
