"""Scores and label sets from tables: the columns that people have, and what is told about the rest."""

import json

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from harness.cells.task_options import with_task_options
from harness.errors import InputError
from tasks import TASKS

SCORED = [("A man eats.", "Someone eats.", 4.5), ("A dog runs.", "Rain fell.", 0.0)] * 6
LABELLED = [("what a day", ["joy", "love"]), ("oh no", ["fear"]), ("thanks", ["joy"])] * 4
NAMES = ["fear", "joy", "love"]


@pytest.fixture
def load(tmp_path):
    """Loads a dataset from rows that a function writes for each split."""

    def loaded(family, write, name="mine", **options):
        folder = tmp_path / family / name
        folder.mkdir(parents=True)
        for split in ("train", "validation", "test"):
            write(folder, split)
        return with_task_options(TASKS[family], options).load(name, str(tmp_path))

    return loaded


def csv(rows, columns, sep=","):
    suffix = ".tsv" if sep == "\t" else ".csv"
    return lambda folder, split: pd.DataFrame(rows, columns=columns).to_csv(
        folder / f"{split}{suffix}", index=False, sep=sep
    )


def saved(rows, features):
    return lambda folder, split: Dataset.from_list(rows, features).save_to_disk(folder / split)


@pytest.mark.parametrize(
    ("columns", "sep", "options"),
    [
        (("sentence1", "sentence2", "score"), ",", {}),
        (("sentence1", "sentence2", "label"), "\t", {}),
        (("sentence_A", "sentence_B", "relatedness_score"), "\t", {}),
        (("left", "right", "stars"), ",", {"text": "left", "pair": "right", "score": "stars"}),
    ],
)
def test_scores_are_found_and_read_as_numbers(load, columns, sep, options):
    data = load("sts", csv(SCORED, columns, sep), **options)
    assert [(one.text, one.pair, one.target) for one in data.splits["test"][:2]] == SCORED[:2]


def test_a_declared_range_holds_for_tables_too_and_a_word_is_no_score(load):
    bad = csv([*SCORED, ("a", "b", 7.0)], ("sentence1", "sentence2", "score"))
    with pytest.raises(InputError, match=r"train.csv:14 has the score 7, which is not from 0 to 5"):
        load("sts", bad, "stsb")
    with pytest.raises(InputError, match=r"train.csv:14 has the score 'high', which is not a number"):
        load("sts", csv([*SCORED, ("a", "b", "high")], ("sentence1", "sentence2", "score")))


def test_a_row_without_a_score_is_dropped_and_counted(load):
    data = load("sts", csv([*SCORED, ("a", "b", None)], ("sentence1", "sentence2", "score")))
    assert len(data.splits["train"]) == len(SCORED)
    assert "1 rows of train without a gold label were dropped" in data.notes


LISTS = {
    "json lines": lambda folder, split: (folder / f"{split}.jsonl").write_text(
        "".join(json.dumps({"comment": text, "emotions": labels}) + "\n" for text, labels in LABELLED)
    ),
    "csv with JSON": csv([(text, json.dumps(labels)) for text, labels in LABELLED], ("comment", "emotions")),
    "csv with Python": csv([(text, str(labels)) for text, labels in LABELLED], ("comment", "emotions")),
    "csv with bars": csv([(text, "|".join(labels)) for text, labels in LABELLED], ("comment", "emotions")),
    "csv with commas": csv([(text, ", ".join(labels)) for text, labels in LABELLED], ("comment", "emotions")),
    "parquet": lambda folder, split: pd.DataFrame(LABELLED, columns=("comment", "emotions")).to_parquet(
        folder / f"{split}.parquet"
    ),
    "ids with names": saved(
        [{"comment": text, "emotions": [NAMES.index(label) for label in labels]} for text, labels in LABELLED],
        Features({"comment": Value("string"), "emotions": List(ClassLabel(names=NAMES))}),
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_label_sets_are_read_from_every_usual_form(load, name):
    data = load("multilabel", LISTS[name], label="emotions")
    assert data.labels == ("fear", "joy", "love")
    assert [(one.text, list(one.target)) for one in data.splits["test"][:3]] == LABELLED[:3]


def test_one_column_for_each_label(load):
    rows = [(text, *(int(name in labels) for name in NAMES)) for text, labels in LABELLED]
    data = load("multilabel", csv(rows, ("text", *NAMES)), label="fear,joy,love")
    assert [one.target for one in data.splits["test"][:3]] == [("joy", "love"), ("fear",), ("joy",)]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            [("a", 1, 0, 0), ("b", 0, 3, 0)],
            {"label": "fear,joy,love"},
            r"csv:3 has '?3'? in 'joy', which says neither yes",
        ),
        (
            [("a", 1, 0, 0), ("b", 0, 0, 0)],
            {"label": "fear,joy,love"},
            r"csv:3 has no labels; .* --task-option empty=keep",
        ),
        ([("a", 1, 0, 0)], {"label": "fear,anger"}, r"has no column 'anger'"),
        ([("a", 1, 0, 0)], {}, r"no column of .* is known to be the label"),
    ],
)
def test_columns_and_values_that_say_nothing_are_refused(load, rows, options, message):
    with pytest.raises(InputError, match=message):
        load("multilabel", csv(rows, ("text", *NAMES)), **options)


def test_rows_without_labels_are_kept_on_request(load):
    rows = [("a", 1, 0, 0), ("b", 0, 1, 0), ("c", 0, 0, 0)] * 4
    data = load("multilabel", csv(rows, ("text", *NAMES)), label="fear,joy,love", empty="keep")
    assert data.splits["test"][2].target == ()


def test_a_label_that_train_never_has_is_named(load):
    def write(folder, split):
        csv([("a", "fear|joy"), ("b", "lvoe" if split == "test" else "love")], ("text", "labels"))(folder, split)

    with pytest.raises(
        InputError, match=r"test.csv:3 has the label 'lvoe', which train never has; did you mean 'love'"
    ):
        load("multilabel", write)
