import numpy as np
import pytest
import torch

from harness.heads import TokenHead, mean_pool
from harness.inference import predict


@pytest.fixture(scope="module")
def model(small_bert):
    from transformers import BertModel

    torch.manual_seed(0)
    return TokenHead(BertModel.from_pretrained(small_bert, add_pooling_layer=False), 5)


@pytest.fixture(scope="module")
def features(tokenizer):
    random = np.random.default_rng(0)
    lengths = random.integers(3, 60, size=23)
    return [
        {"input_ids": random.integers(5, len(tokenizer), size=n).tolist(), "attention_mask": [1] * n, "labels": [0] * n}
        for n in lengths
    ]


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_logits_come_in_the_order_given_whatever_the_batch(model, features, tokenizer, batch_size):
    logits = predict(model, features, tokenizer, "fp32", batch_size)
    assert [len(rows) for rows in logits] == [len(feature["input_ids"]) for feature in features]
    alone = [
        model(input_ids=torch.tensor([f["input_ids"]]), attention_mask=torch.tensor([f["attention_mask"]]))["logits"][0]
        for f in features
    ]
    for rows, expected in zip(logits, alone, strict=True):
        np.testing.assert_allclose(rows, expected.detach().numpy(), atol=1e-5)


def test_progress_reaches_the_end(model, features, tokenizer):
    seen = []
    predict(model, features, tokenizer, "fp32", 8, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(8, 23), (16, 23), (23, 23)]


def test_loss_ignores_padding(model, tokenizer):
    ids = torch.tensor([[2, 7, 8, 3]])
    labels = torch.tensor([[-100, 1, 2, -100]])
    alone = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels)["loss"]
    padded = model(
        input_ids=torch.nn.functional.pad(ids, (0, 5)), attention_mask=torch.nn.functional.pad(torch.ones_like(ids), (0, 5)),
        labels=torch.nn.functional.pad(labels, (0, 5), value=-100),
    )["loss"]  # fmt: skip
    torch.testing.assert_close(alone, padded)


def test_mean_pool_ignores_padding():
    hidden = torch.tensor([[[1.0], [3.0], [100.0]]])
    assert mean_pool(hidden, torch.tensor([[1, 1, 0]])).tolist() == [[2.0]]
