"""What --help and --version print."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import COMMANDS, command_parser, run_command

ROOT = Path(__file__).parents[3]
COMMAND_NAMES = [name.rstrip("_") for name in COMMANDS]
PROMPT = "  python -m harness "


def examples(capsys, *command):
    with pytest.raises(SystemExit) as ended:
        run_command([*command, "--help"])
    assert ended.value.code == 0
    _, _, end = capsys.readouterr().out.partition("\nexamples:\n")
    return end.splitlines()


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMAND_NAMES)])
def test_every_help_ends_with_examples_that_can_be_run(capsys, command):
    lines = examples(capsys, *command)
    assert 2 <= len(lines) <= 3
    for line in lines:
        assert line.startswith(PROMPT)
        options = command_parser().parse_args(shlex.split(line.removeprefix(PROMPT)))
        assert not command or line.removeprefix(PROMPT).split()[0] == command[0]
        for committed in ("baseline", "file", "out"):
            path = str(getattr(options, committed, None) or "")
            assert (ROOT / path).exists() or not path.startswith(("sweeps/", "results/baselines/"))


def test_the_example_that_needs_nothing_runs(capsys):
    assert f"{PROMPT}list" in examples(capsys, "list")
    assert run_command(["list"]) == 0


def test_the_version_names_harness_torch_and_python_without_torch():
    code = (
        "import sys; from harness.cli import run_command\n"
        "try: run_command(['--version'])\n"
        "finally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    import torch

    assert done.stdout.startswith("harness ")
    assert f", torch {torch.__version__}, Python {sys.version_info.major}.{sys.version_info.minor}." in done.stdout
