"""The command line as a user meets it: exit codes, sentences, what goes to stdout and what to stderr."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import run_command
from harness.store import Store
from tests.processes import harness

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def small_run(small_bert, data_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    arguments = ["run", "--model", "bert", "--task", "ner/cities", "--data-dir", data_dir, "--weights", small_bert]
    arguments += ["--lr", "3e-3", "--max-steps", "5", "--max-length", "64", "--out", out]
    return arguments, harness(*arguments), out


def test_a_run_prints_the_answer_on_stdout_and_says_what_it_ran_first(small_run):
    _, done, out = small_run
    assert done.returncode == 0, done.stderr
    assert "ner/cities" in done.stderr.splitlines()[0]
    assert "small-bert" in done.stderr.splitlines()[0]
    assert "entity_f1_strict" in done.stdout
    record = next(out.glob("*/run.json"))
    assert str(record) in done.stdout
    assert "python -m harness run --model bert" in done.stdout
    assert len(list(out.iterdir())) == 1


def test_the_same_cell_again_comes_from_the_store_and_json_is_one_line(small_run):
    arguments, _, out = small_run
    again = harness(*arguments, "--json")
    assert "the store already has this run" in again.stderr
    assert json.loads(again.stdout) == next(Store(out).records())
    assert again.stdout.count("\n") == 1


def test_the_printed_command_repeats_the_run(small_run):
    _, done, out = small_run
    command = next(line for line in done.stdout.splitlines() if line.startswith("repeat")).split(maxsplit=4)[4]
    again = harness(*command.split(), "--out", out)
    assert "the store already has this run" in again.stderr, again.stderr


def test_force_runs_it_anew_and_removes_what_a_killed_run_left_long_ago(small_run):
    arguments, _, out = small_run
    left = out / ".training-bert-tiny_ner-gone_0123"
    left.mkdir()
    os.utime(left, (0, 0))
    before = json.loads(next(out.glob("*/run.json")).read_text())
    assert harness(*arguments, "--force").returncode == 0
    after = json.loads(next(out.glob("*/run.json")).read_text())
    assert after["seconds"] != before["seconds"]
    assert after["scores"] == before["scores"]
    assert not left.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rnu"], "invalid choice: 'rnu'"),
        (["run", "--modle", "bert"], "there is no option --modle; did you mean '--model'"),
        (["run", "--model", "bert"], "the following arguments are required: --task"),
        (["run", "--model", "brt", "--task", "ner"], "there is no model called 'brt'; did you mean 'bert'"),
        (["run", "--model", "bert", "--task", "ner", "--seed", "4294967296"], "from 0 to 4294967295, not 4294967296"),
        (["run", "--model", "bert", "--task", "ner", "--seed=-1"], "a seed is a whole number from 0"),
        (["run", "--model", "bert", "--task", "ner", "--seed", "9" * 5000], f"not '{'9' * 39}..."),
        (["run", "--model", "bert", "--task", "nre"], "there is no task called 'nre'; did you mean 'ner'"),
        (
            ["run", "--model", "bert", "--task", "ner/docstring"],
            "there is no dataset ner/docstring; did you mean 'docstrings'",
        ),
        (["run", "--model", "bert", "--task", "ner/"], "'ner/' lacks the name after the /"),
        (["run", "--model", "bert", "--task", "/wnut17"], "'/wnut17' lacks the name before the /"),
        (["run", "--model", "bert", "--task", ""], "an empty text is not a name"),
        (["run", "--model", "bert", "--task", "ner/" + "x" * 5000], "is too long for a name"),
        (["sweep", "--models", "bert", "--tasks", "ner/,nli"], "'ner/' lacks the name after the /"),
        (["fetch", "span/", "--data-dir", "data"], "'span/' lacks the name after the /"),
        (["run", "--model", "bert", "--task", "ner", "--size", "big"], "bert has no size 'big'"),
        (["run", "--model", "bert", "--task", "ner", "--size", "huge"], "bert has no size 'huge'"),
        (["run", "--model", "bert", "--task", "ner", "--lr", "-1"], "the learning rate must be greater than 0"),
        (["run", "--model", "bert", "--task", "ner", "--lr", "fast"], "argument --lr: invalid float value: 'fast'"),
        (["run", "--model", "bert", "--task", "ner", "--epochs", "1", "--max-steps", "1"], "not allowed with argument"),
        (
            ["run", "--model", "bert", "--task", "ner/x", "--data-dir", "/no/such"],
            "the data folder /no/such does not exist",
        ),
        (["run", "--model", "bert", "--task", "ner", "--weights", "./nothing"], "there is no folder ./nothing"),
        (["run", "--model", "bert", "--task", "ner", "--plugin", "no.py"], "the plug-in no.py does not exist"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_exit_code_2(arguments, sentence, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run_command(arguments) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_written_is_found_before_the_run(small_run, tmp_path):
    arguments, _, _ = small_run
    (tmp_path / "file").write_text("in the way")
    done = harness(*arguments[:-1], tmp_path / "file" / "runs")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_options_of_all_commands_are_read_without_numpy():
    """The docs are built from them in an environment that has none of the heavy packages."""
    heavy = "{'torch', 'transformers', 'numpy', 'pandas'}"
    code = f"import sys; from harness.cli import command_parser; command_parser(); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout == "set()\n", done.stdout + done.stderr


def test_list_shows_everything_without_torch():
    code = (
        "import sys; from harness.cli import run_command; run_command(['list']);"
        "sys.exit(3 if {'torch', 'transformers'} & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    for name in (
        "avey-b",
        "bert",
        "roberta",
        "modernbert",
        "neobert",
        "ner/docstrings",
        "ner/conll2003",
        "entity_f1_strict",
    ):
        assert name in done.stdout


def test_list_as_json_has_models_and_tasks(capsys):
    assert run_command(["list", "--json"]) == 0
    lists = json.loads(capsys.readouterr().out)
    assert {row["model"] for row in lists["models"]} >= {"avey-b", "bert", "roberta", "modernbert", "neobert"}
    assert [row["model"] for row in lists["rankers"]] == ["bm25"]
    assert {row["task"] for row in lists["tasks"]} >= {"ner/docstrings", "ner/wnut17"}


def test_ctrl_c_is_one_sentence(tmp_path, capsys, monkeypatch):
    for name in ("stopped.py", "stopped_too.py"):
        (tmp_path / name).write_text("raise KeyboardInterrupt\n")
    assert run_command(["list", "--plugin", str(tmp_path / "stopped.py")]) == 130
    assert capsys.readouterr().err == "Stopped. No incomplete files are left; run the same command again.\n"
    launchers = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost"}
    for name, value in launchers.items():
        monkeypatch.setenv(name, value)
    assert run_command(["run", "--model", "bert", "--task", "ner", "--plugin", str(tmp_path / "stopped_too.py")]) == 130
    assert capsys.readouterr().err == ""


PLUGIN = """
from models import MODELS, Encoder, Size
MODELS.register("my-bert")(Encoder(
    name="my-bert", config="transformers:BertConfig", model="transformers:BertModel", model_types=("bert",), licence="MIT",
    sizes={"tiny": Size(options={"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}, max_length=64)},
    model_options={"add_pooling_layer": False},
))
"""


def test_a_plugin_is_listed_and_runs_like_a_built_in_model(small_run, tmp_path):
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN)
    assert "my-bert" in harness("list", "models", "--plugin", plugin).stdout
    arguments, _, _ = small_run
    mine = ["my-bert" if argument == "bert" else argument for argument in arguments]
    done = harness(*mine[:-1], tmp_path / "out", "--plugin", plugin)
    assert done.returncode == 0, done.stderr
    assert "my-bert" in done.stdout


def test_check_certifies_a_sound_encoder_and_finds_a_broken_one(small_bert, tmp_path):
    sound = harness("check", "--model", "bert", "--weights", small_bert)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert "all 12 checks passed" in sound.stdout
    plugin = tmp_path / "leaky.py"
    plugin.write_text(LEAKY)
    broken = harness("check", "--model", "leaky", "--weights", small_bert, "--plugin", plugin)
    assert broken.returncode == 1, broken.stderr
    assert "FAIL" in broken.stdout


LEAKY = """
from transformers import BertModel
from models import MODELS, Encoder, Size

class Leaky(BertModel):
    def forward(self, input_ids, attention_mask=None, **others):
        return super().forward(input_ids=input_ids, **others)

MODELS.register("leaky")(Encoder(
    name="leaky", config="transformers:BertConfig", model="harness_plugin_leaky:Leaky", model_types=("bert",),
    sizes={"tiny": Size(options={}, max_length=64)}, model_options={"add_pooling_layer": False},
))
"""
