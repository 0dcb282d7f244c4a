import pytest

from harness.errors import InputError
from tasks.label_names import output_names

MNLI = ("contradiction", "entailment", "neutral")


def test_equal_labels_keep_their_names_in_the_order_of_the_head():
    assert output_names(MNLI, ("entailment", "neutral", "contradiction"), "nli/x") == (MNLI, "")
    assert output_names((), (), "retrieval/x") == ((), "")


def test_case_and_signs_do_not_matter_and_the_test_set_spells():
    names, note = output_names(("not_equal", "equal"), ("Equal", "Not Equal"), "classification/x")
    assert (names, note) == (("Not Equal", "Equal"), "")


@pytest.mark.parametrize(
    "labels", [("C", "C#", "C++"), ("A", "A+", "A-"), ("-1", "0", "1"), ("A", "B", "O"), ("a", "A")]
)
def test_labels_that_differ_only_in_signs_or_case_are_not_merged(labels):
    assert output_names(labels, labels[::-1], "classification/x") == (labels, "")
    names, note = output_names(labels, labels[1:], "classification/x")
    assert names == labels
    assert f"label {labels[0]}, which this test set never has: predicting one is a mistake" in note


@pytest.mark.parametrize(("known", "own"), [("C++", "C#"), ("A+", "A-"), ("-1", "1"), ("1.0", "10")])
def test_a_sign_that_is_no_separator_makes_another_label(known, own):
    with pytest.raises(InputError, match=r"which the training data never have"):
        output_names(("x", known), ("x", own), "classification/x")


def test_two_labels_that_could_be_one_of_the_test_set_are_refused():
    with pytest.raises(
        InputError, match="not equal or Not Equal, is the label not_equal of the test set classification/x"
    ):
        output_names(("not equal", "Not Equal", "equal"), ("not_equal", "equal"), "classification/x")


@pytest.mark.parametrize("negation", ["non-entailment", "not_entailment"])
def test_two_way_inference_merges_as_in_hans(negation):
    names, note = output_names(MNLI, ("entailment", negation), "nli/hans")
    assert names == (negation, "entailment", negation)
    assert note.startswith(f"contradiction and neutral count as {negation}")


def test_a_two_way_model_on_a_two_way_test_has_nothing_to_merge():
    assert output_names(("entailment", "not_entailment"), ("entailment", "non-entailment"), "x") == (
        ("entailment", "non-entailment"),
        "",
    )


def test_a_label_that_the_test_set_lacks_stays_and_is_named():
    names, note = output_names(MNLI, ("contradiction", "entailment"), "nli/breaking")
    assert names == MNLI
    assert (
        note == "the model also predicts the label neutral, which this test set never has: predicting one is a mistake"
    )


def test_types_that_are_not_annotated_become_no_entity():
    known = ("O", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
    names, note = output_names(known, ("O", "B-LOC", "I-LOC"), "ner/x")
    assert names == ("O", "B-LOC", "I-LOC", "O", "O")
    assert "label MISC" in note


@pytest.mark.parametrize(
    ("known", "own", "message"),
    [
        (MNLI, ("entailment", "paraphrase", "unknown"), "has the labels paraphrase, unknown, .* knows contradiction"),
        (("O", "B-LOC", "I-LOC"), ("O", "B-PER", "I-PER"), "has the label PER, .* the model knows LOC"),
        (("entailment", "not_entailment"), MNLI, "has the labels contradiction, neutral"),
    ],
)
def test_labels_that_the_model_cannot_predict_are_refused(known, own, message):
    with pytest.raises(InputError, match=message):
        output_names(known, own, "family/x")
