"""Span extraction and classification through the one pipeline, on small worlds that a small encoder can learn."""

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.errors import InputError
from harness.pipelines.pipeline import run
from tasks.metrics import answer_scores, classification_scores

SIZES = {"train": 400, "dev": 60, "test": 80}
CITIES = ["Paris", "Oslo", "New York", "San Marino"]
PEOPLE = ["Ada", "Grace", "Alan", "Edsger"]
FILLER = "the in to of saw met near with a train left river walked and then said very old house".split()  # noqa: SIM905


def squad_file(seed, size, impossible):
    """Filler words around at most one city, which is the answer."""
    random = np.random.default_rng(seed)
    paragraphs = []
    for number in range(size):
        words = list(random.choice(FILLER, size=int(random.integers(4, 14))))
        answers = []
        if random.random() >= impossible:
            place, city = int(random.integers(0, len(words))), str(random.choice(CITIES))
            answers = [{"text": city, "answer_start": len(" ".join([*words[:place], ""])) if place else 0}]
            words.insert(place, city)
        qa = {"id": str(number), "question": "Where was that?", "answers": answers}
        paragraphs.append({"context": " ".join(words), "qas": [qa]})
    return json.dumps({"data": [{"title": "small", "paragraphs": paragraphs}]})


def pairs_file(seed, size):
    """A pair is `same` when its hypothesis names a city, and `other` when it names a person."""
    random = np.random.default_rng(seed)
    lines = []
    for _ in range(size):
        label = str(random.choice(["same", "other"]))
        name = str(random.choice(CITIES if label == "same" else PEOPLE))
        premise, hypothesis = (list(random.choice(FILLER, size=5)) for _ in range(2))
        hypothesis.insert(int(random.integers(0, 5)), name)
        lines.append(json.dumps({"premise": " ".join(premise), "hypothesis": " ".join(hypothesis), "label": label}))
    return "\n".join(lines)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    root = tmp_path_factory.mktemp("worlds")
    for folder in ("qa/places", "qa/perhaps", "nli/names"):
        (root / folder).mkdir(parents=True)
    for seed, (split, size) in enumerate(SIZES.items()):
        (root / "qa" / "places" / f"{split}.json").write_text(squad_file(seed, size, 0))
        (root / "qa" / "perhaps" / f"{split}.json").write_text(squad_file(seed, size, 0.4))
        (root / "nli" / "names" / f"{split}.jsonl").write_text(pairs_file(seed, size))
    return root


def run_small(small_bert, worlds, task, **options):
    recipe = {"learning_rate": 5e-3, "epochs": 8, "max_length": 48, "batch_size": 16} | options
    planned = plan(Request("bert", task, str(small_bert), data_dir=str(worlds), recipe=recipe))
    return run(planned)


def test_spans_are_learned_and_rows_agree_with_the_score(small_bert, worlds):
    done = run_small(small_bert, worlds, "span/places")
    scores = done.record["scores"]["test"]
    assert scores["answer_f1"] > 0.9
    assert set(scores) == {"exact_match", "answer_f1"}
    assert done.record["tuned"] == {}
    rows = [row for row in done.predictions if row["split"] == "test"]
    assert answer_scores([row["predicted"] for row in rows], [row["gold"] for row in rows]) == scores
    assert json.loads(json.dumps(done.predictions, allow_nan=False))[0]["start"] is not None


def test_whether_there_is_an_answer_is_decided_by_a_threshold_of_dev(small_bert, worlds):
    done = run_small(small_bert, worlds, "span/perhaps")
    scores = done.record["scores"]["test"]
    assert scores["answer_f1.has_answer"] > 0.8
    assert scores["exact_match.no_answer"] > 0.8
    threshold = done.record["tuned"]["no_answer_threshold"]
    for row in done.predictions:
        assert bool(row["predicted"]) == (row["score"] > threshold)
        assert (row["start"] is None) == (row["predicted"] == "")


def test_relations_are_learned_and_rows_agree_with_the_score(small_bert, worlds):
    done = run_small(small_bert, worlds, "nli/names", epochs=5)
    scores = done.record["scores"]["test"]
    assert scores["accuracy"] > 0.9
    rows = [row for row in done.predictions if row["split"] == "test"]
    without_confidence = {name: score for name, score in scores.items() if name not in ("ece", "brier")}
    found = classification_scores([row["gold"] for row in rows], [row["predicted"] for row in rows])
    assert found == without_confidence
    assert done.record["task"]["metric"] == "accuracy"


def test_malformed_examples_are_refused_or_counted_in_the_record(small_bert, worlds, tmp_path):
    folder = tmp_path / "nli" / "names"
    folder.mkdir(parents=True)
    for split in SIZES:
        (folder / f"{split}.jsonl").write_text((worlds / "nli" / "names" / f"{split}.jsonl").read_text() + "\n{}\n")
    options = {"max_steps": 1, "max_length": 48, "train_limit": 20}
    with pytest.raises(InputError, match=r"train.jsonl:401 has neither 'premise'"):
        run_small(small_bert, tmp_path, "nli/names", **options)
    planned = plan(Request("bert", "nli/names", str(small_bert), data_dir=str(tmp_path), recipe=options))
    cell = replace(planned.cell, skip_bad=True)
    assert cell.key == planned.cell.key
    record = run(replace(planned, cell=cell)).record
    assert record["task"]["n_skipped"] == 3
    assert len(record["task"]["notes"]) == 3
    assert record["task"]["n_test"] == SIZES["test"]


def test_the_threshold_of_dev_decides_on_other_test_sets_too(small_bert, worlds, tmp_path):
    (tmp_path / "qa").mkdir()
    (tmp_path / "qa" / "perhaps").symlink_to(worlds / "qa" / "perhaps")
    (tmp_path / "qa" / "elsewhere").mkdir()
    (tmp_path / "qa" / "elsewhere" / "test.json").write_text(squad_file(9, 30, 0.5))
    recipe = {"learning_rate": 5e-3, "max_steps": 10, "max_length": 48, "batch_size": 16}
    request = Request(
        "bert", "span/perhaps", str(small_bert), data_dir=str(tmp_path), recipe=recipe, test=("span/elsewhere",)
    )
    done = run(plan(request))
    (test,) = done.record["tests"]
    rows = [row for row in done.predictions if row.get("test_set") == "span/elsewhere"]
    assert answer_scores([row["predicted"] for row in rows], [row["gold"] for row in rows]) == test["scores"]
    assert all(bool(row["predicted"]) == (row["score"] > done.record["tuned"]["no_answer_threshold"]) for row in rows)
