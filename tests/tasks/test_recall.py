"""Associative recall: inputs, answers and scores, and encoders that are built for its tokens."""

from collections import Counter

import numpy as np
import pytest
import torch

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.errors import InputError
from harness.nn.heads import QueryHead
from harness.nn.inference import predict
from harness.nn.trainer import collate
from harness.pipelines.pipeline import run
from models import MODELS, scratch
from models.tokenizer import of_numbers
from tasks.recall import RECALL, Answers
from tasks.task import IGNORED, OwnTokens

FEW = RECALL.configured(
    {
        "test": "16:2,32:8",
        "train": "as-test",
        "examples": "4",
        "train_tokens": "200",
        "vocabulary": "64",
        "fillers": "random",
        "width": "32",
    }
)


@pytest.fixture(scope="module")
def data():
    return FEW.load("mqar", None)


@pytest.fixture(scope="module")
def numbers():
    return of_numbers(64)


def test_an_input_has_the_numbers_of_the_sequence_and_a_label_at_each_query(data, numbers):
    train = data.splits["train"]
    encoded = FEW.encode(train, data.labels, numbers, 512, training=True)
    assert Counter(str(one.point) for one in train) == {"16:2": 7, "32:8": 3}
    for one, feature in zip(train, encoded.features, strict=True):
        read = numbers.convert_ids_to_tokens(feature["input_ids"])
        assert read == [str(token) for token in one.tokens], "no special tokens"
        assert feature["queries"][: one.point.pairs] == one.queries.tolist()
        assert feature["queries"][one.point.pairs :] == [-1] * (8 - one.point.pairs)
        named = {place: data.labels[label] for place, label in enumerate(feature["labels"]) if label != IGNORED}
        assert named == {place: str(value) for place, value in zip(one.queries, one.values, strict=True)}


def test_the_tokenizer_reads_numbers_as_the_task_does(numbers):
    assert numbers("0 63 7")["input_ids"] == [5, 68, 12]
    assert len(numbers) == 64 + 5


def test_right_answers_score_1_and_a_query_that_was_cut_off_is_wrong(data, numbers):
    test = data.splits["test"]
    for maximum in (32, 24):
        encoded = FEW.encode(test, data.labels, numbers, maximum)
        best = [np.array([*(one.values - 32), *[-1] * 8], np.float32) for one in test]
        found = FEW.decode(test, data.labels, encoded, best)
        scores, rows = FEW.score(test, found), FEW.rows(test, found)
        unseen = sum(int((one.queries >= maximum).sum()) for one in test) / sum(len(one.queries) for one in test)
        assert scores["query_accuracy"] == pytest.approx(1 - unseen)
        assert scores["unseen"] == pytest.approx(unseen)
        assert (unseen > 0) == (maximum == 24)
        assert scores["truncated.L32"] == float(maximum == 24)
        assert scores["query_accuracy.L16.P2"] == 1
        right, queries = np.sum([row["terms"] for row in rows], axis=0)
        assert right / queries == pytest.approx(scores["query_accuracy"])


def test_accuracy_counts_queries_not_sequences(data):
    short, long = data.splits["test"][0], data.splits["test"][-1]
    found = [Answers(short.values, False), Answers(np.roll(long.values, 1), False)]
    assert FEW.score([short, long], found)["query_accuracy"] == pytest.approx(2 / 10)


@pytest.mark.parametrize("name", ["bert", "avey-b"])
def test_the_head_is_zoologys_a_norm_and_the_embeddings_of_the_values(name, data, numbers):
    torch.manual_seed(0)
    encoder, _ = scratch.with_own_tokens(MODELS[name], "tiny", OwnTokens(64, 32))
    model = QueryHead(encoder, 32).eval()
    features = FEW.encode(data.splits["train"], data.labels, numbers, 512, training=True).features
    batch = collate(features, numbers)
    states = encoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    normal = (states - states.mean(-1, keepdim=True)) / (states.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()
    values = encoder.get_input_embeddings().weight[5 + 32 : 5 + 64]
    logits = normal @ (values / values.square().sum(-1).mean().sqrt()).T
    assert logits.var().item() == pytest.approx(1, rel=0.5), "whatever the scale of the embeddings"
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten())
    torch.testing.assert_close(model(**batch)["loss"], expected, rtol=1e-4, atol=1e-5)
    best = predict(model, features, numbers, "fp32")
    for feature, found, all_logits in zip(features, best, logits, strict=True):
        asked = [place for place in feature["queries"] if place >= 0]
        assert found[: len(asked)].astype(int).tolist() == all_logits[asked].argmax(-1).tolist()


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("width", [32, 96, 224])
def test_every_encoder_can_have_another_width(name, width):
    encoder, tokenizer = scratch.with_own_tokens(MODELS[name], "tiny", OwnTokens(40, width))
    ids = torch.arange(5, 21)[None]
    states = encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    assert states.shape == (1, 16, width)
    assert encoder.get_input_embeddings().weight.shape == (len(tokenizer), width)


@pytest.mark.parametrize("name", ["bert", "roberta", "neobert", "modernbert"])
def test_matrices_of_a_declared_deviation_are_drawn_for_the_width(name):
    def inner(width):
        torch.manual_seed(0)
        encoder, _ = scratch.with_own_tokens(MODELS[name], "tiny", OwnTokens(40, width))
        matrices = {place: module for place, module in encoder.named_modules() if isinstance(module, torch.nn.Linear)}
        first = next(iter(matrices))
        return encoder.get_input_embeddings().weight.std().item(), matrices[first].weight.std().item()

    (embedding, usual), (narrow_embedding, narrow) = inner(None), inner(64)
    assert narrow / usual == pytest.approx((768 / 64) ** 0.5, rel=0.05)
    assert narrow_embedding / embedding == pytest.approx(1, rel=0.1)


def test_xaviers_rule_follows_the_width_by_itself():
    def inner(width):
        torch.manual_seed(0)
        encoder, _ = scratch.with_own_tokens(MODELS["avey-b"], "tiny", OwnTokens(40, width))
        return next(module for module in encoder.modules() if isinstance(module, torch.nn.Linear)).weight.std().item()

    assert inner(64) / inner(None) == pytest.approx((256 / 64) ** 0.5, rel=0.05)


def test_the_usual_width_is_the_encoder_of_its_size():
    for encoder in map(MODELS.__getitem__, MODELS):
        options = encoder.size("tiny").options
        assert scratch.of_width(encoder, options, 256) == dict(options)


@pytest.mark.slow
def test_an_encoder_learns_to_look_values_up():
    options = {
        "test": "8:2",
        "examples": "300",
        "train": "as-test",
        "train_tokens": "96000",
        "vocabulary": "32",
        "width": "64",
    }
    recipe = {"batch_size": 32, "learning_rate": 3e-3, "precision": "fp32"}
    record = run(plan(Request("neobert", "recall", task_options=options, recipe=recipe))).record
    assert record["scores"]["test"]["query_accuracy"] > 0.6, "a guess among the values is right in half"
    assert record["task"]["overlap"] == {"dev": 0, "test": 0}


def test_pretrained_weights_and_long_training_sequences_are_refused(small_bert, data, numbers):
    with pytest.raises(
        InputError, match=r"was pretrained on text, and the inputs of this task are numbers .* --weights scratch"
    ):
        plan(Request("bert", "recall", str(small_bert)))
    with pytest.raises(InputError, match="training sequences of 32 tokens are longer than --max-length 16"):
        FEW.encode(
            [one for one in data.splits["train"] if len(one.tokens) == 32], data.labels, numbers, 16, training=True
        )


def test_what_the_encoder_is_built_for_is_in_the_key():
    def key(**options):
        return plan(Request("bert", "recall", task_options=options)).cell.key

    assert len({key(), key(width="32"), key(vocabulary="1024"), key(fillers="random"), key(test="64:4")}) == 5
    assert key(test="64:8, 64:4,64:8") == key(test="64:4,64:8")
    assert (
        plan(Request("bert", "recall")).cell.weights_identity == "scratch 8192 numbers, no dropout, drawn for width 128"
    )


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("test", "64", "test takes LENGTH:PAIRS"),
        ("test", "64:4,", "test takes LENGTH:PAIRS"),
        ("train", "64:x", "train takes LENGTH:PAIRS"),
        ("test", "64:17", "64:17 is not possible: a sequence with 17 pairs has an even length of at least 68 tokens"),
        ("train", "65:4", "even length"),
        ("vocabulary", "512", "more than 512"),
        ("fillers", "blank", "fillers are zero or random"),
        ("width", "100", "from 32 to 4096 in steps of 32"),
        ("examples", "0", "from 1 to 10000"),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(option, value, says):
    with pytest.raises(InputError, match=says):
        RECALL.configured({option: value})


def test_another_dataset_is_refused():
    with pytest.raises(InputError, match="there is no dataset recall/mqr; did you mean"):
        RECALL.identity("mqr", None)


def test_short_sequences_get_most_of_the_training_tokens():
    task = RECALL.configured({"train": "16:4,64:4", "train_tokens": "10000", "test": "64:4"})
    lengths = [one.point.length for one in task.load("mqar", None).splits["train"]]
    tokens = {length: length * lengths.count(length) for length in (16, 64)}
    assert tokens[16] == pytest.approx(2 * tokens[64], rel=0.02)
    assert sum(tokens.values()) == pytest.approx(10_000, rel=0.02)
