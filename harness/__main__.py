"""The door: ``python -m harness`` and the console script ``harness``."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Run the command line and exit with its code."""
    from harness.machine.processes import end_with_parent
    from harness.terminal import tolerate_any_encoding

    end_with_parent()
    tolerate_any_encoding()
    # `models` and `tasks` are common names: a file of the caller's may stand before ours.
    here = Path(__file__).resolve().parents[1]
    for name in ("models", "tasks"):
        spec = find_spec(name)
        found = Path(spec.origin).resolve() if spec and spec.origin else None
        if found != here / name / "__init__.py":
            print(
                f"harness: {found or 'another folder'} hides the harness's own package {name!r}; run from another folder, or rename it",
                file=sys.stderr,
            )
            sys.exit(2)
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
