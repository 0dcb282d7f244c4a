"""Haystacks of a folder: what a split reads, and every folder that is none, in a sentence."""

import numpy as np
import pytest

from harness.errors import InputError
from tasks.needle import NEEDLE
from tasks.sources.haystack import MAX_WORDS, EmbeddedTexts, find_texts, from_folder, haystack

PROSE = "Ada walked to the river. Grace said: it was cold! Then both left for Oslo, or so. "


def fill(folder, **texts):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def test_files_are_in_one_split_each_and_all_of_them_are_read(tmp_path):
    random = np.random.default_rng(0)
    fill(tmp_path, **{f"text{n}": f"Number{n} is said. " * int(random.integers(40, 200)) for n in range(8)})
    found = from_folder(tmp_path)
    named = {split: {s.split()[0] for s in hay.sentences} for split, hay in found.items()}
    assert set.union(*named.values()) == {f"Number{n}" for n in range(8)}
    assert sum(map(len, named.values())) == 8
    assert all(named[split] for split in ("train", "dev", "test"))


def test_a_single_text_is_split_by_sentence_in_about_the_shares(tmp_path):
    found = from_folder(fill(tmp_path, book=PROSE * 100))
    assert " ".join(s for hay in found.values() for s in hay.sentences) == " ".join((PROSE * 100).split())
    words = {split: hay.n_words for split, hay in found.items()}
    total = sum(words.values())
    assert [round(words[split] / total, 1) for split in ("train", "dev", "test")] == [0.4, 0.2, 0.4]


def test_text_without_full_stops_has_places_for_needles():
    found = haystack(["word " * 1000])
    assert max(len(sentence.split()) for sentence in found.sentences) == MAX_WORDS
    assert found.n_words == 1000


def test_what_could_be_an_answer_is_known_even_within_other_words():
    found = haystack(["The xBAVOKEMa of 1234567 years. Not 1234 and no bavok."])
    assert found.taken == {"bavokem", "12345", "23456", "34567"}


def test_a_folder_of_texts_is_the_haystack_of_any_declared_name(tmp_path):
    fill(tmp_path, a=PROSE * 40, b=PROSE * 30, c=PROSE * 50)
    task = NEEDLE.configured({"lengths": "100", "depths": "0,100", "examples": "1"})
    data = task.load("number", str(tmp_path))
    assert data.origin == str(tmp_path)
    assert {needle.kind for needle in data.splits["test"]} == {"number"}
    assert len(data.splits["test"]) == 2
    before = task.identity("number", str(tmp_path))
    (tmp_path / "c.txt").write_text(PROSE * 51, encoding="utf-8")
    assert task.identity("number", str(tmp_path)) != before
    assert task.load("number", str(tmp_path)).fingerprint != data.fingerprint


def test_a_named_folder_is_a_dataset_of_any_kind(tmp_path):
    fill(tmp_path / "needle" / "books", a=PROSE * 40, b=PROSE * 30, c=PROSE * 50)
    task = NEEDLE.configured({"lengths": "100,3000", "depths": "0", "examples": "6", "kind": "word"})
    data = task.load("books", str(tmp_path))
    assert {needle.kind for split in data.splits.values() for needle in split} == {"word"}
    assert any("read it more than once" in note for note in data.notes)
    mixed = task.configured({"kind": "by-name"}).load("books", str(tmp_path))
    assert len({needle.kind for needle in mixed.splits["test"]}) == 3
    with pytest.raises(InputError, match=r"no folder .*boks.*books"):
        task.identity("boks", str(tmp_path))


def test_other_datasets_in_the_data_folder_leave_the_embedded_haystack(tmp_path):
    (tmp_path / "ner" / "cities").mkdir(parents=True)
    assert find_texts("mixed", NEEDLE.datasets, str(tmp_path)) == EmbeddedTexts()
    assert find_texts("mixed", NEEDLE.datasets, None) == EmbeddedTexts()


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({}, r"holds no \*.txt"),
        ({"a": "Too short."}, "only 0 words"),
        ({"a": "Short. " * 200, "b": ""}, "only .* words"),
    ],
)
def test_what_is_no_haystack_is_refused_in_a_sentence(tmp_path, texts, says):
    fill(tmp_path, **texts)
    with pytest.raises(InputError, match=says):
        NEEDLE.load("mixed", str(tmp_path))


def test_a_missing_folder_a_wrong_name_and_bytes_that_are_no_text_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        NEEDLE.identity("mixed", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"no dataset needle/words.*word"):
        NEEDLE.identity("words", None)
    with pytest.raises(InputError, match="hides word needles, not number"):
        NEEDLE.configured({"kind": "number"}).identity("word", None)
    (tmp_path / "a.txt").write_bytes(b"fine until \xff here")
    with pytest.raises(InputError, match=r"a.txt is not UTF-8 text \(byte 11"):
        NEEDLE.load("mixed", str(tmp_path))
