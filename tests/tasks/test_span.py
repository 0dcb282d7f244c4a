"""Windows and answers, for every way in which tokenizers join two texts and count characters."""

import string
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sources.question import Answer, Question
from tasks.span import SPAN, Span, best_threshold, best_tokens
from tasks.windows import NULL, NULL_WINDOWS, Window, overlap, token_span, without_blanks

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(str.strip)
LABELS = ("start", "end")
PROSE = "the old house near the river in Oslo saw a train and then Ada walked to New York with Grace. " * 12


def ask(context, text, id_="0", question="where is it?"):
    return Question(id_, question, context, (Answer(text, context.index(text)),) if text else ())


def oracle(encoded, seed=0):
    """Logits that say the label, and noise everywhere else."""
    random = np.random.default_rng(seed)
    logits = []
    for feature in encoded.features:
        scores = random.normal(size=(len(feature["input_ids"]), 2)).astype(np.float32)
        for side, position in enumerate(feature["labels"]):
            scores[position, side] = 100
        logits.append(scores)
    return logits


@settings(max_examples=60, deadline=None)
@given(data=st.data(), context=TEXTS, question=TEXTS, max_length=st.integers(16, 60))
def test_any_answer_that_a_window_holds_is_found_and_every_other_one_is_counted(
    any_tokenizer, data, context, question, max_length
):
    start = data.draw(st.integers(0, len(context) - 1))
    text = context[start : data.draw(st.integers(start + 1, len(context)))]
    example = Question("0", question, context, (Answer(text, start),))
    encoded = SPAN.encode([example], LABELS, any_tokenizer, max_length, training=True)
    assert all(len(feature["input_ids"]) <= max_length for feature in encoded.features)
    held = any(feature["labels"] != NULL for feature in encoded.features)
    [span] = SPAN.decode([example], LABELS, encoded, oracle(encoded))
    assert span.text == context[span.start : span.end]
    assert span.text == span.text.strip()
    longest = encoded.windows[0].longest
    if held and all(f["labels"][1] - f["labels"][0] < longest for f in encoded.features if f["labels"] != NULL):
        solid = text.strip()
        begins = start + text.index(solid)
        if set(solid) <= set(string.printable):  # tokenizers drop or join some of the other characters
            assert span.start <= begins
            assert span.end >= begins + len(solid)
    else:
        assert encoded.n_truncated == 1


@settings(max_examples=60, deadline=None)
@given(context=TEXTS, max_length=st.integers(16, 40), seed=st.integers(0, 5))
def test_whatever_the_logits_say_an_answer_is_a_stretch_of_its_context(any_tokenizer, context, max_length, seed):
    example = Question("0", "what is it", context, ())
    encoded = SPAN.encode([example], LABELS, any_tokenizer, max_length)
    random = np.random.default_rng(seed)
    logits = [random.normal(size=(len(feature["input_ids"]), 2)).astype(np.float32) for feature in encoded.features]
    [span] = SPAN.decode([example], LABELS, encoded, logits)
    assert span.text == context[span.start : span.end]


def test_windows_are_those_that_the_tokenizer_itself_makes(any_tokenizer):
    question = "where is the river"
    for max_length in (96, 384, 4096):
        encoded = SPAN.encode([ask(PROSE, "", question=question)], LABELS, any_tokenizer, max_length)
        theirs = any_tokenizer(
            question,
            PROSE,
            truncation="only_second",
            max_length=max_length,
            stride=overlap(max_length),
            return_overflowing_tokens=True,
        )
        assert [feature["input_ids"] for feature in encoded.features] == theirs["input_ids"]
        if "token_type_ids" in theirs:
            assert [feature["token_type_ids"] for feature in encoded.features] == theirs["token_type_ids"]
        assert encoded.n_windowed == (len(theirs["input_ids"]) > 1)


def test_a_context_is_tokenised_once_however_many_questions_it_has(tokenizer, monkeypatch):
    tokenised = []
    call = type(tokenizer).__call__
    monkeypatch.setattr(
        type(tokenizer),
        "__call__",
        lambda self, texts, *a, **o: (tokenised.append(texts), call(self, texts, *a, **o))[1],
    )
    SPAN.encode([ask(PROSE, "Oslo", str(number)) for number in range(50)], LABELS, tokenizer, 64)
    assert sum(texts.count(PROSE) for texts in tokenised if isinstance(texts, list)) == 1


def test_an_answer_far_into_a_long_document_is_found(any_tokenizer):
    context = PROSE + "the hidden word is Xanadu. " + PROSE
    encoded = SPAN.encode([ask(context, "Xanadu")], LABELS, any_tokenizer, 64, training=True)
    [span] = SPAN.decode([ask(context, "Xanadu")], LABELS, encoded, oracle(encoded))
    assert "Xanadu" in span.text
    assert span.start in (context.index("Xanadu"), context.index("Xanadu") - 1)


def test_training_keeps_all_windows_with_the_answer_and_few_of_the_others(tokenizer):
    context = PROSE + "Xanadu. " + PROSE
    everywhere = SPAN.encode([ask(context, "Xanadu")], LABELS, tokenizer, 64)
    kept = SPAN.encode([ask(context, "Xanadu")], LABELS, tokenizer, 64, training=True)
    assert len(everywhere.features) > 20
    labels = [feature["labels"] for feature in kept.features]
    assert labels.count(NULL) == NULL_WINDOWS
    assert 1 <= len(labels) - NULL_WINDOWS <= 2
    assert "labels" not in everywhere.features[0]


def test_an_answer_that_no_window_holds_is_a_miss_and_not_no_answer(tokenizer):
    example = ask(PROSE, PROSE[10:900].strip())
    encoded = SPAN.encode([example], LABELS, tokenizer, 64, training=True)
    assert encoded.n_truncated == 1
    assert all(feature["labels"] == NULL for feature in encoded.features)
    predictions = SPAN.decode([example], LABELS, encoded, oracle(encoded))
    assert SPAN.score([example], SPAN.apply(predictions, {"no_answer_threshold": 1e9}))["exact_match"] == 0
    assert SPAN.score([example], predictions)["exact_match"] == 0


def test_a_question_that_is_too_long_is_cut_and_counted(tokenizer):
    example = ask("Ada is in Oslo.", "Oslo", question=PROSE)
    encoded = SPAN.encode([example, ask("Ada is in Oslo.", "Oslo", "1")], LABELS, tokenizer, 64)
    assert encoded.n_truncated == 1
    assert all(len(feature["input_ids"]) <= 64 for feature in encoded.features)
    ids = tokenizer("Ada is in Oslo.", add_special_tokens=False)["input_ids"]
    assert encoded.features[0]["input_ids"][-len(ids) - 1 : -1] == ids  # the context is whole


def test_no_answer_where_the_context_is_nothing_but_blanks(tokenizer):
    example = Question("0", "where", "  \n ", ())
    encoded = SPAN.encode([example], LABELS, tokenizer, 32)
    predictions = SPAN.decode(
        [example], LABELS, encoded, [np.ones((len(encoded.features[0]["input_ids"]), 2), np.float32)]
    )
    assert predictions[0].text == ""
    assert SPAN.rows([example], predictions)[0]["score"] is None


def test_the_best_stretch_is_the_best_of_all():
    random = np.random.default_rng(0)
    for _ in range(50):
        offsets = np.array([[2 * i, 2 * i + int(random.random() < 0.9)] for i in range(15)])
        window, logits = Window(3, offsets, 4), random.normal(size=(20, 2)).astype(np.float32)
        value, first, last = best_tokens(window, logits)
        solid = [i for i in range(15) if offsets[i, 0] < offsets[i, 1]]
        everything = {(i, j): logits[3 + i, 0] + logits[3 + j, 1] for i in solid for j in solid if i <= j < i + 4}
        assert (first, last) == max(everything, key=everything.get)
        assert value == pytest.approx(everything[first, last] - logits[0].sum(), abs=1e-5)


def test_the_window_that_is_surer_of_an_answer_wins(tokenizer):
    example = ask("Ada is in Oslo", "Oslo")
    encoded = SPAN.encode([example], LABELS, tokenizer, 64)
    doubled = type(encoded)(encoded.features * 2, [0, 0], windows=[*encoded.windows] * 2)
    at = encoded.windows[0].position
    unsure, sure = (np.zeros((len(encoded.features[0]["input_ids"]), 2), np.float32) for _ in range(2))
    unsure[at] = 9  # high, but so is the score of no answer in its window
    unsure[0] = 9
    first, last = token_span(encoded.windows[0].offsets, example.context.index("Oslo"), 4)
    sure[at + first, 0] = sure[at + last, 1] = 5
    [span] = SPAN.decode([example], LABELS, doubled, [unsure, sure])
    assert span.text == "Oslo"


@given(st.lists(st.tuples(st.integers(-4, 4), st.sampled_from(["right", "wrong", "none"])), min_size=1, max_size=12))
def test_the_threshold_is_the_best_of_all(rows):
    examples = [
        Question(str(n), "q", "right", () if kind == "none" else (Answer("right", 0),))
        for n, (_, kind) in enumerate(rows)
    ]
    spans = [Span("right" if kind != "wrong" else "r", 0, 5, float(score)) for score, kind in rows]
    f1 = {
        t: SPAN.score(examples, SPAN.apply(spans, {"no_answer_threshold": t}))["answer_f1"]
        for t in np.arange(-6, 6, 0.5)
    }
    chosen = best_threshold(examples, spans)
    assert SPAN.score(examples, SPAN.apply(spans, {"no_answer_threshold": chosen}))["answer_f1"] == max(f1.values())


def test_where_dev_has_only_answers_no_threshold_is_made_up():
    assert SPAN.tune([ask("Oslo", "Oslo")], [Span("Oslo", 0, 4, -3.0)]) == {}
    assert SPAN.apply([Span("Oslo", 0, 4, -3.0)], {}) == [Span("Oslo", 0, 4, -3.0)]


@given(TEXTS, st.data())
def test_blanks_are_trimmed_and_spans_found_again(text, data):
    cuts = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=8))})
    trimmed = without_blanks(text, np.array(list(pairwise(cuts))))
    for (start, end), (first, last) in zip(pairwise(cuts), trimmed, strict=True):
        assert text[first:last] == text[start:end].strip() or first >= last
        assert first < last or not text[start:end].strip()
        if first < last:
            tokens = token_span(trimmed, int(first), int(last - first))
            assert tokens is not None
            assert tokens[0] == tokens[1]
            assert tuple(trimmed[tokens[0]]) == (first, last)


def test_predictions_do_not_depend_on_the_batch(tokenizer, small_bert):
    from transformers import BertModel

    from harness.nn.heads import SpanHead
    from harness.nn.inference import predict

    torch.manual_seed(0)
    model = SpanHead(BertModel.from_pretrained(small_bert, add_pooling_layer=False), 2)
    examples = [ask(PROSE[: 40 * n], "house", str(n), question="who " * n) for n in range(1, 8)]
    encoded = SPAN.encode(examples, LABELS, tokenizer, 64)
    found = [
        SPAN.decode(examples, LABELS, encoded, predict(model, encoded.features, tokenizer, "fp32", size))
        for size in (1, 3, 64)
    ]
    assert [[(s.start, s.end) for s in spans] for spans in found] == [[(s.start, s.end) for s in found[0]]] * 3
