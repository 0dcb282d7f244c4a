"""Speed and memory of Avey-B beside the direct formulation that its tests compare it with, on equal weights.

    python -m benchmarks.avey_b_speed
    python -m benchmarks.avey_b_speed --lengths 2048 8192 --modes float32 --repeats 5

d 256, 4 layers, S 256, k 3, vocabulary 8192, one text of Zipf-distributed ids (exponent 1), random weights. Every point is a
process of its own: a warm-up, then `--repeats` timed runs, of which the table shows the median and, in brackets, the
slowest and the fastest. Memory is the highest resident set above the one before the first run. A training step is
forward and backward of a loss on the hidden states, without the optimizer, in float32. Under bfloat16 autocast ours
ranks in float32, the direct one in bfloat16.

The fraction of the ceiling is the rate of the floating-point operations that ours needs (counted as they are dispatched,
matrix products only) over the rate of one large product in the same precision on the same machine. A last table gives
batches of 32 sentences of 20 to 40 tokens, with padding rows that are live and that stay zero.

On a machine that others use at the same time, `--threads 1 --clock cpu` counts the thread's own seconds instead.

The published implementation is not part of this project; `tests/models/avey_b_reference.py` states the direct one.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

import psutil
import torch
from torch.utils.flop_counter import FlopCounterMode

from models.avey_b import AveyBConfig, AveyBModel
from tests.models.avey_b_reference import Reference

MODES = ("float32", "bfloat16", "training")
CLOCKS = {"wall": time.perf_counter, "cpu": time.thread_time}
VOCABULARY = 8192
SENTENCES = 32


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


def measure(run: Callable[[], None], repeats: int, clock: Callable[[], float]) -> tuple[list[float], float]:
    """Seconds of each run, and the peak of the resident set above its start, in GB."""
    process, done = psutil.Process(), threading.Event()
    start = process.memory_info().rss
    peak = start

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    seconds = []
    for _ in range(repeats + 1):
        begin = clock()
        run()
        seconds.append(clock() - begin)
    done.set()
    watcher.join()
    return seconds[1:], (peak - start) / 1e9


def one_text(
    implementation: str, mode: str, length: int, repeats: int, clock: Callable[[], float]
) -> dict[str, object]:
    model, ids = build(), zipf_ids(length)
    reference = Reference(dict(model.named_parameters()), model.config)
    if implementation == "ours":
        run = run_of(mode, list(model.parameters()), lambda: model(ids[None]).last_hidden_state)
    else:
        run = run_of(mode, list(model.parameters()), lambda: reference.hidden_states(ids))
    seconds, memory = measure(run, repeats, clock)
    flops = 0
    if implementation == "ours":
        with FlopCounterMode(display=False) as counter:
            run()
        flops = counter.get_total_flops()
    return {"rates": [length / s for s in seconds], "memory_gb": memory, "flops_per_token": flops / length}


def sentences(padding: str, mode: str, _: int, repeats: int, clock: Callable[[], float]) -> dict[str, object]:
    model = build(padding)
    length = torch.randint(20, 41, (SENTENCES, 1), generator=torch.Generator().manual_seed(0))
    mask = torch.arange(40) < length
    ids = zipf_ids(mask.numel()).view_as(mask)
    run = run_of(mode, list(model.parameters()), lambda: model(ids, mask).last_hidden_state)
    seconds, memory = measure(run, repeats, clock)
    return {"rates": [SENTENCES / s for s in seconds], "memory_gb": memory}


def ceiling(precision: str, _mode: str, _length: int, repeats: int, clock: Callable[[], float]) -> dict[str, object]:
    """GFLOP/s of the product of two square matrices of 4096 rows, the best of ten."""
    matrix = torch.randn(4096, 4096, dtype=getattr(torch, precision))
    product = torch.empty_like(matrix)

    def multiply() -> None:
        torch.mm(matrix, matrix, out=product)

    seconds, _memory = measure(multiply, repeats, clock)
    return {"gflops": 2 * 4096**3 / min(seconds) / 1e9}


POINTS = {"one_text": one_text, "sentences": sentences, "ceiling": ceiling}


def in_a_process_of_its_own(arguments: argparse.Namespace, *point: object) -> dict[str, object]:
    settings = ["--threads", str(arguments.threads), "--clock", arguments.clock]
    command = [sys.executable, "-m", "benchmarks.avey_b_speed", *settings, "--point", *map(str, point)]
    print("running", *point, file=sys.stderr)
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def cell(point: dict) -> str:
    rates = point["rates"]
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"


def print_tables(arguments: argparse.Namespace) -> None:
    repeats = arguments.repeats
    top = {p: in_a_process_of_its_own(arguments, "ceiling", p, "-", 0, 10)["gflops"] for p in ("float32", "bfloat16")}
    rates = f"float32 {top['float32']:.0f}, bfloat16 {top['bfloat16']:.0f} GFLOP/s"
    print(f"Matrix products, {arguments.threads} threads, {arguments.clock} clock: {rates}.\n")
    print("| mode | tokens | ours, tokens/s | direct, tokens/s | ratio | memory, GB | direct, GB | of ceiling |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for mode in arguments.modes:
        for length in arguments.training_lengths if mode == "training" else arguments.lengths:
            ours, direct = (
                in_a_process_of_its_own(arguments, "one_text", which, mode, length, repeats)
                for which in ("ours", "direct")
            )
            rate, other = (statistics.median(point["rates"]) for point in (ours, direct))
            fraction = rate * ours["flops_per_token"] / 1e9 / top["bfloat16" if mode == "bfloat16" else "float32"]
            memory = f"{ours['memory_gb']:.2f} | {direct['memory_gb']:.2f}"
            row = f"{mode} | {length} | {cell(ours)} | {cell(direct)} | {rate / other:.1f} | {memory} | {fraction:.0%}"
            print(f"| {row} |", flush=True)
    print("\n| mode | sentences/s, live | sentences/s, zero | ratio |\n| --- | --- | --- | --- |")
    for mode in arguments.modes:
        live, zero = (
            in_a_process_of_its_own(arguments, "sentences", p, mode, 0, 5 * repeats) for p in ("live", "zero")
        )
        ratio = statistics.median(zero["rates"]) / statistics.median(live["rates"])
        print(f"| {mode} | {cell(live)} | {cell(zero)} | {ratio:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[2048, 8192, 32768, 98304])
    parser.add_argument("--training-lengths", type=int, nargs="+", default=[2048, 8192, 16384])
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--point", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.point is None:
        print_tables(arguments)
    else:
        kind, which, mode, length, repeats = arguments.point
        print(json.dumps(POINTS[kind](which, mode, int(length), int(repeats), CLOCKS[arguments.clock])))


if __name__ == "__main__":
    main()
