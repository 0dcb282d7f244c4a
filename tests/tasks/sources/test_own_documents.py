"""Queries that are documents of their own corpus: which are skipped, and what that changes of identity and fingerprint."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from tasks.catalogue.retrieval import RETRIEVAL_DATASETS
from tasks.data import DatasetInfo
from tasks.ranking import ranking_for
from tasks.retrieval import Retrieval
from tasks.sources.collection import Collection, Document, Query, fingerprint
from tasks.sources.own_documents import marked, may_hold_own
from tasks.sources.searchable import SKIPPING

ARGUMENT = "zoos keep animals safe"


def write(root, documents, queries, qrels, name="debate"):
    folder = root / "retrieval" / name
    (folder / "qrels").mkdir(parents=True)
    for file, rows in (("corpus.jsonl", documents), ("queries.jsonl", queries)):
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("".join(f"{line}\n" for line in qrels), encoding="utf-8")
    return str(root)


def one(root, document, query="a", qrels=("a b 1",), **options):
    """Load a corpus of two documents and one query, whose text is `ARGUMENT`."""
    documents = [document, {"_id": "b", "title": "", "text": "zoos harm animals"}]
    folder = write(root, documents, [{"_id": query, "text": ARGUMENT}], qrels)
    task = Retrieval().configured(options)
    data = task.load("debate", folder)
    return data.splits["test"][0].skips_own, task.identity("debate", folder).endswith(SKIPPING), data


SAME = [
    {"_id": "a", "title": "", "text": ARGUMENT},
    {"_id": "a", "title": "Zoos", "text": ARGUMENT},
    {"_id": "a", "title": "zoos", "text": "keep animals safe"},
    {"_id": "a", "title": "", "text": "zoos  keep\nanimals safe "},
    {"text": ARGUMENT, "_id": "a"},
]
OTHER = [{"_id": "a", "title": "", "text": "another text"}, {"_id": "c", "title": "", "text": ARGUMENT}]


@pytest.mark.parametrize("document", SAME)
def test_equal_id_and_text_is_the_query_s_own_document(tmp_path, document):
    skips, identity, data = one(tmp_path, document)
    assert (skips, identity) == (True, True)
    assert any("1 of 1 queries are documents of the corpus themselves (equal id and text)" in one for one in data.notes)


@pytest.mark.parametrize("document", OTHER)
def test_equal_ids_or_equal_texts_alone_are_not(tmp_path, document):
    skips, identity, data = one(tmp_path, document)
    assert (skips, identity) == (False, False)
    assert not any("themselves" in one for one in data.notes)


def test_ids_that_are_numbers_or_not_ascii_are_told_apart(tmp_path):
    assert one(tmp_path / "number", {"_id": 7, "text": ARGUMENT}, 7, ("7 b 1",))[:2] == (True, True)
    assert one(tmp_path / "letters", {"_id": "zoö\\", "text": ARGUMENT}, "zoö\\", ("zoö\\ b 1",))[:2] == (True, True)


def test_a_document_that_is_judged_relevant_stays(tmp_path):
    assert one(tmp_path, SAME[0], qrels=("a a 1", "a b 1"))[:2] == (False, False)


def test_the_option_decides_against_the_texts(tmp_path):
    assert one(tmp_path / "kept", SAME[0], own_document="keep")[:2] == (False, False)
    assert one(tmp_path / "left-out", OTHER[0], own_document="leave_out")[:2] == (True, True)
    with pytest.raises(InputError, match="own_document is one of declared, same_text, leave_out, keep, not 'yes'"):
        Retrieval().configured({"own_document": "yes"})


def test_a_dataset_can_declare_that_ids_are_enough(tmp_path, monkeypatch):
    declared = DatasetInfo("debate", "hub", "debates", "unknown", own_document="leave_out")
    monkeypatch.setattr(Retrieval, "datasets", {"debate": declared})
    assert one(tmp_path / "declared", OTHER[0])[:2] == (True, True)
    assert one(tmp_path / "text", OTHER[0], own_document="same_text")[:2] == (False, False)
    assert {info.name for info in RETRIEVAL_DATASETS.values() if info.own_document == "leave_out"} == {
        "arguana",
        "quora",
    }


def test_only_collections_with_such_queries_have_another_fingerprint_and_identity(tmp_path):
    kept, left_out = (one(tmp_path / rule, SAME[0], own_document=rule)[2].fingerprint for rule in ("keep", "same_text"))
    assert kept != left_out
    folder = write(
        tmp_path, [OTHER[0], {"_id": "b", "text": "x"}], [{"_id": "a", "text": ARGUMENT}], ["a b 1"], "other"
    )
    identities = {Retrieval({"own_document": rule}).identity("other", folder) for rule in ("same_text", "keep")}
    assert len(identities) == 1


def test_malformed_lines_are_left_to_the_reader(tmp_path):
    corpus, queries = tmp_path / "corpus.jsonl", tmp_path / "queries.jsonl"
    queries.write_text(json.dumps({"_id": "a", "text": ARGUMENT}) + "\n[1]\n{\n" + '{"text": "nameless"}\n')
    bad = [
        "{",
        "3",
        '{"_id": "a"}',
        '{"_id": "a", "text": 3}',
        '{"_id": "a", "title": 3, "text": "x"}',
        '{"text": "x"}',
    ]
    corpus.write_text("\n".join([*bad, '{"_id": "a", ' + "[" * 100_000]))
    assert not may_hold_own(corpus, queries, "same_text")
    with corpus.open("a") as stream:
        stream.write("\n" + json.dumps(SAME[0]))
    assert may_hold_own(corpus, queries, "same_text")


IDS = st.text('ab"\\é1 ', min_size=1, max_size=3)
TEXTS = st.sampled_from(["x", "y", "x y"])


@given(
    st.dictionaries(IDS, TEXTS, min_size=1),
    st.dictionaries(IDS, TEXTS, min_size=1),
    st.sampled_from(["same_text", "leave_out"]),
)
def test_the_quick_look_at_files_finds_what_marking_finds(tmp_path_factory, documents, queries, rule):
    root = tmp_path_factory.mktemp("collection")
    rows = ([{"_id": name, "text": text} for name, text in some.items()] for some in (documents, queries))
    folder = root / "retrieval" / "debate"
    write(root, *rows, ["q d 1"])
    collection = Collection(
        {name: Document("", text) for name, text in documents.items()},
        {"train": [], "dev": [], "test": [Query(name, text, {}) for name, text in queries.items()]},
    )
    found = may_hold_own(folder / "corpus.jsonl", folder / "queries.jsonl", rule)
    assert found == any(query.skips_own for query in marked(collection, rule).queries["test"])
    assert found == (fingerprint(marked(collection, rule)) != fingerprint(collection))


@given(st.integers(0, 120), st.integers(0, 120))
def test_a_ranking_loses_its_own_document_and_nothing_else(n_found, place):
    query = Query("own", "text", {}, skips_own=True)
    found = [(f"d{number}", -float(number)) for number in range(n_found)]
    with_own = [*found[:place], ("own", 0.0), *found[place:]]
    assert ranking_for(query, with_own) == ranking_for(query, found) == found[:100]
    assert ("own", 0.0) in ranking_for(replace(query, skips_own=False), [("own", 0.0), *found])
