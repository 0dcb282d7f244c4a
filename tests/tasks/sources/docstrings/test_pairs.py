"""`lm/docstring_pairs`: faults are put in only where they are certain, and the set is what its description says."""

import re
from collections import Counter

import pytest

from tasks.sources.docstrings import packages, pairs
from tasks.sources.splits import fingerprint

NOUNS = frozenset({"value", "values", "graph", "node", "nodes", "list"})


def faults(sentence):
    """The faults that the rules put into a sentence, by paradigm."""
    found = {}
    for rule in pairs.RULES:
        if bad := rule.fault_in(sentence, NOUNS):
            found[rule.paradigm] = bad
    return found


@pytest.mark.parametrize(
    ("sentence", "paradigm", "bad"),
    [
        ("The value is sorted.", "noun_verb_agreement", "The value are sorted."),
        ("The values are sorted.", "noun_verb_agreement", "The values is sorted."),
        (
            "It fails if the value of the node has a sign.",
            "noun_verb_agreement",
            "It fails if the value of the node have a sign.",
        ),
        ("They have no value.", "pronoun_verb_agreement", "They has no value."),
        ("Thus it is sorted.", "pronoun_verb_agreement", "Thus it are sorted."),
        ("Return a list.", "article_form", "Return an list."),
        ("An edge ends here.", "article_form", "A edge ends here."),
        ("Return this value.", "demonstrative_number", "Return these value."),
        ("These nodes are kept.", "demonstrative_number", "This nodes are kept."),
        ("Copy all of the nodes.", "preposition_order", "Copy all the of nodes."),
        ("It can be sorted.", "auxiliary_order", "It be can sorted."),
        ("Copy nodes from the graph.", "article_order", "Copy nodes from graph the."),
    ],
)
def test_a_rule_puts_in_its_fault(sentence, paradigm, bad):
    assert faults(sentence)[paradigm] == bad


@pytest.mark.parametrize(
    ("sentence", "paradigm"),
    [
        ("The data is sorted.", "noun_verb_agreement"),  # both numbers are used
        ("The number of the nodes is odd.", "noun_verb_agreement"),
        ("The following are kept.", "noun_verb_agreement"),  # not a noun
        ("The value and the node are kept.", "noun_verb_agreement"),  # a plural of two singulars
        ("None of the values are kept.", "noun_verb_agreement"),  # the subject lies before
        ("Return a sql query.", "article_form"),  # an acronym may take either
        ("Wait an hour or a unit.", "article_form"),  # letters do not tell the sound
        ("Return this sorted list.", "demonstrative_number"),  # the noun comes later
        ("That keeps this linear.", "demonstrative_number"),
        ("Wait for all this to end.", "demonstrative_number"),
        ("Copy parts of the given list.", "article_order"),
    ],
)
def test_a_rule_leaves_alone_what_is_not_certain(sentence, paradigm):
    assert paradigm not in faults(sentence)


def test_only_sentences_of_ordinary_words_are_read():
    paragraphs = [
        "Return the value of a node. Call f(x) for more of it here. The class Graph is used by all of them.",
        "Return the value of a node. Too short. It has 3 values and no more of them.",
    ]
    assert pairs.sentences(paragraphs) == ["Return the value of a node."]


@pytest.fixture(scope="module")
def built():
    return pairs.load()


def test_every_pair_differs_in_one_place_and_no_sentence_is_used_twice(built):
    found = built.splits["test"]
    assert len({pair.good for pair in found}) == len({pair.id for pair in found}) == len(found) > 900
    for pair in found:
        good, bad = (re.findall(r"[\w-]+", text) for text in (pair.good, pair.bad))
        changed = [place for place, (one, other) in enumerate(zip(good, bad, strict=True)) if one != other]
        if pair.field == "order":
            assert sorted(good) == sorted(bad)
            assert changed == [changed[0], changed[0] + 1]
        else:
            assert len(changed) == 1


def test_a_preference_for_one_word_scores_one_half(built):
    for paradigm in ("noun_verb_agreement", "pronoun_verb_agreement", "article_form", "demonstrative_number"):
        directions = Counter()
        for pair in built.splits["test"]:
            if pair.paradigm == paradigm:
                good, bad = pair.good.lower().split(), pair.bad.lower().split()
                [(right, _)] = [(one, other) for one, other in zip(good, bad, strict=True) if one != other]
                directions[right in ("is", "has", "does", "a", "this")] += 1
        assert directions[True] == directions[False] > 0


def test_no_sentence_is_of_a_package_that_is_trained_on(built):
    elsewhere = set(pairs.sentences([*packages.prose("train"), *packages.prose("dev")]))
    assert elsewhere.isdisjoint(pair.good for pair in built.splits["test"])
    assert built.splits["train"] == built.splits["dev"] == []


def test_building_again_gives_the_same(built):
    assert built.fingerprint == fingerprint(built.splits) == fingerprint(pairs._build())
