"""Every family with an embedded dataset runs without network, and its rows hold what statistics and people need."""

import json

import pytest

from tasks import TASKS
from tests.conftest import save_bert
from tests.processes import python

EMBEDDED = [name for name in TASKS if any(info.source == "embedded" for info in TASKS[name].datasets.values())]
TINY_OPTIONS = {
    "needle": {"lengths": "160", "depths": "0,100", "examples": "1", "distractors": "0"},
    "lm": {"tokens": "2000"},
    "recall": {
        "test": "16:2",
        "train": "as-test",
        "examples": "3",
        "train_tokens": "200",
        "vocabulary": "64",
        "width": "32",
    },
}

RUN_ALL = """
import json, os, socket, sys

opened = socket.socket

class Blocked(opened):
    def __init__(self, family=socket.AF_INET, *others, **options):
        if family not in (-1, getattr(socket, "AF_UNIX", None)):
            raise AssertionError("a socket was opened")
        super().__init__(family, *others, **options)

def no_names(*arguments, **options):
    raise AssertionError("a name was looked up")

if __name__ == "__main__":
    socket.socket, socket.getaddrinfo = Blocked, no_names
    try:
        socket.create_connection(("127.0.0.1", 9))
    except AssertionError:
        pass
    else:
        sys.exit("sockets are not blocked")
    from harness.pipelines.pipeline import run
    from harness.cells.plan import plan
    from harness.cells.request import Request

    weights, tasks = sys.argv[1], json.loads(sys.argv[2])
    for task, options in tasks.items():
        recipe = {"max_steps": 1, "train_limit": 8, "batch_size": 4, "test_limit": 40} if not task.startswith("lm/") else {}
        recipe["max_length"] = int(options.get("lengths", 64))
        of_text = not task.startswith("recall/")
        planned = plan(Request("bert", task, weights if of_text else "scratch", recipe=recipe, task_options=options))
        done = run(planned)
        print(json.dumps([task, done.record["task"], done.record["scores"], done.predictions]), flush=True)
"""


@pytest.fixture(scope="module")
def smaller_bert(tokenizer, tmp_path_factory):
    """A folder with an untrained BERT of one narrow layer, whose inputs may be long enough for a needle."""
    folder = tmp_path_factory.mktemp("weights") / "smaller-bert"
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 16}
    return save_bert(folder, tokenizer, masked_lm=True, **size, max_position_embeddings=160)


@pytest.fixture(scope="module")
def runs(smaller_bert, tmp_path_factory):
    """Record, scores and rows of one tiny run of each family."""
    script = tmp_path_factory.mktemp("offline") / "run_all.py"
    script.write_text(RUN_ALL)
    families = {f"{name}/{_embedded_dataset(name)}": TINY_OPTIONS.get(name, {}) for name in EMBEDDED}
    done = python(script, smaller_bert, json.dumps(families))
    assert done.returncode == 0, done.stderr[-2000:]
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {task.partition("/")[0]: (told, scores, rows) for task, told, scores, rows in results}


def _embedded_dataset(family):
    task = TASKS[family]
    if task.datasets[task.default_dataset].source == "embedded":
        return task.default_dataset
    return next(name for name, info in task.datasets.items() if info.source == "embedded")


def test_the_families_with_embedded_data_are_those_of_the_mission():
    assert {"ner", "span", "nli", "needle", "retrieval"} <= set(EMBEDDED)


@pytest.mark.parametrize("family", EMBEDDED)
def test_an_embedded_family_runs_with_sockets_blocked(runs, family):
    told, scores, _ = runs[family]
    assert told["origin"] == "embedded"
    assert told["n_train"] == (0 if family == "lm" else 8)  # a probe trains nothing
    assert set(scores["test"]) >= {TASKS[family].metric}


@pytest.mark.parametrize("family", EMBEDDED)
def test_the_terms_of_the_rows_add_up_to_the_main_metric(runs, family):
    told, scores, rows = runs[family]
    for split in ("dev", "test"):
        terms = [row["terms"] for row in rows if row["split"] == split]
        assert len(terms) == told[f"n_{split}"]
        assert terms or (family, split) == ("lm", "dev")
        if not terms:
            continue
        numerator, denominator = (sum(side) for side in zip(*terms, strict=True))
        value = numerator / denominator if denominator else 0.0
        assert value == pytest.approx(scores[split][TASKS[family].metric], abs=1e-12)


@pytest.mark.parametrize("family", EMBEDDED)
def test_rows_say_what_was_asked_what_is_right_and_what_was_said(runs, family):
    _, _, rows = runs[family]
    asked = {"ner": "tokens", "span": "question", "nli": "text", "needle": "question", "retrieval": "query"}
    for row in rows[:: max(1, len(rows) // 50)]:
        assert {"id", "gold", "predicted", "terms", "split"} <= set(row)
        assert row[asked.get(family, "id")]


@pytest.mark.parametrize("family", EMBEDDED)
def test_embedded_sets_share_little_between_train_and_what_is_scored(runs, family):
    overlap = runs[family][0]["overlap"]
    assert set(overlap) == {"dev", "test"}
    assert all(0 <= share < 0.02 for share in overlap.values())
