"""Stands for ``python -m harness`` on a node: reads the options of a run, takes a second, and writes a record. No torch.

The seed decides what happens: 90 fails, all others end well.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4]))
sys.path.insert(0, str(Path.cwd()))  # the harness that was sent here comes first
from harness.machine.processes import end_with_parent
from tests.records import run_record, write_run


def main():
    end_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--task")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out")
    parser.add_argument("--plugin", action="append", default=[])
    options, _ = parser.parse_known_args(sys.argv[2:])
    if options.seed == 90:
        print("harness: this cell was made to fail", file=sys.stderr)
        sys.exit(2)
    marks = [Path(plugin).read_text() for plugin in options.plugin]
    time.sleep(1.0)
    record = run_record(
        options.model,
        options.task,
        options.seed,
        score=options.seed / 100,
        key=f"{options.seed:016d}",
        plugins=marks,
        environment={"git_revision": None},
        command=f"python -m harness run --seed {options.seed} " + " ".join(f"--plugin {p}" for p in options.plugin),
    )
    rows = [{"split": "test", "id": str(number), "text": "é" * 100} for number in range(3000)]
    write_run(Path(options.out), record, rows)
    print(json.dumps(record))


main()
