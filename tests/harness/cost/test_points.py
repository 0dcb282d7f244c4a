"""Which points a command asks for, and what it may not ask for."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from harness.cost.ids import FIRST_ID, zipf_ids
from harness.cost.points import (
    Growing,
    Point,
    Settings,
    is_beyond,
    parse_batch_sizes,
    parse_choices,
    parse_lengths,
    parse_models,
    points_of,
    random_weights,
)
from harness.engines import Choice
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


def test_batch_sizes_and_engines_are_read():
    assert parse_batch_sizes("1, 8,auto") == (1, 8, None)
    assert parse_choices("torch,compile", "none")[1].label == "compile"
    for text in ("", "1,x", "0,8", "-1"):
        with pytest.raises(InputError, match="--batch-sizes takes whole numbers"):
            parse_batch_sizes(text)
    with pytest.raises(InputError, match="names a size twice"):
        parse_batch_sizes("8,8")
    with pytest.raises(InputError, match="no engine 'onnx'; choose from torch"):
        parse_choices("onnx", "none")


def test_every_engine_and_batch_is_a_point_of_its_own_and_torch_needs_no_new_key():
    choices = (Choice(), Choice("compile"), Choice("openvino", "int8"))
    found = points(lengths=(128,), choices=choices, batch_sizes=(1, 8))
    assert [(point.choice, point.batch_size) for point in found] == [(c, b) for c in choices for b in (1, 8)]
    assert found[0] == points(lengths=(128,))[0]
    assert [point.precision for point in points(lengths=(128,), precision="bf16", choices=choices)] == ["bf16"] * 2 + [
        "fp32"
    ]


def test_points_of_own_texts_hold_their_lengths_and_count_only_real_tokens():
    subject = replace(random_weights("bert", "tiny"), texts=(30, 20, 10))
    (point,) = points((subject,), lengths=(128,), batch_size=2, texts="mine.txt")
    assert (point.length, point.batching, point.tokens) == (20, "batch 2 of mine.txt", 60)
    assert Growing(point).after(point).batching == "batch 4 of mine.txt"
