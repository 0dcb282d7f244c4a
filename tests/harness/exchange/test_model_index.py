"""A run as model-card metadata, read back by the hub's own library."""

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from harness.cli import run_command
from harness.comparison.intervals import interval_over_seeds
from harness.store import Key, Store
from tests.records import run_record


def a_run(key, dataset="ner/wnut17", origin="leondz/wnut_17@07e3f05", model="bert", seed=0, score=0.5, **changes):
    scores = {"entity_f1_strict": score, "entity_f1_conll": 0.625, "entity_f1_strict.person": 0.7}
    return run_record(
        model,
        dataset,
        seed,
        key=key,
        model={"size": "base", "weights": "hub"},
        task={"origin": origin, "fingerprint": "f" * 64, "metric": "entity_f1_strict"},
        scores={"dev": scores, "test": scores},
        command=f"python -m harness run --model bert --task ner/wnut17 --seed {seed} --data-dir /home/alice/data",
        **changes,
    )


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    for record in (
        a_run("aaaa1111"),
        a_run("aaaa2222", "span/docstrings", "embedded"),
        a_run("bbbb3333", model="roberta"),
        a_run("cccc4444", recipe={"batch_size": 7}),
    ):
        store.write(Key.of(record), record, None)
    return store


def exported(capsys, *arguments):
    code = run_command(["export", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_runs_of_several_seeds_are_one_median_with_its_interval_and_every_command(tmp_path, capsys):
    store = Store(tmp_path / "store")
    for seed, score in enumerate((0.5, 0.7, 0.55)):
        record = a_run(f"aaaa{seed}", seed=seed, score=score)
        store.write(Key.of(record), record, None)
    folders = sorted(store.folder.glob("*aaaa*"))
    code, card, error = exported(capsys, "model-index", *folders, "--out", store.folder)
    assert (code, error) == (0, "")
    data = ModelCard(card, ignore_metadata_errors=False).data
    main, other = sorted(data.eval_results, key=lambda one: one.metric_type, reverse=True)
    assert main.metric_value == 0.55
    assert main.metric_args["scores"] == [0.5, 0.7, 0.55]
    assert main.metric_args["statistic"] == "median over 3 runs"
    _, low, high = interval_over_seeds([0.5, 0.7, 0.55])
    assert main.metric_args["interval_95"] == pytest.approx([low, high], abs=1e-6)
    assert main.metric_args["seeds"] == [0, 1, 2]
    assert main.metric_args["commands"][2].endswith("--seed 2 --data-dir DIR")
    assert "alice" not in card
    assert other.metric_value == 0.625
    assert "commands" not in other.metric_args


@pytest.mark.parametrize(
    "command",
    [
        "python -m harness run --model bert --task ner/wnut17 --seed 7",
        "python -m harness run --model roberta --task ner/wnut17",
        "python -m harness run --model bert --task span/squad",
        "python -m harness run --model bert --task ner/wnut17 --lr 0.5",
        "python -m harness run --model bert --task ner/wnut17 --no-such-option",
        "python -m harness run --model bert --task ner/wnut17 --lr much",
        "rm -rf /",
        "'",
    ],
)
def test_a_command_that_does_not_repeat_the_run_is_not_on_the_card_and_that_is_said(tmp_path, capsys, command):
    store = Store(tmp_path / "store")
    record = a_run("aaaa1111") | {"command": command}
    store.write(Key.of(record), record, None)
    code, card, error = exported(capsys, "aaaa1111", "--out", store.folder)
    assert code == 0
    assert "command" not in card
    assert "does not ask for this run" in error


def test_the_card_is_valid_and_says_the_scores(store, capsys):
    code, card, _ = exported(capsys, "aaaa1", "--out", store.folder)
    assert code == 0
    data = ModelCard(card + "\n# A model\n", ignore_metadata_errors=False).data
    assert data.model_name == "bert-base"
    results = {result.metric_type: result for result in data.eval_results}
    assert set(results) == {"entity_f1_strict", "entity_f1_conll"}
    main = results["entity_f1_strict"]
    assert main.metric_value == 0.5
    assert main.task_type == "token-classification"
    assert (main.dataset_type, main.dataset_revision, main.dataset_split) == ("leondz/wnut_17", "07e3f05", "test")
    assert main.dataset_args == {"fingerprint": "f" * 64}
    name, again = model_index_to_eval_results(data.to_dict()["model-index"])
    assert name == "bert-base"
    assert again == data.eval_results


@pytest.mark.parametrize(
    ("weights", "name"),
    [
        ("runs/bert-mrpc/checkpoint-500", "bert-mrpc"),
        ("runs/mrpc/checkpoint-500", "bert-mrpc"),
        ("cache/models--OWNER--bert-mine/snapshots/0123456789abcdef0123456789abcdef01234567", "OWNER/bert-mine"),
        ("tiny-pretrained", "bert-tiny-pretrained"),
    ],
)
def test_the_card_names_a_folder_of_weights_as_the_tables_do(tmp_path, capsys, weights, name):
    store = Store(tmp_path / "store")
    record = a_run("aaaa1111")
    record = record | {"model": record["model"] | {"weights": weights}}
    store.write(Key.of(record), record, None)
    code, card, _ = exported(capsys, "aaaa1111", "--out", store.folder)
    assert code == 0
    assert ModelCard(card).data.model_name == name


def test_several_runs_of_a_model_make_one_card(store, capsys):
    folder = next(store.folder.glob("*aaaa2222"))
    code, card, _ = exported(capsys, "aaaa1111", folder, "--model-name", "my/model", "--out", store.folder)
    assert code == 0
    data = ModelCard(card, ignore_metadata_errors=False).data
    assert data.model_name == "my/model"
    assert {result.dataset_type for result in data.eval_results} == {"leondz/wnut_17", "span/docstrings"}
    assert {result.task_type for result in data.eval_results} == {"token-classification", "question-answering"}


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        (["dddd"], "is neither a run's folder nor the key of a run"),
        (["../.."], "is neither a run's folder nor the key of a run"),
        (["aaaa"], "2 runs in"),
        (["aaaa1111", "bbbb3333"], "these runs are of bert-base, roberta-base"),
        (["aaaa1111", "cccc4444"], "two of the runs are on ner/wnut17 and differ in more than their seed"),
        (["model-index"], "a model card is of chosen runs"),
    ],
)
def test_what_is_no_card_is_refused(store, capsys, runs, sentence):
    code, out, error = exported(capsys, *runs, "--out", store.folder)
    assert (code, out) == (2, "")
    assert sentence in error
    assert error.count("\n") == 1
