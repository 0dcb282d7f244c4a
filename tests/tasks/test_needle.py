"""Needles: built to a length and a depth in any tokenizer's tokens, answerable, unique, and scored as missed where cut off."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.errors import InputError
from harness.pipelines.pipeline import run
from tasks.hiding import hide
from tasks.needle import NEEDLE, Found
from tasks.sources.haystack import haystack
from tasks.sources.needles import KINDS, fingerprint, grid, train_needles
from tasks.windows import Pair

LABELS = ("start", "end")
HAY = haystack(
    [
        f"The house number {n} near the river was old. Ada met Grace there, in {1800 + n}; "
        f"they walked {'far ' * (n % 7)}and then said 'no'. It rained"
        for n in range(400)
    ]
)


def needles_at(length, depth, kind="key-value", examples=1, distractors=3, hay=HAY):
    return grid("test", hay, [kind], distractors, lengths=[length], depths=[depth], examples=examples)


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(300, 1500), depth=st.integers(0, 100), kind=st.sampled_from(KINDS), distractors=st.integers(0, 3)
)
def test_an_answer_stands_once_in_its_context_where_it_is_said_to(any_tokenizer, length, depth, kind, distractors):
    [needle] = needles_at(length, depth, kind, distractors=distractors)
    context = hide(needle, length, any_tokenizer, Pair(any_tokenizer))
    answer = needle.statement.answer
    assert context.text[context.start : context.start + len(answer)] == answer
    assert context.text.casefold().count(answer) == 1
    assert context.text.count(needle.statement.text) == 1
    if kind == "key-value":
        assert len(needle.distractors) == distractors
        key = needle.question.removesuffix("?").split()[-1]
        assert context.text.casefold().count(key) == 1
        assert all(context.text.count(other.text) == 1 for other, _ in needle.distractors)
    hay = context.text.replace(needle.statement.text, "")
    for other, _ in needle.distractors:
        hay = hay.replace(other.text, "")
    endless = " ".join(HAY.read(needle.start, len(hay)))
    assert endless.startswith(" ".join(hay.split()))


@settings(max_examples=40, deadline=None)
@given(length=st.integers(300, 3000), depth=st.integers(0, 100), kind=st.sampled_from(KINDS), number=st.integers(0, 5))
def test_an_input_has_the_tokens_asked_for_or_the_next_word_would_be_too_much(
    any_tokenizer, length, depth, kind, number
):
    needle = needles_at(length, depth, kind, number + 1)[number]
    context = hide(needle, length, any_tokenizer, Pair(any_tokenizer))
    used = len(any_tokenizer(needle.question, context.text)["input_ids"])
    assert used <= length
    said = [needle.statement.text, *(other.text for other, _ in needle.distractors)]
    n_words = len(context.text.split()) - sum(len(text.split()) for text in said)
    following = " ".join(HAY.read(needle.start, len(context.text) + 100)).split()[n_words]
    assert used + len(any_tokenizer(f" {following}", add_special_tokens=False)["input_ids"]) > length


@settings(max_examples=40, deadline=None)
@given(length=st.integers(400, 3000), depth=st.integers(0, 100))
@example(length=1286, depth=99)
def test_a_needle_stands_within_half_a_sentence_of_its_depth(any_tokenizer, length, depth):
    [needle] = needles_at(length, depth, "number")
    context = hide(needle, length, any_tokenizer, Pair(any_tokenizer))
    begins = context.start - len(needle.statement.before)
    if depth == 0:
        assert begins == 0
    if depth == 100:
        assert context.text.endswith(needle.statement.text)

    def count(text):
        return len(any_tokenizer(text, add_special_tokens=False)["input_ids"])

    before = count(context.text[:begins]) if begins else 0
    hay = before + count(context.text[begins + len(needle.statement.text) :] or " ")
    longest = max(count(sentence) for sentence in HAY.sentences[:50])
    # The last sentence may be cut, and nothing but a depth of 100 stands behind it.
    in_the_last = depth / 100 * hay > hay - longest
    assert abs(before - depth / 100 * hay) <= (longest if in_the_last else longest / 2) + 3


def test_the_same_needles_are_asked_of_every_tokenizer_and_in_every_grid(tokenizer):
    wide = grid("test", HAY, KINDS, 3, lengths=[300, 600], depths=[0, 50, 100], examples=3)
    narrow = grid("test", HAY, KINDS, 3, lengths=[600], depths=[50], examples=2)
    assert set(narrow) < set(wide)
    assert fingerprint({"train": [], "dev": [], "test": wide}) == fingerprint({"train": [], "dev": [], "test": [*wide]})
    assert fingerprint({"train": [], "dev": [], "test": wide}) != fingerprint({"train": [], "dev": [], "test": narrow})
    assert len({needle.id for needle in wide}) == len(wide)
    answers = [needle.statement.answer for needle in train_needles(HAY, KINDS, 3, 60)]
    assert len(set(answers)) == 60
    assert set(answers).isdisjoint(needle.statement.answer for needle in wide)
    for needle in wide:  # the words of the question are those of the statement, so that it can be answered
        assert needle.question.removesuffix("?").split()[-1] in needle.statement.before


def test_training_inputs_are_one_window_each_that_holds_the_answer(any_tokenizer):
    examples = train_needles(HAY, KINDS, 3, 60)
    encoded = NEEDLE.encode(examples, LABELS, any_tokenizer, 400, training=True)
    assert len(encoded.features) == 60
    lengths = [len(feature["input_ids"]) for feature in encoded.features]
    assert max(lengths) <= 400
    assert len(set(lengths)) > 20
    for needle, feature in zip(examples, encoded.features, strict=True):
        first, last = feature["labels"]
        answer = any_tokenizer.decode(feature["input_ids"][first : last + 1])
        answer = re.sub("[ ▁#]", "", answer)
        assert needle.statement.answer in answer or any_tokenizer.unk_token in answer


def oracle(encoded, examples, tokenizer):
    """Logits of an encoder that finds every answer that it sees, and the first token otherwise."""
    whole = NEEDLE.encode([replace(one, length=None) for one in examples], LABELS, tokenizer, examples[0].length, True)
    logits = []
    for feature, right in zip(encoded.features, whole.features, strict=True):
        scores = np.zeros((len(feature["input_ids"]), 2), np.float32)
        for side, position in enumerate(right["labels"]):
            if position < len(scores):
                scores[position, side] = 9
        logits.append(scores)
    return logits


@pytest.mark.parametrize(("maximum", "seen"), [(600, 1.0), (300, 0.5)])
def test_what_was_cut_off_counts_as_missed_and_is_told_apart(tokenizer, maximum, seen):
    examples = needles_at(600, 0, "number", 4) + needles_at(600, 100, "word", 4)
    encoded = NEEDLE.encode(examples, LABELS, tokenizer, maximum)
    assert all(len(feature["input_ids"]) <= maximum for feature in encoded.features)
    assert len(encoded.features) == len(examples)
    assert encoded.n_truncated == (0 if maximum == 600 else 8)
    found = NEEDLE.decode(examples, LABELS, encoded, oracle(encoded, examples, tokenizer))
    scores = NEEDLE.score(examples, found)
    assert scores["needle_exact_match"] == seen
    assert scores["needle_exact_match.L600"] == seen
    assert scores["needle_exact_match.L600.D0"] == 1
    assert scores["needle_exact_match.L600.D100"] == (1 if maximum == 600 else 0)
    assert scores["needle_exact_match.word"] == scores["needle_exact_match.L600.D100"]
    assert scores["truncated.L600"] == (0 if maximum == 600 else 1)
    assert scores["unseen.L600"] == 1 - seen
    rows = NEEDLE.rows(examples, found)
    numerators, denominators = zip(*[row["terms"] for row in rows], strict=True)
    assert sum(numerators) / sum(denominators) == scores["needle_exact_match"]
    assert [row["truncated"] for row in rows] == [maximum < 600] * 8
    assert all(row["gold"] == row["predicted"] for row in rows if row["terms"] == [1, 1])
    assert {(row["length"], row["depth"], row["seen"]) for row in rows} == {(600, 0, True), (600, 100, maximum == 600)}


def test_a_lucky_guess_of_what_was_never_seen_is_a_miss():
    [needle] = needles_at(600, 100)
    assert NEEDLE.score([needle], [Found(needle.statement.answer, True, False)])["needle_exact_match"] == 0
    assert NEEDLE.score([needle], [Found(f" {needle.statement.answer}.", True, True)])["needle_exact_match"] == 1


def test_dev_and_test_are_read_as_far_as_the_encoder_goes():
    assert NEEDLE.longest_input(512) == 512
    assert NEEDLE.longest_input(None) == 4096
    assert NEEDLE.configured({"lengths": "512, 98304"}).longest_input(None) == 98304


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("lengths", "1024,512", "lengths must increase"),
        ("lengths", "512,512", "lengths must increase"),
        ("lengths", "8", "from 32 to 98304"),
        ("lengths", "1e6", "from 32 to 98304"),
        ("lengths", "", "from 32 to 98304"),
        ("lengths", "999999999999999999999", "from 32 to 98304"),
        ("depths", "0,101", "from 0 to 100"),
        ("depths", "-1", "from 0 to 100"),
        ("depths", "50,0", "depths must increase"),
        ("examples", "0", "from 1 to 1000"),
        ("distractors", "many", "from 0 to 20"),
        ("kind", "haiku", "kind is by-name"),
    ],
)
def test_an_option_that_makes_no_grid_is_refused_in_a_sentence(option, value, says):
    with pytest.raises(InputError, match=says):
        NEEDLE.configured({option: value})


def test_options_are_written_in_one_way():
    assert NEEDLE.configured({"lengths": " 512 , 1024"}).options == NEEDLE.configured({"lengths": "512,01024"}).options


def test_a_needle_longer_than_its_haystack_is_refused_in_a_sentence(tokenizer):
    [needle] = needles_at(64, 50, distractors=10)
    with pytest.raises(InputError, match="longer than an input of 64"):
        NEEDLE.encode([needle], LABELS, tokenizer, 512)
    with pytest.raises(InputError, match="longer than an input of 32"):
        NEEDLE.encode(train_needles(HAY, ["key-value"], 10, 1), LABELS, tokenizer, 32, training=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_needle_fits_where_there_is_room_for_one_word(tokenizer, kind):
    [needle] = needles_at(2000, 50, kind, distractors=1)
    fits = next(length for length in range(20, 300) if _fits(needle, length, tokenizer))
    context = hide(needle, fits, tokenizer, Pair(tokenizer))
    said = [needle.statement, *(other for other, _ in needle.distractors)]
    assert len(context.text.split()) == sum(len(one.text.split()) for one in said) + 1


def _fits(needle, length, tokenizer):
    try:
        return bool(hide(needle, length, tokenizer, Pair(tokenizer)))
    except InputError:
        return False


def test_a_short_haystack_is_read_again(tokenizer):
    short = haystack(["Ada saw the river. Grace met Alan near the old house, and then he left."])
    [needle] = needles_at(2000, 50, "number", hay=short)
    context = hide(needle, 2000, tokenizer, Pair(tokenizer))
    assert context.text.count("Ada saw the river.") > 50
    assert context.text.count(needle.statement.answer) == 1


def test_a_run_goes_on_beyond_what_its_encoder_takes_and_its_rows_make_its_scores(small_bert, tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("the old house near the river saw a train and then left. " * 60)
    options = {"lengths": "64,200", "depths": "0,100", "examples": "2"}
    recipe = {"max_length": 60, "max_steps": 2, "train_limit": 32}
    request = Request(
        "bert", "needle/word", str(small_bert), data_dir=str(tmp_path), recipe=recipe, task_options=options
    )
    planned = plan(request)
    done = run(planned)
    record, scores = done.record, done.record["scores"]["test"]
    assert record["task"]["n_truncated"] == 4
    assert (scores["truncated.L64"], scores["truncated.L200"]) == (0, 1)
    assert (scores["unseen.L64"], scores["unseen.L200"], scores["unseen"]) == (0, 0.5, 0.25)
    assert dict(record["task"]["options"])["lengths"] == "64,200"
    rows = [row for row in done.predictions if row["split"] == "test"]
    assert len(rows) == record["task"]["n_test"] == 8
    assert sum(row["terms"][0] for row in rows) / 8 == scores["needle_exact_match"]
    assert [row["truncated"] for row in rows] == [row["length"] == 200 for row in rows]
