"""What the README promises: its answer is a real one, its commands are those of CI, its tables name what there is."""

import json
import re
import subprocess
import sys
from pathlib import Path

from harness.cli import COMMANDS
from harness.report.terminal import run_summary
from harness.store import read_record

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECORD = ROOT / "results" / "readme" / "run.json"


def test_the_answer_is_what_the_record_of_the_run_prints():
    record = read_record(RECORD)
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    folder = Path(f"results/runs/avey-b-custom_ner-docstrings_{record['key']}")
    assert shown == run_summary.as_text(record, folder), "python -m benchmarks.readme --answer writes it anew"


def test_the_record_is_of_the_command():
    (command,) = re.findall(r"-m (harness run .*)$", README.split("```text")[0], re.MULTILINE)
    record = read_record(RECORD)
    model = record["model"]
    assert (
        command == f"harness run --model {model['name']} --task {record['task']['name']} --weights {model['weights']}"
    )


def test_ci_runs_the_command_that_the_readme_gives_for_the_tests():
    command = next(line for line in README.splitlines() if line.endswith(".venv/bin/tox"))
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_tables_name_every_command_model_and_task():
    rows = " ".join(line.split("|")[1] for line in README.splitlines() if line.startswith("| "))
    # In a process of its own: other tests may have registered the examples of plug-ins in this one.
    listing = subprocess.run(
        [sys.executable, "-m", "harness", "list", "--json"], capture_output=True, cwd=ROOT, check=True
    )
    there = json.loads(listing.stdout)
    names = {name.strip("_") for name in COMMANDS} | {row["model"] for row in there["models"]}
    names |= {row["task"].partition("/")[0] for row in there["tasks"]}
    assert {name for name in names if not re.search(rf"`{name}\b", rows)} == set()


def test_it_is_read_in_a_few_minutes():
    assert len(README.splitlines()) <= 110
