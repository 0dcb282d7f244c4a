"""The collection of keys: every query has one document, which alone says its key."""

import re
from collections import Counter

import pytest

from harness.errors import InputError
from tasks.retrieval import RETRIEVAL
from tasks.sources.collection import fingerprint
from tasks.sources.haystack import haystack
from tasks.sources.needle_corpus import build

SIZES = {"train": 30, "dev": 10, "test": 20}
HAYSTACKS = {
    split: haystack([f"In {split} Ada met Grace {'and ' * (n % 5)}Alan. They left." for n in range(50)])
    for split in SIZES
}


@pytest.mark.parametrize("words", [16, 200])
def test_every_key_is_in_the_one_document_that_its_query_is_judged_by(words):
    collection = build(HAYSTACKS, words, SIZES)
    assert len(collection.documents) == sum(SIZES.values())
    assert {split: len(queries) for split, queries in collection.queries.items()} == SIZES
    pool = Counter(word for document in collection.documents.values() for word in re.findall(r"\w+", document.text))
    places = []
    for split, queries in collection.queries.items():
        for query in queries:
            key = query.text.removesuffix("?").split()[-1]
            assert pool[key] == 1
            [document] = query.relevant
            text = collection.documents[document].text
            assert len(text.split()) == words
            places.append(text.split().index(key) / words)
            assert set(re.findall(r"In (\w+)", text)) <= {split}
    if words == 200:
        assert min(places) < 0.1
        assert max(places) > 0.9


def test_it_is_the_same_each_time_and_another_at_another_length():
    digests = [fingerprint(build(HAYSTACKS, words, SIZES)) for words in (32, 32, 40)]
    assert digests[0] == digests[1] != digests[2]
    identities = [RETRIEVAL.configured({"document_words": words}).identity("needle", None) for words in ("32", "40")]
    assert identities[0] != identities[1]


@pytest.mark.parametrize("words", ["15", "many", "-3", "1e3", "999999999999"])
def test_a_length_that_is_none_is_refused_in_a_sentence(words):
    with pytest.raises(InputError, match="document_words takes a whole number from 16"):
        RETRIEVAL.configured({"document_words": words}).identity("needle", None)
