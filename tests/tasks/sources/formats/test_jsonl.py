"""Labelled texts from local JSON lines and from hub rows: what is read, and what a malformed line is told."""

import json

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from tasks.catalogue.classification import CLASSIFICATION_DATASETS
from tasks.catalogue.nli import NLI_DATASETS
from tasks.classification import NLI
from tasks.sources.formats import jsonl
from tasks.sources.labelled_text import LabelledText
from tasks.sources.splits import files_identity, fingerprint

GOOD = [
    {"premise": "It rains.", "hypothesis": "It is wet.", "label": "entailment"},
    {"premise": "It rains.", "hypothesis": "It is dry.", "label": "contradiction"},
]


def write(folder, **splits):
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev", "test"):
        lines = [line if isinstance(line, str) else json.dumps(line) for line in splits.get(split, GOOD)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_pairs_are_read_with_line_numbers_and_sorted_labels(tmp_path):
    data = jsonl.load(write(tmp_path, test=[GOOD[0], "", GOOD[1]]))
    assert data.labels == ("contradiction", "entailment")
    assert data.splits["test"][1] == LabelledText("It rains.", "It is dry.", "contradiction", "test.jsonl:3")
    assert data.n_skipped == 0


def test_single_texts_and_other_pairs_and_integer_labels(tmp_path):
    lines = [
        {"text": "good", "label": 1},
        {"text": "bad", "text_pair": "very", "label": 0},
        {"text": "so", "text_pair": None, "label": 0},
    ]
    data = jsonl.load(write(tmp_path, train=lines, dev=lines, test=lines))
    assert data.labels == ("0", "1")
    assert [example.pair for example in data.splits["train"]] == [None, "very", None]


BAD = {
    "no JSON": ('{"premise": ', "is not JSON"),
    "no object": ("[1]", "is not a JSON object"),
    "no label": ({"premise": "a", "hypothesis": "b"}, "has no 'label'"),
    "no hypothesis": ({"premise": "a", "label": "entailment"}, "has no 'hypothesis'"),
    "empty text": ({"premise": " ", "hypothesis": "b", "label": "entailment"}, "has no text in 'premise'"),
    "number": ({"premise": 3, "hypothesis": "b", "label": "entailment"}, "has no text in 'premise'"),
    "other keys": (
        {"sentence": "a", "label": "x"},
        "has neither 'premise' and 'hypothesis' nor 'text' among its keys 'sentence', 'label'",
    ),
    "label": (
        {"premise": "a", "hypothesis": "b", "label": [1.5]},
        r"has the label '\[1.5\]', which is neither text nor an integer",
    ),
    "label true": (
        {"premise": "a", "hypothesis": "b", "label": True},
        "has the label 'true', which is neither text nor an integer",
    ),
    "long label": (
        {"premise": "a", "hypothesis": "b", "label": "x" * 5000},
        "has a label of 5,000 characters, 'xxx.*at most 256",
    ),
    "digits": (
        '{"premise": "a", "hypothesis": "b", "label": ' + "7" * 5000 + "}",
        "holds an integer of",
    ),
    "deep": (
        '{"premise": "a", "hypothesis": "b", "label": ' + "[" * 100_000,
        "nests brackets more than 100 deep",
    ),
    "surrogate label": (
        '{"premise": "a", "hypothesis": "b", "label": "\\ud800"}',
        "has a label with half a surrogate pair",
    ),
    "surrogate": (
        '{"premise": "\\ud800", "hypothesis": "b", "label": "entailment"}',
        "has half a surrogate pair in 'premise'",
    ),
    "unknown label": (
        {"premise": "a", "hypothesis": "b", "label": "entailed"},
        "has the label 'entailed', which train never has",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_line_is_named_and_can_be_left_out_and_counted(tmp_path, name):
    line, sentence = BAD[name]
    write(tmp_path / "nli" / "mine", dev=[GOOD[0], line])
    with pytest.raises(InputError, match=rf"dev.jsonl:2 {sentence}.*--skip-bad"):
        NLI.load("mine", str(tmp_path))
    data = NLI.load("mine", str(tmp_path), skip_bad=True)
    assert len(data.splits["dev"]) == 1
    assert data.n_skipped == 1
    assert "1 malformed lines of dev.jsonl were left out" in data.notes[0]
    assert data.fingerprint == fingerprint(data.splits)


def test_bytes_that_are_no_text_are_named(tmp_path):
    write(tmp_path)
    (tmp_path / "train.jsonl").write_bytes(b'{"premise": "\xff"}\n')
    with pytest.raises(InputError, match=r"train.jsonl:1 is not UTF-8 \(byte 0xff\)"):
        jsonl.load(tmp_path)


def test_an_empty_file_and_a_single_label_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"train.jsonl holds no example"):
        jsonl.load(write(tmp_path, train=[]))
    with pytest.raises(InputError, match=r"every label of .*train.jsonl is 'entailment', so there is nothing to learn"):
        jsonl.load(write(tmp_path, train=GOOD[:1]))


UNLABELLED = [-1, "-1", "-", "", " ", None]


@pytest.mark.parametrize("label", UNLABELLED)
def test_rows_without_a_gold_label_are_dropped_and_counted(tmp_path, label):
    row = {"premise": "a", "hypothesis": "b", "label": label}
    data = jsonl.load(write(tmp_path, train=[*GOOD, row, row], test=[row, *GOOD])).data("x")
    assert data.labels == ("contradiction", "entailment")
    assert [len(data.splits[split]) for split in ("train", "dev", "test")] == [2, 2, 2]
    assert data.notes == tuple(
        f"{count} lines of {split}.jsonl without a gold label (-1, '-', empty or null) were dropped"
        for split, count in (("train", 2), ("test", 1))
    )
    assert data.n_skipped == 0


@pytest.mark.parametrize("label", UNLABELLED)
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_split_without_any_gold_label_is_called_so(tmp_path, split, label):
    write(tmp_path, **{split: [{"text": "a", "label": label}] * 3})
    for skip_bad in (False, True):
        with pytest.raises(
            InputError, match=rf"{split}.jsonl has no gold labels: .*use a split that has them"
        ) as raised:
            jsonl.load(tmp_path, skip_bad)
        assert "did you mean" not in str(raised.value)


def test_data_whose_unlabelled_rows_were_once_a_class_are_other_data(tmp_path):
    plain = jsonl.identity(write(tmp_path / "plain"))
    assert plain == files_identity(jsonl.files(tmp_path / "plain"))
    for number, label in enumerate((-1, "-1", "-")):
        row = {"premise": "a", "label": label, "hypothesis": "b"}
        assert jsonl.identity(write(tmp_path / str(number), dev=[*GOOD, row])).endswith(" labelled")
    quoted = {"premise": 'He wrote "label": -1, "x"', "hypothesis": "b", "label": "entailment"}
    assert not jsonl.identity(write(tmp_path / "quoted", dev=[*GOOD, quoted])).endswith(" labelled")


KEYS = st.sampled_from(["premise", "hypothesis", "text", "text_pair", "label"])
VALUES = st.recursive(
    st.none() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_no_row_ends_in_anything_but_an_example_or_a_sentence(row):
    assert isinstance(jsonl._example(row, "f", 1), LabelledText | str | None)


@pytest.mark.parametrize(
    "info",
    [
        i
        for i in [*NLI_DATASETS.values(), *CLASSIFICATION_DATASETS.values()]
        if "train" in i.hub_options.get("files", ())
    ],
    ids=lambda info: info.name,
)
def test_every_declared_hub_dataset_is_read_by_its_declared_columns(info, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    columns, labels = info.hub_options["columns"], info.hub_options["labels"]
    for split, names in info.hub_options["files"].items():
        rows = [
            {column: f"{split} {column} {n // 2}" for column in columns} | {"label": n % (len(labels) + 1) - 1}
            for n in range(60)
        ]
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Dataset.from_list(rows).to_parquet(tmp_path / name)
    data = jsonl.load_hub(info, root=str(tmp_path))
    assert data.labels == labels
    labelled = 60 - 60 // (len(labels) + 1)
    first = data.splits["test"][0]
    assert first.label == labels[0]  # id -1 is no gold label, so the first row is none
    *words, pair = [f"test {column} 0" for column in columns] if len(columns) > 1 else [f"test {columns[0]} 0", None]
    assert (first.text, first.pair) == (": ".join(words), pair)
    assert len(data.splits["test"]) == labelled
    assert any("without a gold label or without text were dropped" in note for note in data.notes)
    texts = {split: {example.text for example in data.splits[split]} for split in data.splits}
    assert not texts["train"] & texts["dev"]
    if "dev" not in info.hub_options["files"]:
        assert len(data.splits["train"]) + len(data.splits["dev"]) == labelled
        assert 0 < len(data.splits["dev"]) <= labelled // 10 + 1
        assert any("dev was cut from train" in note for note in data.notes)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (-1, r"nyu-mll/glue \((train|test)\) has no gold labels"),
        (-2, "has the label id -2, but only 2"),
        (2, "has the label id 2, "),
    ],
)
def test_label_ids_of_the_hub_that_name_no_label_are_refused(tmp_path, monkeypatch, label, message):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    info = CLASSIFICATION_DATASETS["sst2"]
    for names in info.hub_options["files"].values():
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Dataset.from_list([{"sentence": "a", "label": label}] * 3).to_parquet(tmp_path / name)
    with pytest.raises(InputError, match=message):
        jsonl.load_hub(info, root=str(tmp_path))


def test_the_shared_sets_are_read_whole(shared):
    data = NLI.load("taxinli_mnli", str(shared / "data"))
    assert {split: len(pairs) for split, pairs in data.splits.items()} == {"train": 6071, "dev": 1000, "test": 3000}
    assert data.labels == ("contradiction", "entailment", "neutral")


def test_labels_of_mixed_type_are_one_sentence(tmp_path):
    lines = [{"text": "a", "label": 1}, {"text": "b", "label": 0}, {"text": "c", "label": "1"}]
    root = write(tmp_path, train=lines)
    with pytest.raises(
        InputError, match=r"train.jsonl:3 has the label '1', which is text, but '1' of line 1 is a number"
    ):
        jsonl.load(root)


def test_a_word_and_two_sentences_are_a_pair_that_begins_with_the_word(tmp_path):
    info = CLASSIFICATION_DATASETS["wic"]
    row = {"word": "bank", "sentence1": "The bank of a river.", "sentence2": "A bank lends.", "label": 0}
    for files in info.hub_options["files"].values():
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Dataset.from_list([row, *(row | {"word": f"w{number}"} for number in range(19))]).to_parquet(
                tmp_path / name
            )
    (example, *_) = jsonl.load_hub(info, root=str(tmp_path)).splits["test"]
    assert (example.text, example.pair, example.label) == ("bank: The bank of a river.", "A bank lends.", "False")


def test_train_of_one_text_cannot_be_cut(tmp_path):
    info = CLASSIFICATION_DATASETS["sst2"]
    for files in info.hub_options["files"].values():
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Dataset.from_list([{"sentence": "a", "label": 1}] * 20).to_parquet(tmp_path / name)
    with pytest.raises(InputError, match="20 examples, too few different ones to cut a dev split from them"):
        jsonl.load_hub(info, root=str(tmp_path))


def test_a_benchmark_that_only_tests_has_no_train_split(tmp_path):
    info = NLI_DATASETS["hans"]
    (name,) = info.hub_options["files"]["test"]
    (tmp_path / name).parent.mkdir(parents=True)
    Dataset.from_list([{"premise": "a", "hypothesis": "b", "label": 1}]).to_parquet(tmp_path / name)
    data = jsonl.load_hub(info, root=str(tmp_path)).data("here")
    assert (len(data.splits["train"]), data.splits["test"][0].label) == (0, "non-entailment")
