"""Copies of hub datasets: read as the same examples, whole or not at all, and knowing where they are from."""

import hashlib
import json
from pathlib import Path

import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cli import run_command
from harness.errors import InputError
from tasks import TASKS
from tasks.data import SPLITS
from tasks.ner import NER
from tasks.sources.formats import conll, jsonl, squad
from tasks.sources.formats.writing import write_conll, write_jsonl, write_squad
from tasks.sources.hub import rows as hub
from tasks.sources.hub.copies import SOURCE, copy_from_hub
from tasks.sources.labelled_text import LabelledText
from tasks.sources.question import Answer, Question
from tasks.sources.sentence import Sentence
from tasks.sources.splits import fingerprint

CONTEXT = "Ada lived in London. “Où?” asked Alan."
ANSWERS = [{"text": ["London"], "answer_start": [13]}, {"text": [], "answer_start": []}]
ROWS = {
    "ner/wnut17": lambda n: {"tokens": ["Ada", "slept", f"x{n}"], "ner_tags": [9, 0, 5]},
    "ner/ontonotes5": lambda n: {"tokens": ["Ada", f"x{n}"], "tags": [4, 0]},
    "span/squad": lambda n: {
        "id": f"q{n}",
        "title": f"T{n // 4}",
        "context": CONTEXT,
        "question": f"Where {n}?",
        "answers": ANSWERS[0],
    },
    "span/squad_v2": lambda n: {
        "id": f"q{n}",
        "title": f"T{n // 4}",
        "context": f"{CONTEXT} {n // 3}",
        "question": "?",
        "answers": ANSWERS[n % 2],
    },
    "span/record": lambda n: {
        "passage": "Ada met Alan. Ada left.",
        "query": "@placeholder left.",
        "entities": ["Ada", "Alan"],
        "answers": ["Ada"],
        "entity_spans": {"text": ["Ada", "Alan", "Ada"], "start": [0, 8, 14], "end": [3, 12, 17]},
        "idx": {"passage": n, "query": 7},
    },
    "nli/mnli": lambda n: {"premise": f"It rains {n}.", "hypothesis": "It is wet.\n", "label": n % 4 - 1},
    "nli/snli": lambda n: {"premise": f"A dog {n}", "hypothesis": "An animal", "label": n % 3},
    "classification/sst2": lambda n: {"sentence": f"good {n} ", "label": n % 2},
    "classification/qqp": lambda n: {"question1": f"What {n}?", "question2": "" if n == 7 else "Why?", "label": n % 2},
}


@pytest.fixture
def the_hub(tmp_path, monkeypatch):
    """A folder takes the place of the hub: the repositories of `ROWS`, at their pinned commits."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "hub"
    for name, row in ROWS.items():
        family, _, dataset = name.partition("/")
        info = TASKS[family].datasets[dataset]
        for split, files in info.hub_options["files"].items():
            rows = [row(n) for n in range(60 if split == "train" else 10)]
            for file in files:
                path = root / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                if info.hub_options["format"] == "json":
                    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
                else:
                    Dataset.from_list(rows).to_parquet(path)

    def load_rows(info, revision, repository=None):
        [name] = [name for name in ROWS if TASKS[name.partition("/")[0]].datasets.get(name.partition("/")[2]) is info]
        return load(info, revision, str(root / name))

    load = hub.load_rows
    monkeypatch.setattr(hub, "load_rows", load_rows)
    return root


@pytest.mark.parametrize("name", ROWS)
def test_a_copy_is_read_as_the_hubs_rows_are(the_hub, tmp_path, name):
    family, _, dataset = name.partition("/")
    task = TASKS[family]
    done = copy_from_hub(task, dataset, tmp_path / "data")
    assert done.folder == tmp_path / "data" / family / dataset
    assert "not quite" not in done.message
    ours, theirs = task.load(dataset, str(tmp_path / "data")), task.load(dataset, None)
    assert ours.fingerprint == theirs.fingerprint
    assert {split: len(ours.splits[split]) for split in SPLITS} == {s: len(theirs.splits[s]) for s in SPLITS}
    info = task.datasets[dataset]
    assert ours.notes[0] == f"copied from {info.hub_id}@{info.revision}"
    assert set(theirs.notes) <= set(ours.notes)  # that dev was cut from train, say
    source = json.loads((done.folder / SOURCE).read_text())
    assert (source["hub_id"], source["revision"], source["licence"]) == (info.hub_id, info.revision, info.licence)
    for file, digest in source["sha256"].items():
        assert hashlib.sha256((done.folder / file).read_bytes()).hexdigest() == digest
    assert len(source["sha256"]) == 3


def test_other_users_may_read_a_copy(the_hub, tmp_path, closed_to_others):
    copy_from_hub(NER, "wnut17", tmp_path / "data")
    assert closed_to_others(tmp_path / "data") == set()


def test_the_command_fills_a_folder_and_leaves_what_is_there_alone(the_hub, tmp_path, capsys):
    data_dir = tmp_path / "data"
    arguments = ["fetch", "nli/snli", "span", "ner/wnut17", "--data-dir", str(data_dir)]
    assert run_command(arguments) == 0
    said = capsys.readouterr().out
    assert "nli/snli: stanfordnlp/snli@" in said
    assert "span/docstrings is built from installed packages: nothing needs fetching" in said
    assert sorted(str(path.relative_to(data_dir)) for path in data_dir.glob("*/*")) == ["ner/wnut17", "nli/snli"]
    (data_dir / "nli" / "snli" / "mine.txt").write_text("mine")
    assert run_command(arguments) == 2
    assert "already exists; --force replaces it" in capsys.readouterr().err
    assert (data_dir / "nli" / "snli" / "mine.txt").is_file()
    assert run_command([*arguments, "--force"]) == 0
    assert not (data_dir / "nli" / "snli" / "mine.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fetch", "nli/snl", "--data-dir", "x"], "there is no dataset nli/snl; did you mean 'snli'"),
        (["fetch", "nil/snli", "--data-dir", "x"], "there is no task called 'nil'; did you mean 'nli'"),
        (["fetch", "nli/snli"], "fetch needs the folder to fill"),
        (["fetch", "nli/hf:a/b", "--data-dir", "x"], "run `hf download a/b --repo-type dataset`"),
        (["fetch"], "the following arguments are required: TASK"),
    ],
)
def test_what_cannot_be_fetched_is_told(arguments, sentence, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)
    assert run_command(arguments) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_nothing_half_written_stays(the_hub, tmp_path, monkeypatch):
    def write_one_file(splits, folder):
        (folder / "train.conll").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tasks.ner.write_conll", write_one_file)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device"):
        copy_from_hub(NER, "wnut17", tmp_path / "data")
    assert not list((tmp_path / "data" / "ner").iterdir())


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)
LABELS = st.sampled_from(["yes", "no"])


def _twice(examples):
    return {"train": examples, "dev": examples[:1], "test": examples}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(WORDS.filter(lambda w: not w.startswith("-DOCSTART-")), min_size=1), min_size=1, max_size=4))
def test_any_sentences_are_read_as_they_were_written(tmp_path_factory, sentences):
    folder = tmp_path_factory.mktemp("x")
    splits = _twice([Sentence(tuple(words), ("B-X",) * len(words), "0") for words in sentences])
    write_conll(splits, folder)
    assert fingerprint(conll.load(folder)[0]) == fingerprint(splits)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, st.booleans()), min_size=1, max_size=5))
def test_any_questions_are_read_as_they_were_written(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("x")
    questions = [
        Question(str(n), question.strip(), context, (Answer(context, 0),) * has, f"T{n // 2}")
        for n, (question, context, has) in enumerate(rows)
    ]
    write_squad(_twice(questions), folder)
    assert squad.load(folder).splits == _twice(questions)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS, LABELS), min_size=1, max_size=5))
def test_any_labelled_texts_are_read_as_they_were_written(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("x")
    examples = [LabelledText("a", None, "yes", ""), LabelledText("a", None, "no", "")]
    splits = _twice(examples + [LabelledText(*row, "") for row in rows])
    write_jsonl(splits, folder, ("text", "text_pair"))
    assert fingerprint(jsonl.load(folder).splits) == fingerprint(splits)


def test_a_source_file_that_is_damaged_is_passed_over(tmp_path):
    write_jsonl(
        _twice([LabelledText("a", None, "yes", ""), LabelledText("b", None, "no", "")]), tmp_path, ("text", "p")
    )
    for damaged in ("{", "[]", '{"hub_id": "a"}'):
        Path(tmp_path / SOURCE).write_text(damaged)
        assert jsonl.load(tmp_path).notes == []
