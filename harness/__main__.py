"""The door: ``python -m harness`` and the console script ``harness``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from harness.own_packages import prefer_own_packages

    prefer_own_packages()
    from harness.machine.processes import end_with_parent
    from harness.terminal import tolerate_any_encoding

    end_with_parent()
    tolerate_any_encoding()
    # Before any library is imported: a user reads our lines, not the libraries' loading bars.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from harness.cli import run_command

    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
