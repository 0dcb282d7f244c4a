"""Paths in requests: changed where they are paths, and not where they are names or hub ids."""

import pytest

from harness.cells.paths import with_paths
from harness.cells.request import Request


def changed(text):
    return f"/root/{text}"


def candidates(text):
    request = Request("bert", "rerank", task_options={"candidates": text, "depth": "5"})
    return with_paths(request, changed).task_options["candidates"]


@pytest.mark.parametrize(
    ("model", "weights", "expected"),
    [
        ("bert", "scratch", ("bert", "scratch")),
        ("bm25", "hub", ("bm25", "hub")),
        ("bert", "tiny-pretrained", ("bert", "tiny-pretrained")),
        ("bert", "mine", ("bert", "/root/mine")),
        ("mine/model", "scratch", ("/root/mine/model", "scratch")),
        ("mine", "scratch", ("/root/mine", "scratch")),
    ],
)
def test_names_are_no_paths(model, weights, expected):
    found = with_paths(Request(model, "ner", weights), changed)
    assert (found.model, found.weights) == expected


def test_candidates_are_a_file_or_the_weights_of_a_bi_encoder():
    assert candidates("bm25") == "bm25"
    assert candidates("first.run") == "/root/first.run"
    assert candidates("bert@mine") == "bert@/root/mine"
    assert candidates("bert@hub") == "bert@hub"
    assert candidates("runs@home/first.run") == "/root/runs@home/first.run"
    request = Request("bert", "rerank", task_options={"depth": "5"})
    assert with_paths(request, changed).task_options == {"depth": "5"}
