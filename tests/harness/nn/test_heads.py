"""What every head promises: padding changes no loss, and labels mean what the tasks say they mean."""

import pytest
import torch

from harness.nn.heads import SequenceHead, SpanHead, TokenHead, with_head
from harness.nn.trainer import collate


@pytest.fixture(scope="module")
def encoder(small_bert):
    from transformers import BertModel

    return BertModel.from_pretrained(small_bert, add_pooling_layer=False)


def padded(ids, by):
    return torch.nn.functional.pad(ids, (0, by)), torch.nn.functional.pad(torch.ones_like(ids), (0, by))


@pytest.mark.parametrize(
    ("kind", "outputs", "labels"),
    [("span", 2, [[1, 2]]), ("sequence", 3, [2]), ("multi_label", 3, [[1, 0, 1]]), ("regression", 1, [2.5])],
)
def test_loss_does_not_depend_on_padding(encoder, kind, outputs, labels):
    torch.manual_seed(0)
    model = with_head(kind, encoder, outputs).eval()
    ids = torch.tensor([[2, 7, 8, 3]])
    alone = model(ids, torch.ones_like(ids), labels=torch.tensor(labels))["loss"]
    longer = model(*padded(ids, 9), labels=torch.tensor(labels))["loss"]
    torch.testing.assert_close(alone, longer)
    assert torch.isfinite(alone)


def test_tokens_without_labels_have_a_loss_of_0_and_change_nothing(encoder):
    """A window inside one very long word has no label, and a small batch may hold nothing else."""
    model = TokenHead(encoder, 3)
    ids = torch.tensor([[2, 7, 8, 3]])
    loss = model(ids, torch.ones_like(ids), labels=torch.full_like(ids, -100))["loss"]
    assert loss == 0
    loss.backward()
    assert all(not one.grad.any() for one in model.parameters() if one.grad is not None)


def test_the_span_loss_is_the_mean_of_start_and_end(encoder):
    model = SpanHead(encoder, 2).eval()
    ids = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    output = model(ids, mask, labels=torch.tensor([[1, 2], [0, 0]]))
    shown = output["logits"].masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).log_softmax(dim=1)
    start = -(shown[0, 1, 0] + shown[1, 0, 0]) / 2
    end = -(shown[0, 2, 1] + shown[1, 0, 1]) / 2
    torch.testing.assert_close(output["loss"], (start + end) / 2)


def test_the_loss_of_several_labels_is_the_mean_over_texts_and_labels(encoder):
    model = with_head("multi_label", encoder, 2).eval()
    ids = torch.tensor([[2, 7, 8, 3], [2, 9, 4, 3]])
    output = model(ids, torch.ones_like(ids), labels=torch.tensor([[1, 0], [1, 1]]))
    p = output["logits"].sigmoid()
    expected = -(p[0, 0].log() + (1 - p[0, 1]).log() + p[1, 0].log() + p[1, 1].log()) / 4
    torch.testing.assert_close(output["loss"], expected)


def test_scores_have_the_unit_of_training_and_the_loss_has_none(encoder):
    model = with_head("regression", encoder, 1).eval()
    model.learn_unit([100.0, 120.0, 140.0])
    ids = torch.tensor([[2, 7, 8, 3]])
    output = model(ids, torch.ones_like(ids), labels=torch.tensor([130.0]))
    spread = (800 / 3) ** 0.5
    torch.testing.assert_close(output["loss"], ((130 - output["logits"][0, 0]) / spread) ** 2)
    assert abs(output["logits"][0, 0] - 120) < 40
    model.learn_unit([3.0, 3.0])
    assert model.scale == 1


def test_a_text_is_classified_by_the_mean_of_its_tokens(encoder):
    model = SequenceHead(encoder, 3).eval()
    ids, mask = padded(torch.tensor([[2, 7, 8, 3]]), 4)
    hidden = encoder(input_ids=ids[:, :4], attention_mask=mask[:, :4]).last_hidden_state
    torch.testing.assert_close(model(ids, mask)["logits"], model.classifier(hidden.mean(dim=1)), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[0, 1], [1]], [[0, 1] + [-100] * 6, [1] + [-100] * 7]),
        ([(1, 1), (0, 0)], [[1, 1], [0, 0]]),
        ([2, 0], [2, 0]),
        ([(1, 0, 1), (0, 0, 0)], [[1, 0, 1], [0, 0, 0]]),
        ([0.5, 2.0], [0.5, 2.0]),
    ],
)
def test_a_batch_holds_labels_a_token_a_span_or_a_text(tokenizer, labels, expected):
    features = [
        {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": label}
        for ids, label in zip([[5, 6], [7]], labels, strict=True)
    ]
    batch = collate(features, tokenizer)
    assert batch["labels"].tolist() == expected
    assert batch["input_ids"].shape == (2, 8)


def test_a_frozen_encoder_stays_as_it_is_and_has_no_dropout(small_bert):
    from transformers import BertModel

    model = TokenHead(BertModel.from_pretrained(small_bert, add_pooling_layer=False), 3)
    model.freeze()
    model.train()
    assert model.training
    assert not any(module.training for module in model.encoder.modules())
    ids = torch.arange(5, 13)[None]
    output = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids % 3)
    output["loss"].backward()
    assert all(parameter.grad is None for parameter in model.encoder.parameters())
    assert model.classifier.weight.grad.abs().sum() > 0
