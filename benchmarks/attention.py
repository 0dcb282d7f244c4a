"""Compare speed and memory of encoders with their best attention kernel here against transformers' sdpa.

    python -m benchmarks.attention
    python -m benchmarks.attention --models modernbert --lengths 2048 8192 --modes bf16 --threads 1 --clock cpu

The `tiny` encoders with random weights and a vocabulary of 8192, positions extended where a length needs them. Both sides of a point
have equal weights and texts and are two processes that take turns, `--repeats` times; no further turn begins after `--most-seconds`.
A batch has `--tokens` tokens and at least one text; the last third of every second text is padding if `--padding` is given.

fp32 and bf16 are inference without gradients, the latter by autocast; training is forward and backward of a loss on the hidden states
under bf16 autocast, with dropout, without the optimizer. The table shows medians and, in brackets, extremes: of milliseconds, and of the
ratio within a turn. Memory is the highest resident set above the one before the first run. Beyond `--sdpa-up-to` tokens transformers'
dense masks do not fit, and only the kernel here is measured.

On a machine with other work, `--threads 1 --clock cpu` counts the thread's own seconds instead.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext

import torch

from benchmarks.turns import CLOCKS, Worker, answers, work_in_turns
from harness.cost.loading import build
from harness.cost.points import SMALLEST_VOCABULARY, Point
from models import MODELS

MODES = ("fp32", "bf16", "training")
KERNELS = ("best", "sdpa")


def model_of(name: str, kernel: str, length: int) -> torch.nn.Module:
    limit = MODELS[name].size("tiny").max_length
    extended = limit is not None and length > limit
    settings = ("inference", length, "", 1, "fp32", kernel, False, 1, SMALLEST_VOCABULARY, extended, "")
    return build(Point(name, "tiny", *settings), MODELS[name])


def texts(length: int, tokens: int, padding: bool) -> dict[str, torch.Tensor]:
    shape = max(1, tokens // length), length
    ids = torch.randint(5, SMALLEST_VOCABULARY, shape, generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    if padding:
        mask[::2, length - length // 3 :] = 0
    return {"input_ids": ids, "attention_mask": mask}


def run_of(model: torch.nn.Module, mode: str, batch: dict[str, torch.Tensor]) -> Callable[[], None]:
    def infer() -> None:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16) if mode == "bf16" else nullcontext():
            model(**batch)

    def train() -> None:
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(**batch).last_hidden_state.float().square().mean()
        loss.backward()

    model.train(mode == "training")
    return train if mode == "training" else infer


def serve(arguments: argparse.Namespace) -> None:
    """Run one side of a point: warm up, run once for each line on stdin and answer its seconds; at the end answer its memory."""
    answer, clock = answers(), CLOCKS[arguments.clock]
    name, kernel, mode, length = arguments.serve
    batch = texts(int(length), arguments.tokens, arguments.padding)
    run = run_of(model_of(name, kernel, int(length)), mode, batch)
    answer(work_in_turns(run, answer, clock))


def in_turns(arguments: argparse.Namespace, *points: tuple[object, ...]) -> list[tuple[list[float], float]]:
    """Seconds of each turn, and MiB, of each side."""
    print("running", *points, file=sys.stderr)
    settings = ["--threads", arguments.threads, "--clock", arguments.clock, "--tokens", arguments.tokens]
    settings += ["--padding"] if arguments.padding else []
    sides = [Worker("benchmarks.attention", *settings, "--serve", *point) for point in points]
    seconds: list[list[float]] = [[] for _ in sides]
    begin = time.monotonic()
    while not seconds[0] or (len(seconds[0]) < arguments.repeats and time.monotonic() - begin < arguments.most_seconds):
        for own, side in zip(seconds, sides, strict=True):
            own.append(float(side.ask()))
    return [(own, float(side.end())) for own, side in zip(seconds, sides, strict=True)]


def spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def print_table(arguments: argparse.Namespace) -> None:
    print(f"{arguments.threads} threads, {arguments.clock} clock{', padded' if arguments.padding else ''}.\n")
    print("| model | mode | tokens | turns | best, ms | sdpa, ms | ratio | best, MiB | sdpa, MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in arguments.models:
        for mode in arguments.modes:
            for length in arguments.lengths:
                kernels = KERNELS if length <= arguments.sdpa_up_to else KERNELS[:1]
                ours, *theirs = in_turns(arguments, *((name, kernel, mode, length) for kernel in kernels))
                times = [spread([1e3 * second for second in side[0]], 1) for side in (ours, *theirs)]
                ratios = [spread([b / a for a, b in zip(ours[0], side[0], strict=True)], 2) for side in theirs]
                memory = [f"{side[1]:,.0f}" for side in (ours, *theirs)]
                missing = [] if theirs else ["-"]
                cells = [name, mode, length, len(ours[0]), *times, *missing, *(ratios or ["-"]), *memory, *missing]
                print(f"| {' | '.join(map(str, cells))} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choices = ["bert", "modernbert", "neobert", "roberta"]
    parser.add_argument("--models", nargs="+", choices=choices, default=choices)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    lengths = [32, 64, 128, 256, 512, 1024, 2048, 8192, 32768]
    parser.add_argument("--lengths", type=int, nargs="+", default=lengths)
    parser.add_argument("--sdpa-up-to", type=int, default=8192)
    parser.add_argument("--tokens", type=int, default=2048, help="of a batch")
    parser.add_argument("--padding", action="store_true")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--most-seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.serve is None:
        print_table(arguments)
    else:
        serve(arguments)


if __name__ == "__main__":
    main()
