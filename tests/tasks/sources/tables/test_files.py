"""Local files of every usual format: the same rows become the same examples, and what cannot be read is one sentence."""

import csv
import io
import json

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cells.task_options import with_task_options
from harness.errors import InputError
from tasks import TASKS
from tasks.sources.formats import jsonl
from tasks.sources.formats.writing import write_jsonl
from tasks.sources.tables import files

ROWS = [
    {"text": f"{word} {n}", "label": ("good", "bad", "None")[n % 3]}
    for n, word in enumerate(
        ['a "quoted" word', "two\nlines", "commas, and; signs", "NA", "ünï\u2028cödé", " blanks "] * 5
    )
]
SPLITS = {"train": ROWS, "dev": ROWS[:6], "test": ROWS[6:15]}


def frame(split):
    return pd.DataFrame(SPLITS[split])


def saved(folder):
    encoded = {name: Dataset.from_list(rows) for name, rows in SPLITS.items()}
    names = ClassLabel(names=["bad", "good", "None"])
    DatasetDict({name: one.cast_column("label", names) for name, one in encoded.items()}).save_to_disk(folder)


def shards(folder):
    for split in SPLITS:
        for number, part in enumerate((frame(split)[:4], frame(split)[4:])):
            (folder / "data").mkdir(exist_ok=True)
            part.to_parquet(folder / "data" / f"{split}-{number:05}-of-00002.parquet")


def each(name):
    """Writes one file a split by a method of a DataFrame."""

    def decorated(method, **options):
        def write(folder):
            for split in SPLITS:
                getattr(frame(split), method)(folder / name.format(split), **options)

        return write

    return decorated


WRITTEN = {
    "csv": each("{}.csv")("to_csv", index=False),
    "csv with row numbers": each("{}.csv")("to_csv"),
    "csv of Excel": each("{}.csv")("to_csv", index=False, sep=";", encoding="utf-8-sig", lineterminator="\r\n"),
    "csv, all quoted": each("{}.csv")("to_csv", index=False, quoting=csv.QUOTE_ALL),
    "tsv": each("{}.tsv")("to_csv", index=False, sep="\t"),
    "parquet": each("{}.parquet")("to_parquet"),
    "json list": each("{}.json")("to_json", orient="records", force_ascii=False),
    "json columns": each("{}.json")("to_json", force_ascii=False),
    "json lines": each("{}.ndjson")("to_json", orient="records", lines=True),
    "arrow": each("{}.arrow")("to_feather", compression="uncompressed"),
    "save_to_disk": saved,
    "shards": shards,
}


def load(folder, family="classification", **options):
    task = with_task_options(TASKS[family], options)
    return task.load(folder.name, str(folder.parent.parent))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "classification" / "mine"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", WRITTEN)
def test_every_format_gives_the_examples_of_json_lines(folder, tmp_path, name):
    native = tmp_path / "classification" / "native"
    native.mkdir()
    for split, rows in SPLITS.items():
        (native / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    WRITTEN[name](folder)
    read, expected = load(folder), load(native)
    assert read.fingerprint == expected.fingerprint
    assert set(read.labels) == set(expected.labels)
    assert read.notes == ()


def test_the_identity_follows_the_content_and_columns_are_options_of_the_key(folder):
    WRITTEN["csv"](folder)
    task = TASKS["classification"]
    before = task.identity("mine", str(folder.parent.parent))
    assert task.identity("mine", str(folder.parent.parent)) == before
    (folder / "dev.csv").write_text("text,label\nx,good\n")
    assert task.identity("mine", str(folder.parent.parent)) != before


@pytest.mark.parametrize("name", ["validation", "valid", "val", "validation_matched"])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_dev_has_many_names(folder, name, form):
    for split, rows in SPLITS.items():
        path = folder / f"{name if split == 'dev' else split}.{form}"
        if form == "csv":
            pd.DataFrame(rows).to_csv(path, index=False)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [len(one) for one in load(folder).splits.values()] == [30, 6, 9]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_missing_dev_is_cut_from_train_alike_every_time_and_said(folder, form):
    for split in ("train", "test"):
        if form == "csv":
            frame(split).to_csv(folder / f"{split}.csv", index=False)
        else:
            (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SPLITS[split]))
    data = load(folder)
    assert [len(data.splits[split]) for split in ("train", "dev", "test")] == [27, 3, 9]
    assert data.notes == ("there is no dev split: 3 examples were cut from train by text, the same for every run",)
    assert load(folder).fingerprint == data.fingerprint


def test_tables_of_glue_have_plain_quotes(folder):
    text = 'sentence1\tsentence2\tlabel\n" He said so\tShe "did"\t1\nNot he\t"Yes" or no\t0\nIt\u2028is\tIt\x85was\t0\n'
    for split in SPLITS:
        (folder / f"{split}.tsv").write_text(text)
    first, second, third = load(folder).splits["test"]
    assert (first.text, first.pair, first.label) == ('" He said so', 'She "did"', "1")
    assert second.pair == '"Yes" or no'
    assert (third.text, third.pair) == ("It\u2028is", "It\x85was")  # these signs end no line


@pytest.mark.parametrize(
    "columns",
    [("sentence", None), ("question1", "question2"), ("Premise", "Hypothesis"), ("review", None), ("anything", None)],
)
def test_columns_are_known_by_name_or_by_being_the_only_text(folder, columns):
    for split in SPLITS:
        rows = [{columns[0]: f"a {n}", **({columns[1]: "b"} if columns[1] else {}), "label": n % 2} for n in range(9)]
        pd.DataFrame(rows).to_parquet(folder / f"{split}.parquet")
    example = load(folder).splits["test"][1]
    assert (example.text, example.pair, example.label) == ("a 1", "b" if columns[1] else None, "1")


GOOD = "text,label\nfine,yes\npoor,no\n"
BAD = {
    "a,b\n1,2\n3,4\n": r"no column of .*train.csv is known to be the label: its columns are 'a' \(text\), 'b' \(text\)",
    "text,label\nx,y,z\nfine,yes\n": r"train.csv:2 has 3 values, but the first line names 2 columns; .*--skip-bad",
    "text,label\nx\ny\n": r"none of the 2 rows of .*train.csv, which looks like plain text, is as expected",
    "text,label\nx\u2028x,y,z\nx,y,z\n": r"none of the 2 rows of .*train.csv is as expected; correct their keys or values",
    'text,label\nfine,yes\n"open,no\n': r"train.csv:3 opens a quote that is never closed",
    "text,text,label\na,b,c\n": r"train.csv has the column 'text' twice",
    "text,label\n,yes\nfine,no\n": r"train.csv:2 has no text in 'text'",
    "text,label\nfine,-1\npoor,\n": r"train.csv has no gold labels",
    "text,label\nfine,yes\npoor,yes\n": r"every label of .*train.csv is 'yes', so there is nothing to learn",
    "text,label\n": r"train.csv holds no example",
    "": r"train.csv holds no example",
    b"text,label\nM\xfcller,yes\n": r"train.csv:2 is not UTF-8 \(byte 0xfc\)",
    b"PAR1....": r"train.csv looks like Parquet, not CSV; rename or convert it",
    b"\xff\xfet\x00": r"train.csv looks like UTF-16 text, not CSV",
}


@pytest.mark.parametrize("content", BAD)
def test_what_is_wrong_in_a_csv_file_is_one_sentence(folder, content):
    for split in ("dev", "test"):
        (folder / f"{split}.csv").write_text(GOOD)
    (folder / "train.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=BAD[content]) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([1], r"train.json, entry 1 has the label '\[1\]' in 'label', which is neither text nor a whole number"),
        (2.5, r"entry 1 has the label '2.5' in 'label'"),
        ({"a": 1}, r"entry 1 has the label"),
    ],
)
def test_mixed_types_in_a_column_are_named_with_their_place(folder, value, sentence):
    for split in SPLITS:
        rows = [{"sentence": "a", "label": 1}, {"sentence": "b", "label": value if split == "train" else 0}]
        (folder / f"{split}.json").write_text(json.dumps([*rows, {"sentence": "c", "label": 0.0}]))
    with pytest.raises(InputError, match=sentence):
        load(folder)
    data = TASKS["classification"].load("mine", str(folder.parent.parent), skip_bad=True)
    assert data.n_skipped == 1
    assert [one.label for one in data.splits["train"]] == ["1", "0"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("train.jsonl", "text,label\nfine,yes\npoor,no\n", r"looks like CSV .*'text,label'.*; rename it to train.csv"),
        ("train.jsonl", '[{"text": "a", "label": 1}, {"text": "b", "label": 2}]\n', r"rename it to train.json"),
        ("train.parquet", "text,label\n", r"train.parquet is not a Parquet file \(looks like CSV"),
        ("train.arrow", '{"text": 1}\n', r"train.arrow is not a Arrow file \(looks like JSON"),
    ],
)
def test_a_file_in_another_format_is_called_so_and_not_to_be_skipped(folder, name, content, sentence):
    for split in SPLITS:
        (folder / name.replace("train", split)).write_text(content)
    if name == "train.jsonl" and content[0] == "[":  # a list is read, wherever it is
        assert len(load(folder).splits["train"]) == 2
        return
    with pytest.raises(InputError, match=sentence) as raised:
        load(folder)
    assert "--skip-bad" not in str(raised.value)


def test_a_split_in_two_formats_is_refused(folder):
    WRITTEN["csv"](folder)
    (folder / "train.tsv").write_text("text\tlabel\na\tb\n")
    with pytest.raises(InputError, match=r"holds train twice, as train.csv and train.tsv; leave one"):
        load(folder)
    (folder / "train.tsv").unlink()
    (folder / "validation.csv").write_text(GOOD)
    with pytest.raises(InputError, match=r"holds dev and validation, and either may be the dev split"):
        load(folder)


VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES.map(str.strip)), min_size=2, max_size=6), st.sampled_from(",;\t|"))
def test_any_texts_survive_csv(tmp_path_factory, rows, delimiter):
    """Written by the standard library, with any characters, delimiters, quotes and line ends inside of values."""
    folder = tmp_path_factory.mktemp("x")
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *rows])
    (folder / "train.csv").write_text(stream.getvalue(), encoding="utf-8", newline="")
    table = files.read(files.find(folder)["train"])
    assert [(row["a"], row["b"]) for _, row in table.rows(["a", "b"])] == rows


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=60) | st.text('"\n\r,;\t{}[]:ab1é\\', max_size=60).map(str.encode),
    st.sampled_from([b"", b"text,label\n", b'{"text":"a","label":1}\n']),
    st.sampled_from(["csv", "tsv", "json", "jsonl"]),
)
def test_any_content_is_read_or_refused_in_one_sentence(tmp_path_factory, content, begins, suffix):
    folder = tmp_path_factory.mktemp("x") / "classification" / "mine"
    folder.mkdir(parents=True)
    (folder / f"train.{suffix}").write_bytes(begins + content)
    assert "\n" not in str(_error_of(folder))


def _error_of(folder):
    try:
        load(folder)
    except InputError as error:
        return error


def test_a_copy_of_the_hub_is_still_read_by_its_own_reader(tmp_path):
    data = jsonl.load(_native(tmp_path))
    assert data.notes == []
    assert jsonl.is_native(tmp_path)


def _native(folder):
    from tasks.sources.labelled_text import LabelledText

    examples = [LabelledText("a", None, "yes", ""), LabelledText("b", None, "no", "")]
    write_jsonl(dict.fromkeys(("train", "dev", "test"), examples), folder, ("text", "text_pair"))
    return folder


def test_the_shared_sets_convert_to_equal_examples(shared, tmp_path):
    for name in ("mrpc", "cola"):
        source = shared / "data" / "classification" / name
        folder = tmp_path / "classification" / name
        folder.mkdir(parents=True)
        for split, suffix in (("train", "parquet"), ("dev", "parquet"), ("test", "parquet")):
            pd.read_json(source / f"{split}.jsonl", lines=True, dtype=False).to_parquet(folder / f"{split}.{suffix}")
        native = TASKS["classification"].load(name, str(shared / "data"))
        assert load(folder).fingerprint == native.fingerprint
