"""Compare speed and memory of Avey-B with the direct formulation that its tests use as reference, with equal weights.

    python -m benchmarks.avey_b_speed
    python -m benchmarks.avey_b_speed --lengths 2048 8192 --modes float32 --repeats 5

d 256, 4 layers, S 256, k 3, vocabulary 8192, one text of Zipf-distributed ids (exponent 1), random weights. The two sides
of a point are two processes; after a warm-up they take turns, `--repeats` times or for `--least-seconds`, whichever is longer,
and begin no further turn after `--most-seconds`.
The table shows medians and, in brackets, extremes: of the rates, and of the ratio within a turn. Memory is the highest
resident set above the one before the first run. A training step is forward and backward of a loss on the hidden states,
without the optimizer, in float32. Under bfloat16 autocast our ranking is in float32, the direct one in bfloat16.

The fraction of the ceiling is the rate of the floating-point operations of our implementation (matrix products only, counted
when dispatched) over the best rate of one large product in the same precision on the same machine. The last table has batches
of 32 sentences of 20 to 40 tokens, with live and with zero padding rows.

On a machine with other work, `--threads 1 --clock cpu` counts the thread's own seconds instead.

The published implementation is not part of this project; `tests/models/avey_b_reference.py` has the direct one.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.turns import CLOCKS, Worker, answers, work_in_turns
from harness.nn.packed import pack
from models.avey_b import AveyBConfig, AveyBModel
from tests.models.avey_b_reference import Reference

MODES = ("float32", "bfloat16", "training")
VOCABULARY = 8192
SENTENCES = 32
PRODUCT = 4096
"""Rows and columns of the matrices whose product is the ceiling."""


def zipf_ids(count: int) -> torch.Tensor:
    weights = 1 / torch.arange(1, VOCABULARY + 1, dtype=torch.float64)
    return torch.multinomial(weights, count, replacement=True, generator=torch.Generator().manual_seed(0))


def build(padding: str = "live") -> AveyBModel:
    torch.manual_seed(0)
    return AveyBModel(AveyBConfig(vocab_size=VOCABULARY, d_embed=256, n_layers=4, padding=padding)).eval()


def run_of(mode: str, parameters: list[torch.nn.Parameter], encode: Callable[[], torch.Tensor]) -> Callable[[], None]:
    def infer() -> None:
        autocast = torch.autocast("cpu", torch.bfloat16) if mode == "bfloat16" else nullcontext()
        with torch.no_grad(), autocast:
            encode()

    def train() -> None:
        for parameter in parameters:
            parameter.grad = None
        encode().square().mean().backward()

    return train if mode == "training" else infer


Work = tuple[Callable[[], None], AveyBModel | None]
"""What is timed, and our model in it."""


def one_text(implementation: str, mode: str, length: int) -> Work:
    model, ids = build(), zipf_ids(length)
    parameters = list(model.parameters())
    if implementation == "ours":
        return run_of(mode, parameters, lambda: model(ids[None]).last_hidden_state), model
    reference = Reference(dict(model.named_parameters()), model.config)
    return run_of(mode, parameters, lambda: reference.hidden_states(ids)), None


def sentences(padding: str, mode: str, _length: int) -> Work:
    model = build(padding)
    length = torch.randint(20, 41, (SENTENCES, 1), generator=torch.Generator().manual_seed(0))
    mask = torch.arange(40) < length
    ids = zipf_ids(mask.numel()).view_as(mask)
    return run_of(mode, list(model.parameters()), lambda: model(ids, mask).last_hidden_state), model


def product(precision: str, _mode: str, _length: int) -> Work:
    matrix = torch.randn(PRODUCT, PRODUCT, dtype=getattr(torch, precision))
    result = torch.empty_like(matrix)
    return lambda: torch.mm(matrix, matrix, out=result), None


WORK = {"one_text": one_text, "sentences": sentences, "product": product}


def serve(kind: str, which: str, mode: str, length: str, clock: Callable[[], float]) -> None:
    """Run one side of a point: warm up, run once for each line on stdin and answer its seconds; at the end answer the rest."""
    answer = answers()
    run, model = WORK[kind](which, mode, int(length))
    with FlopCounterMode(display=False) as counter:
        if which == "ours":
            run()
    if model is not None and mode != "training":
        pack(model, "bf16" if mode == "bfloat16" else "fp32")  # as every prediction of the harness does
    above_mib = work_in_turns(run, answer, clock)
    answer(json.dumps({"memory_gb": above_mib * 2**20 / 1e9, "flops": counter.get_total_flops()}))


class Side:
    """One side of a point with its measurements."""

    def __init__(self, arguments: argparse.Namespace, *point: object) -> None:
        settings = ["--threads", arguments.threads, "--clock", arguments.clock]
        self._worker = Worker("benchmarks.avey_b_speed", *settings, "--serve", *point)
        self.seconds: list[float] = []
        self.memory_gb = self.flops = 0.0

    def run(self) -> None:
        self.seconds.append(float(self._worker.ask()))

    def end(self) -> None:
        rest = json.loads(self._worker.end())
        self.memory_gb, self.flops = rest["memory_gb"], rest["flops"]

    def rate(self, items: int) -> str:
        low, middle, high = (items / s for s in (max(self.seconds), self.median, min(self.seconds)))
        return f"{middle:,.0f} ({low:,.0f}-{high:,.0f})"

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def in_turns(arguments: argparse.Namespace, repeats: int, *points: Sequence[object]) -> list[Side]:
    """Run the sides of a point in turn."""
    print("running", *points, file=sys.stderr)
    sides = [Side(arguments, *point) for point in points]
    begin = time.monotonic()
    elapsed, turns = 0.0, 0
    while elapsed < arguments.most_seconds and (turns < repeats or elapsed < arguments.least_seconds):
        for side in sides:
            side.run()
        elapsed, turns = time.monotonic() - begin, turns + 1
    for side in sides:
        side.end()
    return sides


def ratio(slow: Side, fast: Side) -> str:
    """The median over the turns, and its range."""
    ratios = [s / f for s, f in zip(slow.seconds, fast.seconds, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def print_tables(arguments: argparse.Namespace) -> None:
    top = {}
    for precision in ("float32", "bfloat16"):
        (side,) = in_turns(arguments, 10, ("product", precision, "-", 0))
        top[precision] = 2 * PRODUCT**3 / min(side.seconds)
    rates = ", ".join(f"{precision} {rate / 1e9:.0f}" for precision, rate in top.items())
    print(f"Matrix products, {arguments.threads} threads, {arguments.clock} clock, GFLOP/s: {rates}.\n")
    print(
        "| mode | tokens | turns | ours, tokens/s | direct, tokens/s | ratio | memory, GB | direct, GB | of ceiling |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for mode in arguments.modes:
        for length in arguments.training_lengths if mode == "training" else arguments.lengths:
            points = [("one_text", which, mode, length) for which in ("ours", "direct")]
            ours, direct = in_turns(arguments, arguments.repeats, *points)
            fraction = ours.flops / ours.median / top["bfloat16" if mode == "bfloat16" else "float32"]
            memory = f"{ours.memory_gb:.2f} | {direct.memory_gb:.2f}"
            sides = f"{len(ours.seconds)} | {ours.rate(length)} | {direct.rate(length)} | {ratio(direct, ours)}"
            print(f"| {mode} | {length} | {sides} | {memory} | {fraction:.0%} |", flush=True)
    print("\n| mode | sentences/s, live | sentences/s, zero | ratio |\n| --- | --- | --- | --- |")
    for mode in arguments.modes:
        points = [("sentences", padding, mode, 0) for padding in ("live", "zero")]
        live, zero = in_turns(arguments, arguments.repeats, *points)
        print(f"| {mode} | {live.rate(SENTENCES)} | {zero.rate(SENTENCES)} | {ratio(live, zero)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[2048, 8192, 32768, 98304])
    parser.add_argument("--training-lengths", type=int, nargs="+", default=[2048, 8192, 16384])
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--least-seconds", type=float, default=10, help="minimum time of the turns of a point")
    parser.add_argument(
        "--most-seconds", type=float, default=60, help="time after which no further turn of a point begins"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.serve is None:
        print_tables(arguments)
    else:
        serve(*arguments.serve, CLOCKS[arguments.clock])


if __name__ == "__main__":
    main()
