"""Wrong input of every kind to every command: exit code 2, one sentence, no traceback, and nothing is left behind."""

import json
import shlex

import pytest

from harness.cli import run_command

LONG = "x" * 5000
FILES = {
    "a-file": "text",
    "folder/x": "",
    "number.toml": "models = 5\ntasks = ['ner']",
    "nested.toml": "models = ['bert']\ntasks = [['ner']]",
    "grid.toml": "grid = 3",
    "table.toml": "[grid]\nmodels = ['bert']",
    "nan.toml": "models = ['bert']\ntasks = ['ner']\nlearning_rates = [nan]",
    "inf.toml": "models = ['bert']\ntasks = ['ner']\nrecipe = { epochs = inf }",
    "huge.toml": "models = ['bert']\ntasks = ['ner']\nrecipe = { max_steps = 99999999999999999999 }",
    "seeds.toml": "models = ['bert']\ntasks = ['ner']\nseeds = [-1]",
    "empty-path.toml": "models = ['bert']\ntasks = ['ner']\nplugins = ['']",
    "user.toml": "models = ['bert']\ntasks = ['ner']\ndata_dir = '~no-such-user/data'",
    "null.toml": 'models = ["bert"]\ntasks = ["ner"]\ndata_dir = "a\\u0000b"',
    "long.toml": f"models = ['{LONG}']\ntasks = ['ner']",
    "slash.toml": "models = ['bert']\ntasks = ['ner/']",
    "option.toml": "models = ['bert']\ntasks = ['ner']\ntask_options = { a = [1] }",
    "text.json": '"x"',
    "numbers.json": '{"test": {"accuracy": ["a"]}}',
    "user.json": json.dumps({"cells": [{"request": {"model": "bert", "task": "ner", "data_dir": "~no-such-user"}}]}),
}
RUN = "run --model bert --task ner"
SWEEP = "sweep --models bert --tasks ner"
BENCH = "bench --models bert"

COMMANDS = {
    # run: names
    f"run --model {LONG} --task ner": "too long for a name",
    f"run --model bert --task {LONG}": "too long for a name",
    f"run --model bert --task ner/{LONG}": "too long for a name",
    "run --model '' --task ner": "argument --model: an empty text is not a name",
    "run --model bert --task ' '": "argument --task: an empty text is not a name",
    "run --model bert --task ner/": "argument --task: 'ner/' lacks the name after the /",
    "run --model bert --task /wnut17": "argument --task: '/wnut17' lacks the name before the /",
    "run --model bert --task ner/../x --data-dir folder": "is not a dataset name",
    "run --model bert,avey-b --task ner": "python -m harness sweep --models bert,avey-b --tasks ner",
    "run --model bert --task ner,nli": "python -m harness sweep --models bert --tasks ner,nli",
    "run --model bert --task wnut17": "did you mean 'ner/wnut17'?",
    "run --model ./nowhere --task ner": "there is no folder ./nowhere; --model takes a registered name, a folder or a hub id",
    "run --model ./a-file --task ner": "./a-file is a file, not a folder; --model takes",
    "run --model folder/x --task ner": "folder/x is a file, not a folder; --model takes",
    "run --model bert --name /tmp/x --task ner": "is a path, which reports never show; give a name",
    "pretrain --model owner/name --corpus docstrings --tokens 1M --out x": "a folder or hub id cannot be named here",
    "check --model bm25": "bm25 ranks documents without an encoder",
    "bench --models bm25": "bm25 ranks documents without an encoder",
    # run: options
    "run --learning-rate 1e-3": "there is no option --learning-rate; did you mean '--lr'?",
    "run --num_train_epochs 3": "did you mean '--epochs'?",
    "run --threads 2": "there is no option --threads; these commands have it: sweep, ablate, bench",
    "run --lrs 1e-3": "did you mean '--lr'?",
    "sweep --lr 1e-3": "did you mean '--lrs'?",
    "run --no-such-thing 2": "there is no option --no-such-thing (see harness run --help)",
    f"run --{LONG} 2": "...",
    # run: values
    f"{RUN} --size {LONG}": "too long for a name",
    f"{RUN} --size TINY": "bert has no size 'TINY'",
    f"{RUN} --weights ''": "argument --weights: an empty text is not a path",
    f"{RUN} --weights {LONG}": "too long for a path",
    f"{RUN} --weights ~no-such-user/x": "there is no home folder for ~no-such-user",
    f"{RUN} --weights a-file": "a-file is a file, not a folder; --weights takes",
    f"{RUN} --weights folder/x": "folder/x is a file, not a folder; --weights takes",
    f"{RUN} --weights folder": "folder holds no config.json",
    f"{RUN} --seed 1.5": "a seed is a whole number from 0 to",
    f"{RUN} --seed 0,1": "a seed is a whole number from 0 to",
    f"{RUN} --lr nan": "the learning rate must be a finite number, not nan",
    f"{RUN} --lr inf": "the learning rate must be a finite number, not inf",
    f"{RUN} --weight-decay inf": "the weight decay must be a finite number, not inf",
    f"{RUN} --max-grad-norm inf": "the max grad norm must be a finite number, not inf",
    "sweep --models bert --tasks ner --lrs inf": "a learning rate must be a finite number, not inf",
    f"{RUN} --epochs -1": "the epochs must be 0 or greater",
    f"{RUN} --max-steps 0": "the max steps must be greater than 0",
    f"{RUN} --batch-size 0": "the batch size must be greater than 0",
    f"{RUN} --train-limit -1": "the train limit must be greater than 0",
    f"{RUN} --max-length 7": "the max length must be at least 8 tokens",
    f"{RUN} --warmup-ratio 1": "the warmup ratio must be from 0 to below 1",
    f"{RUN} --weight-decay nan": "the weight decay must be a finite number, not nan",
    f"{RUN} --adam-beta2 nan": "the adam beta2 must be a finite number, not nan",
    f"{RUN} --precision fp16": "invalid choice: 'fp16'",
    f"{RUN} --task-option x": "--task-option takes NAME=VALUE",
    f"{RUN} --log-dir ''": "argument --log-dir: an empty text is not a path",
    f"{RUN} --data-dir ''": "argument --data-dir: an empty text is not a path",
    f"{RUN}/x --data-dir a-file": "the data folder a-file is a file; --data-dir takes",
    f"{RUN}/x --data-dir folder": "there is no folder folder/ner/x",
    f"{RUN} --data-dir {LONG}": "too long for a path",
    f"{RUN} --out ''": "argument --out: an empty text is not a path",
    f"{RUN} --out ~no-such-user/x": "there is no home folder for ~no-such-user",
    f"{RUN} --out {LONG}": "too long for a path",
    f"{RUN} --plugin ''": "argument --plugin: an empty text is not a path",
    f"{RUN} --plugin folder": "the plug-in folder is a folder",
    f"{RUN} --plugin a-file": "its name must end in .py",
    # sweep
    "sweep ''": "argument FILE.toml: an empty text is not a path",
    "sweep folder": "folder cannot be read (Is a directory)",
    "sweep a-file": "a-file is not TOML",
    "sweep number.toml": "models is a list of names in quotes, not 5",
    "sweep nested.toml": "tasks is a list of names in quotes",
    "sweep grid.toml": "grid is written as [[grid]]",
    "sweep table.toml": "grid is written as [[grid]]",
    "sweep nan.toml": "a learning rate must be a finite number, not nan",
    "sweep inf.toml": "the epochs must be a finite number, not inf",
    "sweep huge.toml": "max_steps of the recipe is a whole number",
    "sweep seeds.toml": "a seed is a whole number from 0 to",
    "sweep empty-path.toml": "one of the plugins has no name",
    "sweep user.toml": "data_dir: there is no home folder for ~no-such-user",
    "sweep null.toml": "data_dir: a path cannot contain a null character",
    "sweep long.toml": "too long for a name",
    "sweep slash.toml": "tasks: 'ner/' lacks the name after the /",
    "sweep option.toml": "the task option a is a text or a number",
    f"{SWEEP} --models ''": "one of the models has no name",
    f"{SWEEP} --models {LONG}": "too long for a name",
    f"{SWEEP} --lrs ''": "--lrs takes numbers with commas",
    f"{SWEEP} --seeds 0-99999999": "10,000 at most",
    f"{SWEEP} --workers 0": "--workers must be at least 1",
    f"{SWEEP} --ray ''": "--ray takes an address",
    f"{SWEEP} --cpus-per-cell 1": "add --ray ADDRESS",
    f"{SWEEP} --out ''": "argument --out: an empty text is not a path",
    # the others
    "check": "the following arguments are required: --model",
    f"check --model bert --weights {LONG}": "too long for a path",
    f"{BENCH} --lengths ''": "--lengths takes whole numbers",
    f"{BENCH} --lengths 5,4": "lengths must increase",
    f"{BENCH} --batch-size 0": "--batch-size must be at least 1",
    f"{BENCH} --tokens-per-batch -1": "holds no text of 128 tokens",
    f"{BENCH} --threads 9999": "--threads must be from 1",
    f"{BENCH} --point-timeout inf": "--point-timeout must be a finite number, not inf",
    f"{BENCH} --min-seconds nan": "--min-seconds must be a finite number, not nan",
    f"{BENCH} --min-seconds -1": "--min-seconds must be from 0 to below the point timeout of",
    f"{BENCH} --memory-limit 0": "--memory-limit must be at least 1 MiB",
    f"{BENCH} --baseline ''": "argument --baseline: an empty text is not a name",
    f"{BENCH} --out a-file": "results cannot be written to a-file",
    f"{BENCH} --report ''": "argument --report: an empty text is not a path",
    "report --out nowhere": "there is no store at nowhere",
    "report --out a-file": "there is no store at a-file",
    "report --out folder": "has no readable record",
    "report --report ''": "argument --report: an empty text is not a path",
    "compare a": "the following arguments are required: B",
    "compare '' b": "argument A: an empty text is not a path",
    f"compare {LONG} b": "too long for a path",
    "compare a b --resamples 0": "--resamples must be between",
    "regress --baseline nowhere.json": "there is no baseline nowhere.json; write",
    "regress --baseline folder": "cannot be read (Is a directory)",
    "regress --baseline ''": "argument --baseline: an empty text is not a path",
    "regress --baseline user.json --update --why x": "data_dir: there is no home folder for ~no-such-user",
    "import encodeval text.json --model m --dataset d": "is not a result of EncodEval",
    "import encodeval numbers.json --model m --dataset d": "cannot be scored",
    "import encodeval folder --model m --dataset d": "the folder folder holds no results.json",
    f"import encodeval numbers.json --model {LONG} --dataset d": "too long for a name",
    "import encodeval ''": "argument PATH: an empty text is not a path",
    "import mteb a-file": "a-file is not JSON",
    "export ''": "argument RUN: an empty text is not a path",
    f"export {LONG}": "too long for a path",
    "export '**'": "is neither a run's folder nor the key of a run",
    "export abcd --model-name ''": "argument --model-name: an empty text is not a name",
    "fetch ner": "fetch needs the folder to fill",
    "fetch ner/ --data-dir d": "'ner/' lacks the name after the /",
    "fetch nope --data-dir d": "there is no task called 'nope'",
    f"fetch {LONG} --data-dir d": "too long for a name",
    "fetch ner/wnut17 --data-dir ''": "argument --data-dir: an empty text is not a path",
    "list everything": "invalid choice: 'everything'",
    "''": "invalid choice: ''",
    "": "the following arguments are required: COMMAND",
}


@pytest.mark.parametrize(("command", "sentence"), COMMANDS.items(), ids=[command[:60] for command in COMMANDS])
def test_wrong_input_is_one_sentence_and_exit_code_2(command, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    before = sorted(tmp_path.rglob("*"))
    assert run_command(shlex.split(command)) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert len(captured.err) < 700
    assert captured.out == ""
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def home(tmp_path, monkeypatch, data_dir):
    """A home folder with the small dataset, and an empty working folder."""
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "home" / "data").symlink_to(data_dir)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


TRAIN = ["--max-steps", "1", "--max-length", "32"]


def test_the_home_folder_is_meant_by_a_tilde_in_options_and_in_the_environment(home, small_bert, capsys, monkeypatch):
    (home / "weights").symlink_to(small_bert)
    (home / "empty.py").write_text("")
    run = ["run", "--model", "bert", "--task", "ner/cities", "--weights=~/weights", *TRAIN]
    assert run_command([*run, "--out=~/runs", "--data-dir=~/data", "--plugin=~/empty.py"]) == 0
    monkeypatch.setenv("HARNESS_DATA_DIR", "~/data")
    assert run_command([*run, "--out=~/runs"]) == 0
    assert "the store already has this run" in capsys.readouterr().err
    assert run_command(["report", "--out=~/runs", "--report=~/report"]) == 0
    assert (home / "report" / "tables").is_dir()
    (folder,) = (home / "runs").glob("bert-*")
    assert run_command(["export", f"~/runs/{folder.name}"]) == 0
    assert list((home.parent / "here").iterdir()) == []


def test_the_home_folder_is_meant_by_a_tilde_in_toml_and_in_baselines(home, small_bert, capsys):
    (home / "weights").symlink_to(small_bert)
    (home / "nothing.py").write_text("")
    table = {"weights": "~/weights", "data_dir": "~/data", "plugins": ["~/nothing.py"]}
    (home / "sweep.toml").write_text(
        "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
        + "\nmodels = ['bert']\ntasks = ['ner/cities']"
    )
    assert run_command(["sweep", "~/sweep.toml", "--out=~/runs", "--dry-run"]) == 0
    assert "1 to do" in capsys.readouterr().err
    from harness.gate.baseline import read_baseline

    (home / "baseline.json").write_text(
        json.dumps({"cells": [{"request": {"model": "bert", "task": "ner/cities", **table}}]})
    )
    (cell,) = read_baseline(home / "baseline.json", update=True).cells
    assert cell.request.data_dir == str(home / "data")
    assert cell.request.plugins == (str(home / "nothing.py"),)
    assert list((home.parent / "here").iterdir()) == []


def test_a_learning_rate_that_hardly_trains_is_said_before_the_run(home, small_bert, capsys):
    run = [
        "run",
        "--model",
        "bert",
        "--task",
        "ner/cities",
        "--weights",
        str(small_bert),
        "--data-dir",
        "~/data",
        *TRAIN,
    ]
    assert run_command([*run, "--out=~/runs", "--lr", "3"]) == 0
    error = capsys.readouterr().err
    assert error.count("note: the learning rate of 3 is unusual: above 0.1 training rarely works") == 1
    grid = ["--models", "bert", "--tasks", "ner/cities", "--data-dir", "~/data", "--lrs", "1e-3,3", "--dry-run"]
    assert run_command(["sweep", *grid, "--out=~/runs"]) == 0
    assert capsys.readouterr().err.count("note: the learning rate of 3 is unusual") == 1


def test_a_run_that_diverges_is_exit_code_1_and_says_what_to_try(home, small_bert, capsys):
    run = ["run", "--model", "bert", "--task", "ner/cities", "--weights", str(small_bert), "--data-dir", "~/data"]
    run += ["--max-length", "32"]
    assert (
        run_command([*run, "--max-steps", "20", "--lr", "1e30", "--precision", "fp32", "--out=~/runs", "--json"]) == 1
    )
    captured = capsys.readouterr()
    assert json.loads(captured.out)["status"] == "diverged"
    assert "try a lower --lr" in captured.err
