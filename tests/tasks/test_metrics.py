"""Entity scores against hand-counted values, and the faults that other harnesses have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.metrics import entity_scores, entity_terms
from tasks.sources.formats import conll


def test_scores_of_a_hand_counted_example():
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-ORG"]]
    predicted = [["B-PER", "I-PER", "O", "B-ORG"], ["B-LOC", "B-ORG"]]
    scores = entity_scores(gold, predicted)  # 2 of 4 predicted are right, 2 of 3 gold are found
    assert scores["entity_precision_strict"] == pytest.approx(1 / 2)
    assert scores["entity_recall_strict"] == pytest.approx(2 / 3)
    assert scores["entity_f1_strict"] == pytest.approx(4 / 7)
    assert scores["entity_f1_strict.PER"] == 1.0
    assert scores["entity_f1_strict.LOC"] == 0.0


def test_strict_and_conll_differ_where_an_entity_begins_with_i():
    scores = entity_scores([["B-PER", "O"]], [["I-PER", "O"]])
    assert scores["entity_f1_strict"] == 0.0
    assert scores["entity_f1_conll"] == 1.0


def test_a_tagger_that_says_only_o_scores_zero():
    gold = [["B-PER", "O", "O"], ["O", "O", "O", "B-LOC"]]
    assert entity_scores(gold, [["O"] * 3, ["O"] * 4])["entity_f1_strict"] == 0.0
    assert entity_scores([["O"]], [["O"]])["entity_f1_strict"] == 0.0


def test_real_gold_against_a_tagger_that_cuts_the_last_token_off_every_entity(shared):
    """The published Avey-B harness gives these two taggers 76.45 and 95.45 on this file."""
    splits, _ = conll.load(shared / "data" / "ner" / "uner_ewt")
    gold = [sentence.tags for sentence in splits["test"]]
    assert entity_scores(gold, [["O"] * len(tags) for tags in gold])["entity_f1_strict"] == 0.0
    assert entity_scores(gold, gold)["entity_f1_strict"] == 1.0

    def cut(tags):
        following = [*tags[1:], "O"]
        return [
            "O" if tag.startswith("I-") and not after.startswith("I-") else tag
            for tag, after in zip(tags, following, strict=True)
        ]

    single = sum(
        tag[0] == "B" and not after.startswith("I-")
        for tags in gold
        for tag, after in zip(tags, [*tags[1:], "O"], strict=True)
    )
    entities = sum(tag[0] == "B" for tags in gold for tag in tags)
    expected = single / entities  # as many predicted as gold; only entities of one token stay right
    assert entity_scores(gold, [cut(tags) for tags in gold])["entity_f1_strict"] == pytest.approx(expected)
    assert expected == pytest.approx(0.6369, abs=5e-4)


TAGS = st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])


@given(st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8), min_size=1, max_size=6))
def test_the_terms_of_sentences_add_up_to_the_strict_score(sentences):
    gold, predicted = ([[pair[side] for pair in sentence] for sentence in sentences] for side in (0, 1))
    numerators, denominators = zip(*entity_terms(gold, predicted), strict=True)
    f1 = sum(numerators) / sum(denominators) if sum(denominators) else 0.0
    assert f1 == pytest.approx(entity_scores(gold, predicted)["entity_f1_strict"])
