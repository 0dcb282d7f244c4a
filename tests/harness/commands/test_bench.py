"""The command `bench` as a user meets it."""

import json
import subprocess
from pathlib import Path

import pytest

from harness.cli import run_command
from tests.processes import harness


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--lengths", "512,128"], "lengths must increase, and 128 follows 512"),
        (["--lengths", "0"], "at least 1 token"),
        (["--lengths", "10000000000"], "too long"),
        (["--models", "brt"], "there is no model called 'brt'; did you mean 'bert'"),
        (["--models", ""], "--models takes names"),
        (["--size", "giant"], "has no size 'giant'"),
        (["--attn", "flash"], "invalid choice: 'flash'"),
        (["--mode", "both"], "invalid choice: 'both'"),
        (["--batch-size", "0"], "--batch-size must be at least 1"),
        (["--batch-size", "4", "--tokens-per-batch", "4096"], "not allowed with argument"),
        (["--tokens-per-batch", "100"], "holds no text of 128 tokens"),
        (["--batch-size", "999999999"], "fits no machine"),
        (["--point-timeout", "0"], "--point-timeout must be at least 1 s"),
        (["--point-timeout", "nan"], "--point-timeout must be a finite number, not nan"),
        (["--memory-limit", "-1"], "--memory-limit must be at least 1 MiB"),
        (["--min-repetitions", "0"], "--min-repetitions must be at least 1"),
        (["--min-seconds", "1000"], "must be from 0 to below the point timeout"),
        (["--threads", "100000"], "--threads must be from 1 to"),
        (["--threads", "0"], "--threads must be from 1 to"),
        (["--models", "bert", "--baseline", "modernbert"], "the baseline modernbert is not measured"),
        (["--engine", "tensorrt"], "there is no engine 'tensorrt'; choose from torch, compile, onnxruntime, openvino"),
        (["--quantize", "int4"], "there is no quantisation 'int4'"),
        (["--quantize", "int8", "--mode", "training"], "--mode training runs in torch without quantisation"),
        (["--quantize", "int8", "--precision", "bf16"], "use --quantize bf16"),
        (["--batch-sizes", "1,many"], "--batch-sizes takes whole numbers"),
        (["--batch-sizes", "1,8", "--batch-size", "4"], "not allowed with argument"),
        (["--texts", "missing.txt"], "there is no file missing.txt"),
        (["--model", "./nowhere"], "there is no folder ./nowhere"),
        (["--length", "128"], "there is no option --length; did you mean '--lengths'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(arguments, sentence, tmp_path, capsys):
    assert run_command(["bench", "--out", str(tmp_path / "out"), *arguments]) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.err.strip().count("\n") == 0
    assert printed.out == ""


def test_flash_attention_without_a_gpu_is_refused_before_the_first_point(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert run_command(["bench", "--out", str(tmp_path / "out"), "--attn", "flash_attention_2"]) == 2
    assert "flash_attention_2 needs an NVIDIA GPU; use --attn best" in capsys.readouterr().err


def bench(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    quick = [
        "--models",
        "bert",
        "--threads",
        "1",
        "--min-repetitions",
        "2",
        "--min-seconds",
        "0",
        "--precision",
        "fp32",
    ]
    return harness("bench", *quick, "--out", out, *arguments)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "runs"
    return out, bench(out, "--lengths", "16,600")


def test_a_bench_measures_says_how_and_draws(finished):
    out, done = finished
    assert done.returncode == 0, done.stderr
    first = done.stderr.splitlines()[0]
    assert "2 points: bert tiny, scratch weights, inference, fp32, best attention, 1 thread on" in first
    assert "beyond_max_length" in done.stdout
    assert len(list(out.glob("*/run.json"))) == 2
    drawn = {file.name.rpartition("-")[2] for file in (out / "bench").iterdir()}
    assert {"throughput.png", "throughput.svg", "latency.png", "memory.svg", "1.csv", "1.md"} <= drawn


def test_again_it_takes_the_points_from_the_store_and_json_is_a_line_a_point(finished):
    out, _ = finished
    again = bench(out, "--lengths", "16,600", "--json")
    assert again.returncode == 0, again.stderr
    assert "matrix products at" not in again.stderr
    lines = [json.loads(line) for line in again.stdout.splitlines()]
    assert [(line["kind"], line["status"]) for line in lines] == [("bench", "ok"), ("bench", "beyond_max_length")]
    assert [line["point"]["attention_used"] for line in lines] == ["local", None]
    stored = [json.loads(file.read_text()) for file in out.glob("*/run.json")]
    # The digest is the file's own.
    assert all(any(line.items() <= record.items() for record in stored) for line in lines)


def test_a_point_that_fails_unexpectedly_is_exit_1_and_one_sentence(tmp_path):
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "from dataclasses import replace\nfrom models import MODELS\n"
        "MODELS.register('broken')(replace(MODELS['bert'], name='broken', model='nowhere:Model'))\n"
    )
    done = bench(tmp_path / "runs", "--plugin", str(plugin), "--models", "broken", "--lengths", "8", "--json")
    assert done.returncode == 1, done.stderr
    assert "1 of 1 point failed: nowhere:Model, which the encoder declares, cannot be imported" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["status"] == "failed"
