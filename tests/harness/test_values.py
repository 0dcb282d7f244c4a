"""Paths and names as users type them."""

import argparse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.values import data_dir, valid_name, valid_path


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
