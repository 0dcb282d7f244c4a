"""Paths and names as users type them."""

import argparse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.values import data_dir, name_of_folder, valid_name, valid_path, valid_shown_name


def test_the_home_folder_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert valid_path("~") == "/home/ada"
    assert valid_path("~/runs") == "/home/ada/runs"
    assert valid_path("./~/runs") == "./~/runs"
    assert valid_path("runs/~") == "runs/~"


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "x" * 256, "x/" * 2048, "~no-such-user", "~no-such-user/runs"])
def test_what_cannot_be_a_path_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        valid_path(text)
    assert len(str(refused.value)) < 150


@given(st.text(st.characters(codec="utf-8")) | st.text("/~.\0ab ", max_size=400))
def test_a_path_that_is_accepted_can_be_looked_for(text):
    try:
        path = valid_path(text)
    except argparse.ArgumentTypeError:
        return
    Path(path).is_dir()


@pytest.mark.parametrize("text", ["", " ", "x" * 5000, "ner/", "/wnut17"])
def test_what_cannot_be_a_name_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        valid_name(text)
    assert len(str(refused.value)) < 150


def test_blanks_around_a_name_do_not_count():
    assert valid_name(" ner/wnut17 ") == "ner/wnut17"


def test_an_empty_variable_names_no_folder(monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_DIR", "")
    assert data_dir() is None
    monkeypatch.setenv("HARNESS_DATA_DIR", "~/data")
    assert data_dir() == "~/data"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("runs/bert-mrpc/checkpoint-500", "bert-mrpc"),
        ("/data/news/final/", "news"),
        ("/c/hub/models--org--some-name/snapshots/" + "ab" * 20, "org/some-name"),
        ("/home/alice/final", "final"),
        ("C:\\Users\\alice\\models\\minilm\\model", "minilm"),
        ("/root/model", "model"),
        ("./mine", "mine"),
    ],
)
def test_a_folder_is_called_after_the_part_that_says_something(path, name):
    assert name_of_folder(path) == name


@pytest.mark.parametrize("name", ["MiniLM, ours", "a & b <i> $x$ 100%", "org/name", "模型"])
def test_names_of_models_may_hold_any_visible_characters(name):
    assert valid_shown_name(f" {name} ") == name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (" ", "empty"),
        ("x" * 81, "too long"),
        ("/home/me/x", "is a path"),
        ("a\nb", "control characters"),
        ("\x1b[1m", "control"),
    ],
)
def test_unusable_names_of_models_are_refused(name, sentence):
    with pytest.raises(argparse.ArgumentTypeError, match=sentence):
        valid_shown_name(name)
