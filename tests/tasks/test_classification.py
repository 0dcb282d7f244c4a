"""Texts and pairs as model inputs, and labels read from logits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.classification import CLASSIFICATION, NLI
from tasks.sources.labelled_text import LabelledText

LABELS = ("no", "yes")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120)


def test_pairs_and_single_texts_are_joined_as_the_tokenizer_does(tokenizer):
    pair = NLI.encode([LabelledText("the river", "a train", "yes", "0")], LABELS, tokenizer, 64)
    single = CLASSIFICATION.encode([LabelledText("the river", None, "no", "0")], LABELS, tokenizer, 64)
    assert pair.features == [{**tokenizer("the river", "a train"), "labels": 1}]
    assert single.features == [{**tokenizer("the river"), "labels": 0}]
    assert (pair.n_truncated, single.n_truncated) == (0, 0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5), st.integers(8, 40))
def test_inputs_are_never_longer_than_asked_and_what_was_cut_is_counted(tokenizer, texts, max_length):
    examples = [LabelledText(first, second, "yes", str(number)) for number, (first, second) in enumerate(texts)]
    encoded = NLI.encode(examples, LABELS, tokenizer, max_length)
    whole = [tokenizer(first, second)["input_ids"] for first, second in texts]
    assert encoded.n_truncated == sum(len(ids) > max_length for ids in whole)
    for feature, ids in zip(encoded.features, whole, strict=True):
        assert len(feature["input_ids"]) == min(len(ids), max_length)
        assert len({len(values) for name, values in feature.items() if name != "labels"}) == 1
        assert feature["input_ids"] == ids or len(ids) > max_length


@pytest.mark.parametrize("side", ["right", "left"])
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.tuples(TEXTS, TEXTS | st.none()), min_size=1, max_size=5), max_length=st.integers(8, 40))
def test_inputs_are_cut_as_the_tokenizer_cuts_them(tokenizer, side, texts, max_length):
    texts = [("[SEP] [UNK] river " * 20, "\n"), *texts]
    examples = [LabelledText(first, second, "yes", str(number)) for number, (first, second) in enumerate(texts)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizer, "truncation_side", side)
        encoded = NLI.encode(examples, LABELS, tokenizer, max_length)
        alone = [tokenizer(first, other, truncation=True, max_length=max_length) for first, other in texts]
    assert encoded.features == [{**one, "labels": 1} for one in alone]


def test_a_text_is_encoded_alike_alone_among_texts_and_beside_pairs(any_tokenizer):
    examples = [
        LabelledText(text, pair, label, "0")
        for text, pair, label in (
            ("the river", None, "no"),
            ("the river", "a train", "yes"),
            ("the " * 90, None, "yes"),
            ("a train " * 90, "the river", "no"),
            ("the river", None, "yes"),
        )
    ]
    together = CLASSIFICATION.encode(examples, LABELS, any_tokenizer, 32)
    alone = [CLASSIFICATION.encode([one], LABELS, any_tokenizer, 32) for one in examples]
    assert together.features == [feature for one in alone for feature in one.features]
    assert together.example_of == [0, 1, 2, 3, 4]
    assert together.n_truncated == 2


def test_a_pair_of_long_documents_makes_no_combinations_of_windows(tokenizer):
    """A tokenizer that truncates this pair makes tens of millions of windows."""
    [feature] = NLI.encode(
        [LabelledText("river " * 160_000, "Oslo " * 160_000, "yes", "0")], LABELS, tokenizer, 63
    ).features
    assert feature["input_ids"] == tokenizer("river " * 99, "Oslo " * 99, truncation=True, max_length=63)["input_ids"]


def test_of_a_pair_that_is_too_long_both_texts_keep_something(tokenizer):
    [feature] = NLI.encode([LabelledText("river " * 50, "Oslo Paris", "yes", "0")], LABELS, tokenizer, 32).features
    assert tokenizer("Oslo Paris", add_special_tokens=False)["input_ids"] == feature["input_ids"][-3:-1]


def test_labels_are_read_from_logits_and_kept_in_rows():
    examples = [LabelledText("a", "b", "yes", "0"), LabelledText("c", "d", "no", "1")]
    logits = [np.array([0.1, 0.9], np.float32), np.array([0.2, 0.5], np.float32)]
    predicted = NLI.decode(examples, LABELS, None, logits)
    assert [choice.label for choice in predicted] == ["yes", "yes"]
    assert NLI.rows(examples, predicted)[1] == {
        "id": "1",
        "text": "c",
        "pair": "d",
        "gold": "no",
        "predicted": "yes",
        "probabilities": {"yes": 0.5744, "no": 0.4256},
        "terms": [0, 1],
    }
    scores = NLI.score(examples, predicted)
    assert scores["accuracy"] == 0.5
    yes = [1 / (1 + math.exp(-0.8)), 1 / (1 + math.exp(-0.3))]
    assert scores["brier"] == pytest.approx(((1 - yes[0]) ** 2 + yes[1] ** 2) * 2 / 2)
    assert scores["ece"] == pytest.approx((1 - yes[0] + yes[1]) / 2)  # each is alone in its bin


def test_a_guess_without_a_model_has_no_calibration():
    examples = [LabelledText("a", "b", "yes", "0"), LabelledText("c", "d", "no", "1")]
    guess = NLI.constant(examples, ("no", "yes"))
    assert not {"ece", "brier"} & NLI.score(examples, guess).keys()
    assert "probabilities" not in NLI.rows(examples, guess)[0]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_predictions_do_not_depend_on_the_batch(tokenizer, small_bert, batch_size):
    from transformers import BertModel

    from harness.nn.heads import SequenceHead
    from harness.nn.inference import predict

    torch.manual_seed(0)
    model = SequenceHead(BertModel.from_pretrained(small_bert, add_pooling_layer=False), 3)
    examples = [LabelledText("river " * n, "Oslo", "yes", str(n)) for n in range(1, 12)]
    features = NLI.encode(examples, LABELS, tokenizer, 64).features
    together = predict(model, features, tokenizer, "fp32", 64)
    apart = predict(model, features, tokenizer, "fp32", batch_size)
    assert [scores.shape for scores in together] == [(3,)] * 11
    np.testing.assert_allclose(together, apart, atol=1e-5)
