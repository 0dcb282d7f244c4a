"""One cell in several processes, data-parallel: torchrun or accelerate starts the same command in each of them.

torchrun --nproc-per-node 2 -m harness run --model modernbert --task ner --weights hub

Every process loads, encodes and trains; only the first predicts, scores, writes and prints.
"""

from __future__ import annotations

import gc
import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from harness.errors import InputError

T = TypeVar("T")
_SET_BY_LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR")
_TURN_S = 10.0
"""Seconds by which processes that meet the same error may be apart on a busy machine."""


def processes() -> int:
    """The number of processes that run this cell; 1 if no launcher started this one."""
    return int(os.environ["WORLD_SIZE"]) if all(name in os.environ for name in _SET_BY_LAUNCHERS) else 1


def rank() -> int:
    """The number of this process, from 0."""
    return int(os.environ["RANK"]) if processes() > 1 else 0


def is_first() -> bool:
    """Whether this process is the one that predicts, writes and prints."""
    return rank() == 0


def speaks_of_errors() -> bool:
    """Whether this process reports errors: one on each machine does, because a file may be missing on only one."""
    return processes() == 1 or os.environ["LOCAL_RANK"] == "0"


def let_it_speak() -> None:
    """Wait in the other processes for the one that reports errors, because the launcher ends all when the first of them fails."""
    if not speaks_of_errors():
        time.sleep(_TURN_S)


@contextmanager
def joined() -> Iterator[None]:
    """Form one group with the other processes while the block runs, and leave it however the block ends."""
    join()
    try:
        yield
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # their variables hold the model, and with it the group
        raise
    finally:
        leave()


def join() -> None:
    """Form one group with the other processes: gloo on processors, NCCL on GPUs, where each process takes its own GPU."""
    if processes() > 1:
        import torch

        # Imported before the group exists. Functions of this module have the default group of the moment of import as
        # a default argument. DDP imports it too; at that time the group exists, and it would be kept until the
        # interpreter ends. Then gloo's threads still run, and one that frees a tensor so late aborts the process.
        import torch.distributed.nn
        from accelerate import PartialState

        PartialState(cpu=not torch.cuda.is_available())


_SETTLE_S = 0.5
"""A thread of gloo answers that a collective is done before it frees its tensors. To free one it takes the interpreter's lock
while it holds the group's. The end of the group takes these locks the other way round, and both would wait forever. Sleeping
gives the thread the interpreter's lock; a barrier would not do, since other processes may have left already."""


def leave() -> None:
    """Leave the group of processes and end its threads; the others may leave it earlier or later."""
    if processes() == 1:
        return
    import torch

    if torch.distributed.is_initialized():
        time.sleep(_SETTLE_S)
        torch.distributed.destroy_process_group()
        gc.collect()  # a model wrapped by DDP is part of a reference cycle that holds the group and its threads


def from_first(value: Callable[[], T]) -> T:
    """The result of ``value`` in the first process, for all: a clock or a folder may differ between processes."""
    if processes() == 1:
        return value()
    import torch

    box = [value() if is_first() else None]
    torch.distributed.broadcast_object_list(box)
    return cast(T, box[0])


def from_all(value: T) -> list[T]:
    """The values of all processes, in the order of their ranks."""
    if processes() == 1:
        return [value]
    import torch

    gathered: list[T | None] = [None] * processes()
    torch.distributed.all_gather_object(gathered, value)
    return cast("list[T]", gathered)


def refuse_different(key: str) -> None:
    """Check that every process is about to run the same cell.

    Raises:
        InputError: a machine has other data or weights under the same names.
    """
    for number, (host, theirs) in enumerate(from_all((socket.gethostname(), key))):
        if theirs != key:
            raise InputError(
                f"process {number} on {host} sees other data or weights than process {rank()} on {socket.gethostname()}; "
                "give every machine the same --data-dir, --weights and package versions"
            )


def batch_share(batch_size: int) -> int:
    """The number of examples of a batch for each process.

    Raises:
        InputError: the batch cannot be divided equally.
    """
    if batch_size % processes():
        raise InputError(
            f"a batch of {batch_size} cannot be divided equally among {processes()} processes; "
            f"use --batch-size {processes() * max(1, round(batch_size / processes()))}"
        )
    return batch_size // processes()
