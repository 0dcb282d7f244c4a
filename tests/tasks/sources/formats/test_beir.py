"""BEIR folders: what is read, how dev is cut, and every malformed line by its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from tasks.sources.collection import fingerprint
from tasks.sources.formats import beir


def write(folder, documents=20, train=0, test=5, dev=0):
    """Document i answers query i; qrels of the splits follow each other."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{one}", "title": f"Title {one}", "text": f"text {one}"} for one in range(documents)]
    queries = [{"_id": f"q{one}", "text": f"query {one}"} for one in range(train + dev + test)]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in corpus))
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    begin = 0
    for split, size in (("test", test), ("train", train), ("dev", dev)):
        rows = [f"q{one}\td{one % documents}\t1\n" for one in range(begin, begin + size)]
        begin += size
        if rows:
            (folder / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return folder


def test_all_documents_are_there_though_few_are_judged(tmp_path):
    collection = beir.load(write(tmp_path / "set", documents=20, test=3))
    assert len(collection.documents) == 20
    assert collection.documents["d7"].content == "Title 7 text 7"
    assert [query.id for query in collection.queries["test"]] == ["q0", "q1", "q2"]
    assert collection.queries["train"] == collection.queries["dev"] == []
    assert beir.NO_TRAINING_NOTE in collection.notes


def test_dev_is_cut_from_train_and_test_stays_whole(tmp_path):
    folder = write(tmp_path / "set", documents=60, train=50, test=4)
    first, second = beir.load(folder), beir.load(folder)
    assert first == second
    train, dev = first.queries["train"], first.queries["dev"]
    assert (len(train), len(dev), len(first.queries["test"])) == (46, 4, 4)
    assert not {query.relevant[0] for query in train} & {query.relevant[0] for query in dev}
    assert beir.CUT_NOTE in first.notes


@pytest.mark.parametrize(("documents", "train"), [(60, 8), (1, 20)])
def test_if_no_dev_can_be_cut_train_stays_whole_and_the_note_says_so(tmp_path, documents, train):
    collection = beir.load(write(tmp_path / "set", documents=documents, train=train, test=4))
    assert [len(collection.queries[split]) for split in ("train", "dev", "test")] == [train, 0, 4]
    assert collection.notes == (beir.NO_DEV_NOTE,)


def test_a_published_dev_split_is_kept(tmp_path):
    collection = beir.load(write(tmp_path / "set", train=5, dev=6, test=7))
    assert [len(collection.queries[split]) for split in ("train", "dev", "test")] == [5, 6, 7]
    assert not collection.notes


def test_queries_without_a_relevant_document_take_no_part(tmp_path):
    folder = write(tmp_path / "set", test=3)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq0\td0\t2\nq0\td1\t0\nq1\td1\t0\n")
    collection = beir.load(folder)
    assert [(query.id, dict(query.judgements)) for query in collection.queries["test"]] == [("q0", {"d0": 2, "d1": 0})]
    assert any("1 queries of test have no relevant document" in note for note in collection.notes)
    assert any("1 queries have no judgement" in note for note in collection.notes)


MALFORMED = [
    ("corpus.jsonl", "{", r"corpus.jsonl:21 is not JSON"),
    ("corpus.jsonl", '"text"', r"corpus.jsonl:21 is not a JSON object"),
    ("corpus.jsonl", '{"_id": "d3", "text": "again"}', r"corpus.jsonl:21 has the id 'd3' of an earlier line"),
    ("corpus.jsonl", '{"text": "nameless"}', r"corpus.jsonl:21 has no '_id'"),
    ("corpus.jsonl", '{"_id": "x", "text": 3}', r"corpus.jsonl:21 has no text in 'text'"),
    ("corpus.jsonl", '{"_id": "x", "text": "\\ud800"}', r"corpus.jsonl:21 has half a surrogate pair"),
    ("queries.jsonl", '{"_id": "x", "text": " "}', r"queries.jsonl:6 is a query without a word"),
    ("qrels/test.tsv", "q0\tnowhere\t1", r"test.tsv:7 judges the document 'nowhere', which is not in the corpus"),
    ("qrels/test.tsv", "nobody\td0\t1", r"test.tsv:7 judges the query 'nobody', which is not in the queries"),
    ("qrels/test.tsv", "q0\td1\t0.5", r"test.tsv:7 has the score '0.5'; a grade is a whole number"),
    ("qrels/test.tsv", "q0\td1\t-0.5", r"test.tsv:7 has the score '-0.5'"),
    ("qrels/test.tsv", "q0\td1\t1e1", r"test.tsv:7 has the score '1e1'"),
    ("qrels/test.tsv", "q0\td1\t1_0", r"test.tsv:7 has the score '1_0'"),
    ("qrels/test.tsv", "q0\td1\t" + "9" * 5000, r"test.tsv:7 has the score '999"),
    ("qrels/test.tsv", "q0\td1\tscore", r"test.tsv:7 has the score 'score'"),
    ("qrels/test.tsv", "q0\td1\tnan", r"test.tsv:7 has the score 'nan'"),
    ("qrels/test.tsv", "q0\td0\t3", r"test.tsv:7 judges the document 'd0' for the query 'q0' a second time"),
    ("qrels/test.tsv", "q0 d0", r"test.tsv:7 does not hold query-id, corpus-id and score"),
    ("qrels/test.tsv", "q0\td0\t1\t", r"test.tsv:7 does not hold query-id, corpus-id and score"),
    ("qrels/test.tsv", "q0 0 d0 1 more", r"test.tsv:7 does not hold query-id, corpus-id and score"),
]


@pytest.mark.parametrize(("file", "line", "message"), MALFORMED)
def test_malformed_lines_are_named_or_counted(tmp_path, file, line, message):
    folder = write(tmp_path / "set")
    with (folder / file).open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(InputError, match=message):
        beir.load(folder)
    whole = beir.load(write(tmp_path / "whole"))
    collection = beir.load(folder, skip_bad=True)
    assert collection.n_skipped == 1
    assert collection.documents == whole.documents
    assert collection.queries == whole.queries
    assert any("1 malformed entries were left out" in note for note in collection.notes)


GRADES = [("-1", 0), ("-2", 0), ("-1.0", 0), ("1.0", 1), ("2.", 2), ("+3", 3), (" 4 ", 4), ("05", 5), ("0.00", 0)]


@pytest.mark.parametrize(("written", "grade"), GRADES)
def test_grades_are_read_as_trec_eval_reads_them(tmp_path, written, grade):
    folder = write(tmp_path / "set")
    with (folder / "qrels" / "test.tsv").open("a") as stream:
        stream.write(f"q0\td7\t{written}\n")
    assert beir.load(folder).queries["test"][0].judgements == {"d0": 1, "d7": grade}


@given(st.integers(-(10**9) + 1, 10**9 - 1), st.sampled_from(["{}", "{}.0", "{}.", " {} "]))
def test_every_whole_number_is_a_grade_however_it_is_written(number, form):
    rows = [("row 0", "q", "d", form.format(number)), ("row 1", "q", "other", 1)]
    collection = beir.assemble(
        [("row", {"_id": "d", "text": "one"}), ("row", {"_id": "other", "text": "two"})],
        [("row", {"_id": "q", "text": "words"})],
        {"test": rows},
        False,
        "set",
    )
    assert collection.queries["test"][0].judgements == {"d": max(number, 0), "other": 1}


@given(st.floats().filter(lambda value: not value.is_integer()) | st.text().filter(lambda text: "." not in text))
def test_what_is_no_whole_number_is_refused(score):
    if isinstance(score, str) and score.strip().lstrip("+-").isascii() and score.strip().lstrip("+-").isdigit():
        return
    document, query = {"_id": "d", "text": "one"}, {"_id": "q", "text": "words"}
    with pytest.raises(InputError, match="row 0 has the score"):
        beir.assemble([("row", document)], [("row", query)], {"test": [("row 0", "q", "d", score)]}, False, "set")


TREC = ["q0 0 d0 2", "q0 0 d1 -1", "q1 Q0 d1 1"]
HEADS = [
    "",
    "query-id 0 corpus-id score\n",
    "qid iter docid REL\n",
    "\ufeffquery_id\titeration\tdoc_id\trelevance\r\n",
    "\n\n",
]


@pytest.mark.parametrize("between", ["\t", " ", "   "])
@pytest.mark.parametrize("head", HEADS)
def test_judgements_in_trec_s_four_columns(tmp_path, head, between):
    folder = write(tmp_path / "set")
    rows = head + "".join(line.replace(" ", between) + "\r\n" for line in TREC)
    (folder / "qrels" / "test.tsv").write_text(rows, newline="")
    found = [(query.id, dict(query.judgements)) for query in beir.load(folder).queries["test"]]
    assert found == [("q0", {"d0": 2, "d1": 0}), ("q1", {"d1": 1})]


@pytest.mark.parametrize("head", ["", "query-id corpus-id score\n", "query-id\tcorpus-id\tscore\n"])
def test_three_columns_may_be_divided_by_blanks_and_ids_may_hold_them_beside_tabs(tmp_path, head):
    folder = write(tmp_path / "set", documents=2, test=1)
    (folder / "corpus.jsonl").write_text('{"_id": "d0", "text": "one"}\n{"_id": "d 1", "text": "two"}\n')
    (folder / "qrels" / "test.tsv").write_text(head + "q0 d0 1\nq0\td 1\t2\n")
    assert beir.load(folder).queries["test"][0].judgements == {"d0": 1, "d 1": 2}


def test_bytes_that_are_no_text_are_named(tmp_path):
    folder = write(tmp_path / "set")
    with (folder / "corpus.jsonl").open("ab") as stream:
        stream.write(b'{"_id": "x", "text": "\xff"}\n')
    with pytest.raises(InputError, match=r"corpus.jsonl:21 is not UTF-8"):
        beir.load(folder)


def test_what_is_not_there_is_said(tmp_path):
    folder = write(tmp_path / "set")
    (folder / "corpus.jsonl").write_text("\n")
    with pytest.raises(InputError, match="has no document in its corpus"):
        beir.load(folder)
    (folder / "qrels" / "test.tsv").unlink()
    with pytest.raises(InputError, match=r"test.tsv is missing; the folder of a retrieval dataset holds"):
        beir.identity(folder)


def test_no_relevant_document_at_all_is_refused(tmp_path):
    folder = write(tmp_path / "set")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n")
    with pytest.raises(InputError, match="judges no document relevant in test"):
        beir.load(folder)


def test_fingerprint_and_identity_follow_the_content(tmp_path):
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert beir.identity(first) == beir.identity(second)
    assert fingerprint(beir.load(first)) == fingerprint(beir.load(second))
    (second / "corpus.jsonl").write_text((second / "corpus.jsonl").read_text().replace("text 19", "other"))
    assert beir.identity(first) != beir.identity(second)
    assert fingerprint(beir.load(first)) != fingerprint(beir.load(second))


def test_shared_collections_are_whole(shared):
    sizes = {
        "scifact": (5183, 300),
        "cranfield": (1398, 225),
        "med": (1033, 30),
        "cisi": (1460, 76),
        "npl": (11426, 93),
    }
    for name, (documents, queries) in sizes.items():
        collection = beir.load(shared / "data" / "retrieval" / name)
        assert (len(collection.documents), len(collection.queries["test"])) == (documents, queries)
        assert bool(collection.queries["train"]) == (name == "scifact")
