"""Which threads of gloo still run when the group of processes is left. Each process writes into RANK.json in FOLDER.

torchrun --nproc-per-node 2 tests/harness/threads_left.py FOLDER run --model ...     a command of the harness
torchrun --nproc-per-node 2 tests/harness/threads_left.py FOLDER                     a block that Ctrl-C stops
"""

import json
import sys
from pathlib import Path

from harness.cli import run_command
from harness.machine import distributed


def gloo_threads():
    names = [task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm")]
    return sorted(name for name in names if "gloo" in name)


def stopped_block():
    """Be stopped while a local variable holds a wrapped model, and with it the group."""
    import torch

    wrapped = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 2))
    wrapped.itself = [wrapped]
    wrapped(torch.ones(1, 2)).sum().backward()
    raise KeyboardInterrupt


def main(folder, *arguments):
    during = []
    leave = distributed.leave

    def seen_leaving():
        during.extend(gloo_threads())
        leave()

    distributed.leave = seen_leaving
    after = None
    try:
        if arguments:
            run_command(arguments)
        else:
            with distributed.joined():
                stopped_block()
    except KeyboardInterrupt:
        after = gloo_threads()  # while the exception still keeps its frames
    found = {"during": during, "after": gloo_threads() if after is None else after}
    (Path(folder) / f"{distributed.rank()}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
