"""Which points a command asks for, and what it may not ask for."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from harness.cost.ids import FIRST_ID, zipf_ids
from harness.cost.points import Point, Settings, is_beyond, parse_lengths, parse_models, points_of
from harness.errors import InputError


def points(models=("bert",), lengths=(128, 512), **changes):
    settings = Settings(size="tiny", precision="fp32", machine="m", threads=1)
    return points_of(models, lengths, replace(settings, **changes))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("512,128", "lengths must increase, and 128 follows 512"),
        ("128,128", "lengths must increase"),
        ("0,128", "at least 1 token, not 0"),
        ("-5", "at least 1 token, not -5"),
        ("99999999999", "too long"),
        ("128,long", "whole numbers with commas"),
        ("", "whole numbers with commas"),
        ("1e3", "whole numbers with commas"),
    ],
)
def test_lengths_that_cannot_be_measured_are_refused_in_one_sentence(text, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_lengths(text)


def test_lengths_and_models_are_read():
    assert parse_lengths("128,2_048, 8192") == (128, 2048, 8192)
    assert parse_models("all")[:5] == ["avey-b", "bert", "roberta", "modernbert", "neobert"]
    assert parse_models("neobert, bert") == ["neobert", "bert"]
    with pytest.raises(InputError, match="did you mean 'bert'"):
        parse_models("brt")
    with pytest.raises(InputError, match="bert is in --models twice"):
        parse_models("bert,bert")


def test_tokens_per_batch_makes_batches_of_equal_cost():
    assert [point.batch_size for point in points(tokens_per_batch=1000)] == [7, 1]
    assert [point.batch_size for point in points(batch_size=8)] == [8, 8]
    assert [point.batch_size for point in points()] == [1, 1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tokens_per_batch": 100}, "holds no text of 128 tokens"),
        ({"batch_size": 0}, "--batch-size must be at least 1"),
        ({"batch_size": 10**9}, "fits no machine"),
        ({"size": "hgue"}, "bert has no size 'hgue'"),
    ],
)
def test_batches_and_sizes_that_cannot_be_are_refused(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        points(**changes)


def test_every_value_of_a_point_decides_its_key():
    (point,) = points(lengths=(128,))
    other = {"str": "other", "int": 7, "bool": True, "int | None": 7, "tuple[int, ...]": (7,)}
    keys = {point.key}
    for field in dataclasses.fields(point):
        keys.add(dataclasses.replace(point, **{field.name: other[field.type]}).key)
    # Equal weights in another folder are the same point.
    assert len(keys) == len(dataclasses.fields(point))
    assert dataclasses.replace(point, location="/elsewhere").key == point.key


def test_stored_points_keep_their_keys():
    """Keys that the first version of `Point` gave, which had no engines, weights and texts."""
    point = Point("bert", "tiny", "inference", 16, "batch 1", 1, "fp32", "sdpa", False, 1, 8192, False, "test")
    assert point.key == "f506e0146b54c3e2"
    assert dataclasses.replace(point, compiled=True).key == "8fb88691f39cc3ac"


def test_only_texts_beyond_a_models_own_length_are_extended():
    short, long = points(lengths=(512, 513), extend_positions=True)
    assert (short.extended, long.extended) == (False, True)
    assert not is_beyond(long)
    assert [is_beyond(point) for point in points(lengths=(512, 513))] == [False, True]
    (endless,) = points(("avey-b",), lengths=(98304,), extend_positions=True)
    assert not endless.extended
    assert not is_beyond(endless)


def test_all_models_get_ids_that_all_of_them_know():
    vocabularies = {point.vocabulary for point in points(("bert", "modernbert"), size="base")}
    assert vocabularies == {30522}


def test_ids_are_the_same_every_time_varied_and_never_special():
    ids = zipf_ids(2, 4096, 8192)
    assert np.array_equal(ids, zipf_ids(2, 4096, 8192))
    assert ids.shape == (2, 4096)
    assert ids.min() >= FIRST_ID
    assert ids.max() < 8192
    assert not np.array_equal(ids[0], ids[1])


def test_ids_follow_zipf():
    """The most frequent id is about ten times as frequent as the tenth, and a hundred times as the hundredth."""
    counts = np.bincount(zipf_ids(1, 400_000, 8192)[0], minlength=8192)[FIRST_ID:]
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.1)
    assert counts[0] / counts[99] == pytest.approx(100, rel=0.2)
