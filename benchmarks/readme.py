"""Make the parts of README.md that come from the harness: the answer of its command, and the picture of the report page.

    python -m benchmarks.readme --run                          # runs the command, stores its record, prints it into README
    python -m benchmarks.readme --answer                       # prints the stored record into README, in today's form
    python -m benchmarks.readme --page STORE                   # draws the report of a store into docs/images/report.png

tests/test_readme.py fails if the answer differs from the printed record. The picture needs Chromium.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.report.terminal import run_summary
from harness.store import read_record

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RECORD = ROOT / "results" / "readme" / "run.json"
PICTURE = ROOT / "docs" / "images" / "report.png"
COMMAND = ["run", "--model", "avey-b", "--task", "ner", "--weights", "tiny-pretrained"]
SIZE = "1300,1000"


def run() -> None:
    """Run README's command in a new store and keep its record."""
    with tempfile.TemporaryDirectory() as store:
        subprocess.run([sys.executable, "-m", "harness", *COMMAND, "--out", store], check=True)
        (record,) = Path(store).glob("*/run.json")
        RECORD.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(record, RECORD)


def answer() -> None:
    """Print the kept record between the fences of README's first text block."""
    record = read_record(RECORD)
    if record is None:
        raise SystemExit(f"{RECORD} is missing; make it with --run")
    shown = run_summary.as_text(record, Path(f"results/runs/avey-b-custom_ner-docstrings_{record['key']}"))
    text = README.read_text(encoding="utf-8")
    README.write_text(
        re.sub(r"```text\n.*?```", lambda _: f"```text\n{shown}```", text, count=1, flags=re.DOTALL), "utf-8"
    )


def page(store: str) -> None:
    """Draw the top of a store's report."""
    with tempfile.TemporaryDirectory() as folder:
        report = [sys.executable, "-m", "harness", "report", "--out", store, "--report", folder]
        subprocess.run(report, check=True)
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        browser = ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={SIZE}"]
        subprocess.run([*browser, f"--screenshot={PICTURE}", f"file://{folder}/report.html"], check=True)


def main() -> None:
    parser = argparse.ArgumentParser("benchmarks.readme", description=__doc__.splitlines()[0])
    parser.add_argument("--run", action="store_true", help="run the command, and print its record")
    parser.add_argument("--answer", action="store_true", help="print the kept record")
    parser.add_argument("--page", metavar="STORE", help="draw the report of this store")
    options = parser.parse_args()
    if options.run:
        run()
    if options.run or options.answer:
        answer()
    if options.page:
        page(options.page)


if __name__ == "__main__":
    main()
