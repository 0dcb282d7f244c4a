"""Tables of sentences, questions and test collections: the layouts that people have, and what is told about the rest."""

import json
import re

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value

from harness.cells.task_options import with_task_options
from harness.cli import run_command
from harness.errors import InputError
from tasks import TASKS
from tasks.sources.formats.writing import write_beir, write_conll, write_squad

SENTENCES = [(["Ada", "Lovelace", "slept"], ["B-PER", "I-PER", "O"]), (["In", "Oslo"], ["O", "B-LOC"])] * 6


@pytest.fixture
def make(tmp_path):
    """The folder of a dataset."""

    def made(name):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        return folder

    return made


def load(folder, **options):
    task = with_task_options(TASKS[folder.parent.name], options)
    return task.load(folder.name, str(folder.parent.parent))


def each(folder, suffix, write):
    for split in ("train", "validation", "test"):
        write(folder / f"{split}{suffix}")


def tagged(tags=lambda tags: tags, tokens=lambda tokens: tokens):
    return [{"id": n, "tokens": tokens(words), "ner_tags": tags(of)} for n, (words, of) in enumerate(SENTENCES)]


def words(number_each=True):
    return [
        {"Sentence #": f"Sentence: {n}" if number_each or not place else "", "Word": word, "Tag": tag}
        for n, (tokens, tags) in enumerate(SENTENCES)
        for place, (word, tag) in enumerate(zip(tokens, tags, strict=True))
    ]


def of_ids(folder):
    names = ClassLabel(names=["O", "B-PER", "I-PER", "B-LOC"])
    features = Features({"id": Value("int64"), "tokens": List(Value("string")), "ner_tags": List(names)})
    rows = tagged(names.str2int)
    DatasetDict({split: Dataset.from_list(rows, features) for split in ("train", "validation", "test")}).save_to_disk(
        folder
    )


TAGGED = {
    "parquet": lambda folder: each(folder, ".parquet", pd.DataFrame(tagged()).to_parquet),
    "save_to_disk with ids": of_ids,
    "json lines": lambda folder: each(
        folder, ".jsonl", lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in tagged()))
    ),
    "csv with lists": lambda folder: each(
        folder, ".csv", lambda path: pd.DataFrame(tagged()).to_csv(path, index=False)
    ),
    "csv with blanks": lambda folder: each(
        folder, ".csv", lambda path: pd.DataFrame(tagged(" ".join, " ".join)).to_csv(path, index=False)
    ),
    "csv, a word a row": lambda folder: each(
        folder, ".csv", lambda path: pd.DataFrame(words()).to_csv(path, index=False)
    ),
    "csv, a number a sentence": lambda folder: each(
        folder, ".csv", lambda path: pd.DataFrame(words(False)).to_csv(path, index=False)
    ),
    "other schemes": lambda folder: each(
        folder,
        ".parquet",
        pd.DataFrame(
            tagged(lambda tags: [tag.replace("B-LOC", "S-LOC").replace("I-", "E-") for tag in tags])
        ).to_parquet,
    ),
}


@pytest.mark.parametrize("name", TAGGED)
def test_sentences_are_those_of_conll_files(make, name):
    folder, native = make("ner/mine"), make("ner/native")
    TAGGED[name](folder)
    read = load(folder)
    write_conll({"train": read.splits["train"], "dev": read.splits["dev"], "test": read.splits["test"]}, native)
    assert load(native).fingerprint == read.fingerprint
    assert read.splits["test"][0].tokens == ("Ada", "Lovelace", "slept")
    assert read.splits["test"][1].tags == ("O", "B-LOC")
    assert read.labels == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert any("converted to IOB2" in note for note in read.notes) == (name == "other schemes")


def test_list_data_names_every_dataset_as_a_run_would(make, tmp_path, capsys):
    for folder in ("retrieval/r", "rerank/own"):
        pd.DataFrame([{"query": f"q {n}", "passage": f"p {n}"} for n in range(40)]).to_csv(make(folder) / "train.csv")
    pair = '{"sentence_good": "Keys are here.", "sentence_bad": "Keys is here."}\n'
    for folder in ("lm/mine", "blimp"):
        (make(folder) / "verbs.jsonl").write_text(pair)
    (make("lm/both") / "test.txt").write_text("a folder\n")
    (tmp_path / "lm" / "both.txt").write_text("a file\n\nof two documents\n")
    (make("text") / "book.txt").write_text("a text\n")
    (make("classification/single") / "train.jsonl").write_text(
        "".join(f'{{"text": "t {n}", "label": {n % 2}}}\n' for n in range(40))
    )
    (make("misplaced") / "train.jsonl").write_text('{"text": "t", "label": 1}\n')
    assert run_command(["list", "data", "--data-dir", str(tmp_path), "--json"]) == 0
    rows = {row["dataset"]: row for row in json.loads(capsys.readouterr().out)["data"]}
    alone = {"rerank/own", "lm/mine", "lm/blimp", "lm/both", "lm/book", "classification/single"}
    assert rows.keys() == alone | {"retrieval/r"}
    assert rows["retrieval/r"]["also"] == ["rerank/r"]
    assert not any(rows[name]["also"] for name in alone)
    assert not any(row["problem"] for row in rows.values())
    assert rows["lm/both"]["sizes"]["test"] == 2
    assert "premise" not in rows["classification/single"]["format"]
    assert run_command(["list", "data", "--data-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "also read as rerank/r" in " ".join(shown.replace("│", " ").split())
    assert "no family reads these folders: misplaced (" in shown


def test_types_alone_are_read_as_entities_and_said(make):
    folder = make("ner/mine")
    each(
        folder, ".parquet", pd.DataFrame(tagged(lambda tags: [tag.partition("-")[2] or tag for tag in tags])).to_parquet
    )
    data = load(folder)
    assert data.splits["test"][0].tags == ("B-PER", "I-PER", "O")
    assert "the tags are types without B- or I-" in data.notes[0]


def test_numbers_need_names(make):
    folder = make("ner/mine")
    ids = {"O": 0, "B-PER": 1, "I-PER": 2, "B-LOC": 3}
    each(folder, ".parquet", pd.DataFrame(tagged(lambda tags: [ids[tag] for tag in tags])).to_parquet)
    with pytest.raises(InputError, match=r"none of the 12 rows of .*a number without a name; name all in order"):
        load(folder)
    assert load(folder, labels=",".join(ids)).splits["test"][0].tags == ("B-PER", "I-PER", "O")


def test_what_is_wrong_in_a_row_of_tags_is_named(make):
    folder = make("ner/mine")
    rows = tagged()
    each(folder, ".jsonl", lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in rows)))
    rows[1] = {"tokens": ["a", "b"], "ner_tags": ["O"]}
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(
        InputError, match=r"test.jsonl:2 has 2 tokens in 'tokens' and 1 tags in 'ner_tags'; .*--skip-bad"
    ):
        load(folder)
    assert TASKS["ner"].load("mine", str(folder.parent.parent), skip_bad=True).n_skipped == 1
    rows[1] = {"tokens": ["a"], "ner_tags": ["B-DRUG"]}
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match=r"test.jsonl:2 has the type 'DRUG', which train.jsonl never has"):
        load(folder)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"tokens": ["In", None], "ner_tags": ["O", "B-LOC"]}, "has the token 'null' in 'tokens', which is not a word"),
        ({"tokens": ["In", ""], "ner_tags": ["O", "B-LOC"]}, "has the token '' in 'tokens', which is not a word"),
        ({"tokens": ["In", 3], "ner_tags": ["O", "O"]}, "has the token '3' in 'tokens', which is not a word"),
        ({"tokens": ["In", "Oslo"], "ner_tags": ["O", None]}, "has no tag in 'ner_tags' for the word 'Oslo'"),
    ],
)
def test_a_word_or_a_tag_that_is_missing_is_named(make, bad, sentence):
    folder = make("ner/mine")
    lines = "".join(json.dumps(row) + "\n" for row in [*tagged(), bad])
    each(folder, ".jsonl", lambda path: path.write_text(lines))
    with pytest.raises(InputError, match=re.escape(f"train.jsonl:13 {sentence}")):
        load(folder)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("Word", "has the token 'null' in 'Word', which is not a word"),
        ("Tag", "has no tag in 'Tag' for the word 'Lovelace'"),
    ],
)
@pytest.mark.parametrize("remove", [dict.pop, lambda row, key: row.update({key: None})])
def test_of_a_word_a_row_a_missing_value_is_named(make, key, sentence, remove):
    folder, rows = make("ner/mine"), words()
    remove(rows[1], key)
    each(folder, ".jsonl", lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in rows)))
    with pytest.raises(InputError, match=re.escape(f"train.jsonl:1 {sentence}")):
        load(folder)


def test_of_a_word_a_row_the_number_of_the_sentence_may_be_missing(make):
    folder, rows = make("ner/mine"), words()
    del rows[1]["Sentence #"]
    each(folder, ".jsonl", lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in rows)))
    assert load(folder).splits["train"][0].tokens == ("Ada", "Lovelace", "slept")


def test_conll_files_may_lack_dev_and_have_no_named_columns(make):
    folder = make("ner/mine")
    text = "\n".join(f"Ada{n}\tB-PER\nslept\tO\n" for n in range(20))
    (folder / "train.conll").write_text(text)
    (folder / "test.conll").write_text(text)
    data = load(folder)
    assert [len(data.splits[split]) for split in ("train", "dev", "test")] == [18, 2, 20]
    assert data.notes == ("there is no dev split: 2 examples were cut from train by sentence, the same for every run",)
    with pytest.raises(InputError, match="holds CoNLL files, which have no named columns"):
        load(folder, tokens="a")
    (folder / "train.conll").write_text('{"tokens": ["a"], "ner_tags": ["O"]}\n' * 2)
    with pytest.raises(InputError, match=r"train.conll looks like JSON lines, not CoNLL; rename it to train.jsonl"):
        load(folder)


CONTEXT = "Ada lived in London."


def asked(answers):
    return [
        {"id": f"q{n}", "title": f"T{n // 2}", "context": CONTEXT, "question": f"Where {n}?", **answers}
        for n in range(30)
    ]


ANSWERED = {
    "struct": {"answers": {"text": ["London"], "answer_start": [13]}},
    "list of structs": {"answers": [{"text": "London", "answer_start": 13}]},
    "flat": {"answer": "London", "answer_start": 13},
    "without place": {"answer_text": "London"},
}


@pytest.mark.parametrize("name", ANSWERED)
@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_questions_are_those_of_squad_files(make, name, suffix):
    folder, native = make("span/mine"), make("span/native")
    frame = pd.DataFrame(asked(ANSWERED[name]))
    write = {
        ".parquet": frame.to_parquet,
        ".csv": lambda path: frame.to_csv(path, index=False),
        ".jsonl": lambda path: frame.to_json(path, orient="records", lines=True),
    }
    each(folder, suffix, write[suffix])
    read = load(folder)
    write_squad(read.splits, native)
    assert load(native).fingerprint == read.fingerprint
    assert {one.answers[0].start for one in read.splits["test"]} == {13}
    assert any("say not where an answer begins" in note for note in read.notes) == (name == "without place")


def test_an_answer_that_is_not_in_its_context_is_named(make):
    folder = make("span/mine")
    rows = asked({"answer": "London", "answer_start": 13})
    rows[2] = {**rows[2], "answer_start": 14}
    each(folder, ".csv", lambda path: pd.DataFrame(rows).to_csv(path, index=False))
    with pytest.raises(
        InputError, match=r"train.csv: question 'q2' has the answer 'London', but at its answer_start 14"
    ):
        load(folder)


def test_collections_may_be_in_any_format(make):
    folder, native = make("retrieval/mine"), make("retrieval/native")
    (folder / "qrels").mkdir()
    pd.DataFrame([{"id": n, "title": "", "text": f"document {n}"} for n in range(30)]).to_csv(
        folder / "corpus.csv", index=False
    )
    pd.DataFrame([{"id": f"q{n}", "query": f"question {n}"} for n in range(30)]).to_parquet(folder / "queries.parquet")
    judged = pd.DataFrame([{"query_id": f"q{n}", "doc_id": n, "relevance": 1.0} for n in range(30)])
    for split, part in (("train", judged[:20]), ("validation", judged[20:24]), ("test", judged[24:])):
        part.to_csv(folder / "qrels" / f"{split}.csv", index=False)
    data = load(folder)
    assert [len(data.splits[split]) for split in ("train", "dev", "test")] == [20, 4, 6]
    write_beir(data.documents, data.splits, native)
    assert load(native).fingerprint == data.fingerprint
    (folder / "corpus.csv").unlink()
    with pytest.raises(InputError, match="holds no corpus; a collection has corpus, queries and qrels"):
        load(folder)


def test_rows_of_a_query_and_a_passage_are_a_collection(make):
    folder = make("retrieval/mine")
    rows = [{"query": f"q {n}", "passage": f"p {n // 2}", "extra": "x"} for n in range(40)]
    pd.DataFrame(rows).to_csv(folder / "train.csv", index=False)
    data = load(folder)
    assert len(data.documents) == 20
    assert [len(data.splits[split]) for split in ("train", "dev", "test")] == [32, 4, 4]
    seen = {document for query in data.splits["train"] for document in query.judgements}
    assert not seen & {document for query in data.splits["test"] for document in query.judgements}


def test_list_data_shows_what_a_folder_holds(make, tmp_path, capsys):
    TAGGED["parquet"](make("ner/mine"))
    (make("classification/broken") / "train.csv").write_text("a,b\n1,2\n")
    make("photos/holiday")
    assert run_command(["list", "data", "--data-dir", str(tmp_path), "--json"]) == 0
    broken, mine = sorted(json.loads(capsys.readouterr().out)["data"], key=lambda row: row["dataset"])
    assert (mine["dataset"], mine["format"]) == ("ner/mine", "Parquet")
    assert mine["sizes"] == {"train": 12, "dev": 12, "test": 12}
    assert mine["problem"] is None
    assert (broken["dataset"], broken["format"], broken["sizes"]) == ("classification/broken", "CSV", None)
    assert "its columns are 'a' (text), 'b' (text)" in broken["problem"]
    assert run_command(["list", "data", "--data-dir", str(tmp_path)]) == 0
    assert "no family reads these folders: photos" in capsys.readouterr().out
    for arguments, sentence in (
        (["list", "data", "--data-dir", str(tmp_path / "none")], "cannot be read (No such file or directory)"),
        (["list", "models", "--data-dir", str(tmp_path)], "--data-dir goes with `list data`"),
    ):
        assert run_command(arguments) == 2
        assert sentence in capsys.readouterr().err
