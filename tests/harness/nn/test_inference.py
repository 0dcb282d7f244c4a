from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.nn.heads import TokenHead
from harness.nn.inference import batches_by_tokens, predict
from models.pooling import mean_pool


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


@pytest.mark.parametrize(("batch_size", "tokens"), [(1, 1000), (4, 1000), (64, 1000), (64, 90), (64, 1)])
def test_logits_come_in_the_order_given_whatever_the_batch(model, features, tokenizer, batch_size, tokens):
    logits = predict(model, features, tokenizer, "fp32", batch_size, tokens=tokens)
    assert [len(rows) for rows in logits] == [len(feature["input_ids"]) for feature in features]
    alone = [
        model(input_ids=torch.tensor([f["input_ids"]]), attention_mask=torch.tensor([f["attention_mask"]]))["logits"][0]
        for f in features
    ]
    for rows, expected in zip(logits, alone, strict=True):
        np.testing.assert_allclose(rows, expected.detach().numpy(), atol=1e-5)


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 200), st.none() | st.integers(1, 8))
def test_batches_hold_every_text_once_within_the_budget_the_longest_first(lengths, tokens, batch_size):
    batches = list(batches_by_tokens(lengths, tokens, batch_size))
    order = [index for batch in batches for index in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[index] for index in order] == sorted(lengths, reverse=True)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch[0]] <= tokens
        assert batch_size is None or len(batch) <= batch_size
    # No batch could have taken the first text of the next one too.
    for batch, following in pairwise(batches):
        assert (len(batch) + 1) * lengths[batch[0]] > tokens or len(batch) == batch_size
        assert lengths[following[0]] <= lengths[batch[-1]]


def test_progress_reaches_the_end(model, features, tokenizer):
    seen = []
    predict(model, features, tokenizer, "fp32", 8, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(8, 23), (16, 23), (23, 23)]


def test_loss_ignores_padding(model, tokenizer):
    ids = torch.tensor([[2, 7, 8, 3]])
    labels = torch.tensor([[-100, 1, 2, -100]])
    alone = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels)["loss"]
    padded = model(
        input_ids=torch.nn.functional.pad(ids, (0, 5)),
        attention_mask=torch.nn.functional.pad(torch.ones_like(ids), (0, 5)),
        labels=torch.nn.functional.pad(labels, (0, 5), value=-100),
    )["loss"]
    torch.testing.assert_close(alone, padded)


def test_mean_pool_ignores_padding():
    hidden = torch.tensor([[[1.0], [3.0], [100.0]]])
    assert mean_pool(hidden, torch.tensor([[1, 1, 0]])).tolist() == [[2.0]]
