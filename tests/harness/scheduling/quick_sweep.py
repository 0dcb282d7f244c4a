"""``harness sweep`` whose cells are run by `quick_child.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import harness.scheduling.local
from harness.cli import run_command

harness.scheduling.local.HARNESS = (sys.executable, str(Path(__file__).with_name("quick_child.py")))

if __name__ == "__main__":
    import harness.machine.provenance

    harness.machine.provenance.environment = lambda: {"threads": 1}
    sys.exit(run_command(sys.argv[1:]))
