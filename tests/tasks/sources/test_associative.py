"""Sequences of associative recall beside the definition in the paper and in zoology's code, checked token by token."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from harness.errors import InputError
from tasks.sources.associative import FILLERS, Point, Rules, fingerprint, splits_of


def drawn(points, n=1, vocabulary=8192, fillers="zero", splits=("train", "dev", "test")):
    sizes = {split: dict.fromkeys(points, n if split in splits else 0) for split in ("train", "dev", "test")}
    return splits_of(Rules(vocabulary, fillers), sizes)


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.integers(1, 20),
    more=st.integers(0, 60),
    half=st.integers(80, 300),
    odd=st.booleans(),
    fillers=st.sampled_from(FILLERS),
)
def test_a_sequence_is_as_defined(pairs, more, half, odd, fillers):
    length, vocabulary = 4 * pairs + 2 * more, 2 * half + odd + 60
    [one] = drawn([Point(length, pairs)], 1, vocabulary, fillers, ["test"])["test"]
    tokens = one.tokens.tolist()
    assert len(tokens) == length
    keys, values = tokens[0 : 2 * pairs : 2], tokens[1 : 2 * pairs : 2]
    assert len(set(keys)) == len(set(values)) == pairs
    assert all(1 <= key < vocabulary // 2 for key in keys)
    assert all(vocabulary // 2 <= value < vocabulary for value in values)
    value_of = dict(zip(keys, values, strict=True))
    asked = [tokens[place] for place in one.queries]
    assert sorted(asked) == sorted(keys), "each key is asked for once"
    assert [value_of[key] for key in asked] == one.values.tolist()
    assert all(2 * pairs <= place < length and place % 2 == 0 for place in one.queries)
    assert (np.diff(one.queries) > 0).all()
    others = [tokens[place] for place in range(2 * pairs, length) if place not in set(one.queries.tolist())]
    assert all(0 <= token < vocabulary for token in others)
    if fillers == "zero":
        assert not any(others)


@pytest.mark.parametrize("pairs", [1, 4])
def test_the_gap_of_a_key_follows_the_power_law(pairs):
    length, n = 64, 3000
    slots = np.zeros((length - 2 * pairs) // 2)
    for one in drawn([Point(length, pairs)], n, splits=["test"])["test"]:
        # The first key's slot is drawn first, so it has the law itself; those after it avoid the slots that are taken.
        [place] = [int(place) for place in one.queries if one.tokens[place] == one.tokens[0]]
        slots[(place - 2 * pairs) // 2] += 1
    law = np.array([0.01 * slot ** (0.01 - 1) for slot in range(1, len(slots) + 1)])
    assert chisquare(slots, n * law / law.sum()).pvalue > 1e-3
    uniform = np.full(len(slots), n / len(slots))
    assert chisquare(slots, uniform).pvalue < 1e-6, "the test can tell another law"


def test_random_fillers_are_any_token():
    found = np.concatenate([one.tokens[8:] for one in drawn([Point(64, 4)], 300, 66, "random", ["test"])["test"]])
    assert set(found.tolist()) == set(range(66))


def test_equal_rules_give_equal_sequences_and_other_points_change_nothing():
    few, more = drawn([Point(64, 4)], 5), drawn([Point(64, 4), Point(64, 8)], 9)
    assert fingerprint(few) == fingerprint(drawn([Point(64, 4)], 5))
    assert fingerprint(few) != fingerprint(drawn([Point(64, 4)], 5, fillers="random"))
    for split in ("dev", "test"):
        again = [one.tokens.tolist() for one in more[split] if one.point.pairs == 4]
        assert [one.tokens.tolist() for one in few[split]] == again[:5]


def test_training_mixes_points():
    first = [one.point.pairs for one in drawn([Point(64, 4), Point(64, 8)], 50, splits=["train"])["train"]]
    assert len(set(first[:20])) == 2


def test_no_sequence_is_in_two_splits_even_where_there_are_few():
    # 3 keys and 4 values give 12 sequences of one pair in one slot.
    splits = drawn([Point(4, 1)], 4, vocabulary=8)
    texts = [tuple(one.tokens) for split in splits.values() for one in split]
    assert len(set(texts)) == len(texts) == 12
    with pytest.raises(InputError, match="vocabulary of 8 tokens has too few different sequences"):
        drawn([Point(4, 1)], 5, vocabulary=8)


@pytest.mark.parametrize(
    ("point", "vocabulary", "says"),
    [
        (Point(64, 17), 8192, "64:17 is not possible: a sequence with 17 pairs has an even length of at least 68"),
        (Point(63, 4), 8192, "even length"),
        (Point(64, 4), 64, "use one of more than 64"),
        (Point(1024, 16), 512, "use one of more than 1024"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(point, vocabulary, says):
    with pytest.raises(InputError, match=says):
        Rules(vocabulary, "zero").refuse(point)
