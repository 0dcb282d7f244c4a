"""Names of a checkpoint's outputs against the labels of a dataset."""

import pytest

from harness.errors import InputError
from tasks.head_labels import is_iob2, match_labels, match_tags

WNUT = ("O", "B-location", "I-location", "B-person", "I-person")
NLI = ("contradiction", "entailment", "neutral")


@pytest.mark.parametrize(
    ("outputs", "names"),
    [
        (("O", "B-LOC", "I-LOC", "B-PER", "I-PER"), WNUT),
        (("I-Person", "B-Person", "O", "B-Location", "I-Location"), ("I-person", "B-person", "O", *WNUT[1:3])),
        (("O", "B-Loc", "I-LOC", "B-PER", "I-person"), WNUT),
        (("LOC", "O", "PER"), ("I-location", "O", "I-person")),
        (("O", "S-PER", "B_PER", "I-PER", "E-PER", "I-LOC"), ("O", "S-person", *WNUT[3:], "E-person", "I-location")),
    ],
)
def test_tags_match_by_type_in_any_scheme(outputs, names):
    assert match_tags(outputs, WNUT, WNUT, {}).names == names


def test_a_tagger_writes_iob2_only_with_a_b_for_every_type():
    assert is_iob2(WNUT)
    assert not is_iob2(("O", "I-person"))
    assert not is_iob2(("O", "B-person", "I-person", "S-person"))


def test_types_of_one_side_only_are_named():
    extra = match_tags((*WNUT, "B-MISC"), WNUT, WNUT, {})
    assert extra.names[-1] == "B-MISC"
    assert "MISC, which the dataset does not have" in extra.notes[0]
    assert match_tags(WNUT[:3], WNUT, WNUT[:3], {}).names == WNUT[:3]
    with pytest.raises(InputError, match="no output for the label person of the dataset"):
        match_tags(WNUT[:3], WNUT, WNUT, {})


def test_the_user_s_pairs_come_first():
    assert match_tags(("O", "B-GPE", "I-GPE"), WNUT[:3], WNUT[:3], {"GPE": "location"}).names == WNUT[:3]
    numbered = {"LABEL_0": "O", "LABEL_1": "B-location", "LABEL_2": "I-location"}
    assert match_tags(tuple(numbered), WNUT[:3], WNUT[:3], numbered).names == WNUT[:3]
    assert match_labels(("a", "b"), ("no", "yes"), ("no",), {"a": "yes", "b": "no"}).names == ("yes", "no")


@pytest.mark.parametrize(
    ("outputs", "names"),
    [
        (("ENTAILMENT", "Neutral", "contradiction"), ("entailment", "neutral", "contradiction")),
        (("entail", "neutral", "contradict"), ("entailment", "neutral", "contradiction")),
        (("LABEL_0", "LABEL_1", "LABEL_2"), ("entailment", "neutral", "contradiction")),
    ],
)
def test_labels_match_by_name_and_numbers_by_a_declared_order(outputs, names):
    assert match_labels(outputs, NLI, NLI, {}, ("entailment", "neutral", "contradiction")).names == names


def test_a_sign_that_is_no_separator_makes_another_label():
    assert match_labels(("Sci/Tech", "world"), ("sci_tech", "World"), (), {}).names == ("sci_tech", "World")
    with pytest.raises(InputError, match=r"no output for the label A of the dataset"):
        match_labels(("A-", "B"), ("A", "B"), ("A", "B"), {})


def test_numbers_match_labels_that_are_numbers():
    assert match_labels(("LABEL_0", "LABEL_1"), ("0", "1"), ("0", "1"), {}).names == ("0", "1")


@pytest.mark.parametrize(
    ("outputs", "labels", "given", "message"),
    [
        (("LABEL_0", "LABEL_1"), ("no", "yes"), {}, "LABEL_0, LABEL_1, which does not say which of no, yes they are"),
        (
            ("Yes", "YES", "no"),
            ("no", "yes"),
            {},
            "ambiguous which output of the checkpoint is the label yes: Yes, YES",
        ),
        (
            ("pos", "POS"),
            ("positive", "negative"),
            {},
            "ambiguous which output of the checkpoint is the label positive",
        ),
        (("a", "b"), ("no", "yes"), {}, "no output for the labels no, yes of the dataset; its outputs are a, b"),
        (("a", "b"), ("no", "yes"), {"c": "no"}, "the checkpoint has no output 'c'"),
        (("a", "b"), ("no", "yes"), {"a": "maybe"}, "the dataset has no label 'maybe'"),
        (
            ("a", "b"),
            ("no", "yes"),
            {"a": "no", "b": "no"},
            "ambiguous which output of the checkpoint is the label no: a, b",
        ),
    ],
)
def test_what_cannot_be_decided_is_refused_by_name(outputs, labels, given, message):
    with pytest.raises(InputError, match=message):
        match_labels(outputs, labels, labels, given)


def test_two_tags_of_one_meaning_are_ambiguous():
    with pytest.raises(
        InputError, match="ambiguous which output of the checkpoint is the label B-location: B-LOC, B-loc"
    ):
        match_tags(("O", "B-LOC", "B-loc"), WNUT, WNUT[:3], {})
    with pytest.raises(InputError, match="no output O"):
        match_tags(("B-LOC", "I-LOC"), WNUT[:3], WNUT[:3], {})
