"""Texts with scores or several labels: what is read from files and the hub, and what a malformed line is told."""

import json
from dataclasses import replace

import pytest
from datasets import Dataset

from harness.errors import InputError
from tasks.catalogue.multilabel import MULTILABEL_DATASETS
from tasks.catalogue.sts import STS_DATASETS
from tasks.multilabel import MULTILABEL
from tasks.similarity import STS
from tasks.sources.formats.targets import Labels, Score, Targets

SCORED = [{"text": "a b", "text_pair": "a c", "score": 2.5}, {"text": "d", "text_pair": "e", "score": 0}]
LABELLED = [{"text": "a b", "labels": ["joy", "anger"]}, {"text": "d", "labels": ["fear"]}]


def write(root, name, rows, **splits):
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev", "test"):
        (folder / f"{split}.jsonl").write_text("\n".join(map(json.dumps, splits.get(split, rows))))
    return str(root)


def test_scores_are_read(tmp_path):
    data = STS.load("stsb", write(tmp_path, "sts/stsb", SCORED))
    assert [(one.text, one.pair, one.target) for one in data.splits["test"]] == [("a b", "a c", 2.5), ("d", "e", 0.0)]
    assert data.labels == ("score",)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (5.2, "has the score 5.2, which is not from 0 to 5"),
        (-1, "has the score -1, which is not from 0 to 5"),
        ("2.5", "has the score '2.5', which is not a number"),
        (True, "has the score 'true', which is not a number"),
    ],
)
def test_a_score_that_cannot_be_is_refused_with_its_line(tmp_path, score, message):
    root = write(tmp_path, "sts/stsb", SCORED, dev=[*SCORED, SCORED[0] | {"score": score}])
    with pytest.raises(InputError, match=rf"dev.jsonl:3 {message}; fix it"):
        STS.load("stsb", root)
    assert STS.load("stsb", root, skip_bad=True).n_skipped == 1


def test_scores_of_ones_own_have_no_range_and_null_is_dropped(tmp_path):
    root = write(tmp_path, "sts/mine", SCORED, test=[SCORED[0] | {"score": 70}, SCORED[1] | {"score": None}, SCORED[1]])
    data = STS.load("mine", root)
    assert [one.target for one in data.splits["test"]] == [70.0, 0.0]
    assert "1 lines of test without a gold score were dropped" in data.notes


@pytest.mark.parametrize(
    ("split", "lack"),
    [
        ("train", "there is nothing to learn"),
        ("dev", "no learning rate can be chosen by it"),
        ("test", "nothing correlates with it"),
    ],
)
def test_scores_that_are_all_equal_are_refused(tmp_path, split, lack):
    root = write(tmp_path, "sts/mine", SCORED, **{split: [SCORED[0]] * 3})
    with pytest.raises(InputError, match=rf"every score of {split} of sts/mine is 2.5, so {lack}; use examples with"):
        STS.load("mine", root)


@pytest.mark.parametrize("score", [1e308, -1e38, 10**299])
def test_a_score_that_32_bits_cannot_hold_is_refused_with_its_line(tmp_path, score):
    root = write(tmp_path, "sts/mine", SCORED, train=[*SCORED, SCORED[0] | {"score": score}])
    with pytest.raises(InputError, match=r"train.jsonl:3 has the score .*, and models compute in 32 bits, which hold"):
        STS.load("mine", root)


@pytest.mark.parametrize("pair", [(1e-300, 2e-300), (1e9, 1e9 + 1)])
def test_scores_that_are_one_number_in_32_bits_are_refused(tmp_path, pair):
    rows = [row | {"score": score} for row, score in zip(SCORED, pair, strict=True)]
    with pytest.raises(
        InputError, match=r"the scores of train of sts/mine, from .* to .*, are one number in the 32 bits"
    ):
        STS.load("mine", write(tmp_path, "sts/mine", SCORED, train=rows))


def test_labels_are_read_and_sorted(tmp_path):
    data = MULTILABEL.load("mine", write(tmp_path, "multilabel/mine", LABELLED))
    assert data.labels == ("anger", "fear", "joy")
    assert data.splits["train"][0].target == ("joy", "anger")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "has no labels; if that means that none applies, say so with --task-option empty=keep"),
        (5, "has the labels '5', which are not a list"),
        ("[joy", r"has the labels '\[joy', which are not a list"),
        (" ", "has no labels; if that means"),
        ("joy;joi", "has the label 'joi', which train never has; did you mean 'joy'"),
        (["joy", 1], "has the label '1', which is a number, but 'joy' of label 1 is text"),
        (["joy", "joy"], "names a label twice"),
        ([["joy"]], "has the label .*, which is neither text nor an integer"),
        (["joi"], "has the label 'joi', which train never has; did you mean 'joy'"),
    ],
)
def test_labels_that_cannot_be_are_refused_with_their_line(tmp_path, labels, message):
    root = write(tmp_path, "multilabel/mine", LABELLED, test=[{"text": "x", "labels": labels}, *LABELLED])
    with pytest.raises(InputError, match=rf"test.jsonl:1 {message}"):
        MULTILABEL.load("mine", root)


def test_labels_may_be_written_as_text(tmp_path):
    rows = [{"text": "a b", "labels": "joy;anger"}, {"text": "d", "labels": "fear"}, {"text": "e", "labels": "['joy']"}]
    data = MULTILABEL.load("mine", write(tmp_path, "multilabel/mine", rows))
    assert [one.target for one in data.splits["train"]] == [("joy", "anger"), ("fear",), ("joy",)]


def test_values_that_are_all_wrong_are_not_taken_for_another_format(tmp_path):
    root = write(tmp_path, "multilabel/mine", LABELLED, train=[row | {"labels": 5} for row in LABELLED])
    expected = r"^none of the 2 lines of \S*train.jsonl is as expected; correct their keys or values; the first: .* not a list$"
    with pytest.raises(InputError, match=expected):
        MULTILABEL.load("mine", root)


def test_a_text_without_labels_is_kept_when_the_user_says_so(tmp_path):
    root = write(tmp_path, "multilabel/mine", [*LABELLED, {"text": "x", "labels": []}])
    data = MULTILABEL.configured({"empty": "keep"}).load("mine", root)
    assert data.splits["test"][2].target == ()
    with pytest.raises(InputError, match="the option empty of multilabel is refuse or keep, not 'yes'"):
        MULTILABEL.configured({"empty": "yes"})


def test_a_single_label_is_no_multi_label_task(tmp_path):
    root = write(tmp_path, "multilabel/mine", [{"text": "x", "labels": ["a"]}])
    with pytest.raises(InputError, match="use the family classification"):
        MULTILABEL.load("mine", root)


def test_a_missing_dev_is_cut_from_train_and_a_test_set_needs_no_train(tmp_path):
    rows = [{"text": f"a {n}", "text_pair": "b", "score": n % 5} for n in range(40)]
    root = write(tmp_path, "sts/mine", rows)
    (tmp_path / "sts" / "mine" / "dev.jsonl").unlink()
    data = STS.load("mine", root)
    assert (len(data.splits["train"]), len(data.splits["dev"])) == (36, 4)
    (tmp_path / "sts" / "mine" / "train.jsonl").unlink()
    with pytest.raises(InputError, match=r"train.jsonl is missing"):
        STS.load("mine", root)
    assert len(STS.for_testing().load("mine", root).splits["test"]) == 40


def test_a_row_without_the_key_says_so(tmp_path):
    with pytest.raises(InputError, match=r"no column of .*train.jsonl is known to be the score: .*--task-option score"):
        STS.load("mine", write(tmp_path, "sts/mine", LABELLED))


def test_what_is_written_is_read_as_the_same(tmp_path):
    for task, name, rows in ((STS, "sts/stsb", SCORED), (MULTILABEL, "multilabel/mine", LABELLED)):
        dataset = name.partition("/")[2]
        data = task.load(dataset, write(tmp_path, name, rows))
        (tmp_path / "again" / name).mkdir(parents=True)
        task.write(data, tmp_path / "again" / name)
        assert task.load(dataset, str(tmp_path / "again")).fingerprint == data.fingerprint


def parquet(folder, options, rows):
    """The files that are declared, made of these rows; returns the root of the repository."""
    for files in options["files"].values():
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Dataset.from_list(rows).to_parquet(folder / name)
    return str(folder)


def test_label_ids_of_the_hub_become_names(tmp_path):
    info = MULTILABEL_DATASETS["goemotions"]
    root = parquet(tmp_path, info.hub_options, [{"text": "wow", "labels": [27]}, {"text": "no", "labels": [2, 3]}])
    reading = Targets(Labels()).load_hub(info, root=root)
    assert [one.target for one in reading.splits["dev"]] == [("neutral",), ("anger", "annoyance")]
    assert len(reading.labels) == 28
    root = parquet(tmp_path / "bad", info.hub_options, [{"text": "wow", "labels": [28]}])
    with pytest.raises(InputError, match="has the label id 28, but only 28 are declared"):
        Targets(Labels()).load_hub(info, root=root)


def test_scores_of_the_hub_are_read_and_checked(tmp_path):
    info = STS_DATASETS["stsb"]
    files = {split: [f"{split}.parquet"] for split in ("train", "dev", "test")}
    info = replace(info, hub_options={**info.hub_options, "format": "parquet", "files": files})
    row = {"sentence1": "a", "sentence2": "b", "score": 4.75}
    reading = Targets(Score(info.score_range)).load_hub(info, root=parquet(tmp_path, info.hub_options, [row]))
    assert reading.splits["test"][0].target == 4.75
    root = parquet(tmp_path / "bad", info.hub_options, [row | {"score": 7.0}])
    with pytest.raises(InputError, match=r"row 0 of .* \(train\) has the score 7, which is not from 0 to 5"):
        Targets(Score(info.score_range)).load_hub(info, root=root)
    root = parquet(tmp_path / "none", info.hub_options, [{"sentence1": "a", "sentence2": "b"}])
    with pytest.raises(InputError, match="has no column 'score'; its columns are sentence1, sentence2"):
        Targets(Score(info.score_range)).load_hub(info, root=root)
