"""What of dev and test stands in train."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.classification import NLI
from tasks.data import Data
from tasks.ner import NER
from tasks.sources.labelled_text import LabelledText
from tasks.sources.overlap import normalised, overlap, share_in_train

TEXTS = st.text(max_size=20)


def test_case_blanks_and_punctuation_do_not_tell_texts_apart():
    assert normalised("  The “U.S.A.” -- it's\n snake_case!") == "the u s a it s snake case"
    assert normalised("STRASSE") == normalised("straße")
    assert normalised("?!") != normalised("...")  # of signs alone, the signs are what there is
    assert normalised("a b") != normalised("ab")


@given(TEXTS)
def test_normalising_twice_changes_nothing(text):
    assert normalised(normalised(text)) == normalised(text)


def test_a_pair_is_in_train_only_as_a_pair():
    train = [("It rains.", "It is wet."), ("It snows.", "It is cold.")]
    scored = [("it rains", "IT IS WET"), ("It rains.", "It is cold."), ("It is wet.", "It rains."), ("It rains.",)]
    assert share_in_train(train, scored) == 0.25
    assert share_in_train(train, train) == 1.0
    assert share_in_train([], scored) == share_in_train(train, []) == 0.0


def test_a_dataset_is_told_for_dev_and_test():
    def pairs(*texts):
        return [LabelledText(text, "x", "yes", str(number)) for number, text in enumerate(texts)]

    splits = {"train": pairs("a", "b"), "dev": pairs("A!", "c"), "test": pairs("c", "d", "e", "b.")}
    assert overlap(NLI, Data(splits, ("no", "yes"), "", "")) == {"dev": 0.5, "test": 0.25}


def test_short_sentences_of_the_shared_treebank_occur_in_more_than_one_split(shared):
    found = overlap(NER, NER.load("uner_ewt", str(shared / "data")))
    assert found["test"] == pytest.approx(0.045, abs=0.04)
    assert found["test"] > 0.01
