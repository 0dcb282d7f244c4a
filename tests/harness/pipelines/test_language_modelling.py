"""Probes through the command: rigged and random weights, weights without a head, keys, and what compare and report make of them."""

import json
import random

import pytest
import torch
from transformers import AutoConfig, BertForMaskedLM

from harness.cells.plan import plan, plan_all
from harness.cells.request import Request
from harness.cli import run_command
from harness.store import Store
from tests.conftest import FILLER, save_bert
from tests.harness.pretraining.conftest import SMALL, texts


@pytest.fixture(scope="module")
def probes(tmp_path_factory):
    """A data folder: pairs that differ in one word, pairs of two random sentences, and a text."""
    root, chance = tmp_path_factory.mktemp("probes"), random.Random(0)
    for name in ("words", "swapped", "random"):
        (root / "lm" / name).mkdir(parents=True)
    lines = {"words": [], "swapped": [], "random": []}
    for number in range(300):
        words = chance.choices([word for word in FILLER if word not in ("river", "train")], k=6)
        good, bad = (" ".join([*words[:3], word, *words[3:]]) for word in ("river", "train"))
        if number < 40:
            lines["words"].append({"sentence_good": good, "sentence_bad": bad})
            lines["swapped"].append({"sentence_good": bad, "sentence_bad": good})
        pair = [" ".join(chance.choices(FILLER, k=7)) for _ in range(2)]
        lines["random"].append({"sentence_good": pair[0], "sentence_bad": pair[1]})
    for name, rows in lines.items():
        (root / "lm" / name / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (root / "lm" / "text.txt").write_text(texts(5, 60))
    return root


@pytest.fixture(scope="module")
def masked_bert(tokenizer, tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("mlm") / "bert", tokenizer, masked_lm=True, initializer_range=0.2)


@pytest.fixture
def run(probes, tmp_path, capsys):
    """Runs a probe; gives its record, or what the command said where it did not end well."""

    def of(weights, task, *options, model="bert", code=0):
        before = {record["key"] for record in Store(tmp_path / "s").records()}
        words = [
            "run",
            "--model",
            model,
            "--weights",
            weights,
            "--task",
            task,
            "--data-dir",
            probes,
            "--out",
            tmp_path / "s",
        ]
        assert (
            run_command([str(word) for word in [*words, "--max-length", "32", "--precision", "fp32", *options]]) == code
        )
        said = capsys.readouterr()
        if code:
            assert "Traceback" not in said.err
            return said.err
        (record,) = (record for record in Store(tmp_path / "s").records() if record["key"] not in before)
        return record

    return of


def test_a_rigged_model_prefers_every_good_sentence(run, masked_bert, tokenizer, tmp_path):
    model = BertForMaskedLM.from_pretrained(masked_bert)
    (word,) = tokenizer("river", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        model.cls.predictions.bias[word] += 30
    model.save_pretrained(tmp_path / "rigged")
    tokenizer.save_pretrained(tmp_path / "rigged")
    assert run(tmp_path / "rigged", "lm/words")["scores"]["test"]["accuracy"] == 1.0
    assert run(tmp_path / "rigged", "lm/swapped")["scores"]["test"]["accuracy"] == 0.0


def test_random_weights_are_at_chance(run, masked_bert):
    record = run(masked_bert, "lm/random")
    assert record["scores"]["test"]["accuracy"] == pytest.approx(0.5, abs=0.1)
    assert record["scores"]["dev"] == {}
    assert (record["task"]["n_test"], record["recipe"]["epochs"]) == (300, 0)


def test_the_rows_give_the_metric(run, masked_bert, tmp_path):
    for task in ("lm/random", "lm/text"):
        record = run(masked_bert, task)
        rows = Store(tmp_path / "s").predictions(record)
        numerator, denominator = (sum(side) for side in zip(*(row["terms"] for row in rows), strict=True))
        assert numerator / denominator == pytest.approx(record["scores"]["test"][record["task"]["metric"]])


def test_the_loss_is_the_held_out_loss_that_pretraining_records(run, tokenizer, tmp_path, probes, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.txt").write_text(texts(0, 100))
    (corpus / "heldout.txt").write_text((probes / "lm" / "text.txt").read_text())
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    words = [
        "pretrain",
        "--model",
        "modernbert",
        "--tokens",
        "2K",
        "--batch-tokens",
        "256",
        "--rows",
        "32",
        "--corpus",
        corpus,
    ]
    words += [f"--model-option={name}={value}" for name, value in SMALL["modernbert"].items()]
    words += ["--tokenizer", tmp_path / "tokenizer", "--out", tmp_path / "out", "--store", tmp_path / "pretrained"]
    assert run_command([str(word) for word in [*words, "--eval-tokens", "1024", "--precision", "fp32"]]) == 0
    theirs = json.loads((tmp_path / "out" / "pretraining.json").read_text())["scores"]["heldout"]
    ours = run(tmp_path / "out", "lm/text", "--task-option", "tokens=1024", model="modernbert")["scores"]["test"]
    for name in ("loss", "bits_per_byte", "accuracy"):
        assert ours[name] == pytest.approx(theirs[name], rel=1e-5)


@pytest.mark.parametrize("task", ["lm/text", "lm/words"])
def test_weights_without_a_head_end_in_one_sentence(run, small_bert, task):
    assert f"{small_bert} has no masked-LM head" in run(small_bert, task, code=2)
    assert "bert from scratch has no masked-LM head" in run("scratch", task, code=2)


def test_a_tokenizer_without_a_mask_token_is_refused(run, masked_bert, tokenizer, tmp_path):
    from transformers import AutoTokenizer

    maskless = AutoTokenizer.from_pretrained(masked_bert)
    maskless.mask_token = None
    BertForMaskedLM.from_pretrained(masked_bert).save_pretrained(tmp_path / "maskless")
    maskless.save_pretrained(tmp_path / "maskless")
    assert "has no mask token" in run(tmp_path / "maskless", "lm/words", code=2)


def test_nothing_is_trained_and_nothing_is_cut(run, masked_bert):
    assert "has nothing to train on" in run(masked_bert, "lm/words", "--epochs", "1", code=2)
    said = run(masked_bert, "lm/words", "--max-length", "8", code=2)
    assert "tokens and would be cut at 8; raise --max-length" in said
    assert "takes at most 64 tokens, not 65" in run(masked_bert, "lm/words", "--max-length", "65", code=2)


def test_what_decides_the_score_is_in_the_key(masked_bert, probes):
    def key(task="lm/words", **given):
        return plan(Request("bert", task, str(masked_bert), data_dir=str(probes), **given)).cell.key

    assert key(recipe={"learning_rate": 1.0, "batch_size": 3}) == key()
    changed = [
        key(),
        key(task="lm/random"),
        key(task="lm/text"),
        key(recipe={"max_length": 16}),
        key(task_options={"pairs": "3"}),
        key(task="lm/text", task_options={"tokens": "64"}),
    ]
    assert len(set(changed)) == len(changed)


def test_a_sweep_leaves_out_what_has_no_head(probes, masked_bert):
    requests = [Request("bert", "lm/words", weights, data_dir=str(probes)) for weights in ("scratch", str(masked_bert))]
    cells, (unsuited,) = plan_all(requests)
    assert [cell.cell.weights for cell in cells] == [str(masked_bert)]
    assert "has no masked-LM head" in unsuited.reason


def test_compare_and_report_read_probes_of_two_models(run, masked_bert, tokenizer, tmp_path, capsys):
    other = save_bert(tmp_path / "other", tokenizer, masked_lm=True, num_hidden_layers=1, initializer_range=0.3)
    assert AutoConfig.from_pretrained(other).num_hidden_layers == 1
    for task in ("lm/text", "lm/random"):
        for weights in (masked_bert, other):
            run(weights, task)
    store = str(tmp_path / "s")
    assert run_command(["compare", f"bert@{masked_bert}", f"bert@{other}", "--out", store]) == 0
    said = capsys.readouterr().out
    assert "bits_saved" in said
    assert "accuracy" in said
    assert run_command(["report", "--out", store, "--report", str(tmp_path / "report")]) == 0


def test_the_list_names_each_metric(capsys):
    assert run_command(["list", "tasks", "--json"]) == 0
    found = {row["task"]: row["metric"] for row in json.loads(capsys.readouterr().out)["tasks"]}
    assert found["lm/docstrings"] == "bits_saved"
    assert found["lm/blimp"] == found["lm/docstring_pairs"] == "accuracy"
