"""``python -m harness bench``: its options, and what it does with them."""

from __future__ import annotations

import argparse
import importlib.util
import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.cell_options import add_store_option
from harness.errors import InputError
from harness.values import valid_name, valid_path

if TYPE_CHECKING:
    from harness.cost.points import Limits

SHORTEST_TIMEOUT_S = 1.0
SPARE_MIB = 512
"""Of the memory that is free when the bench starts, so much is left to the rest of the machine."""


EXAMPLES = """examples:
  python -m harness bench --models avey-b,modernbert --lengths 128,512,2048
  python -m harness bench --models bert --mode training --tokens-per-batch 4096
  python -m harness bench --precision fp32 --threads 1 --json
"""


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command ``bench``."""
    parser = commands.add_parser(
        "bench", parents=[common], epilog=EXAMPLES, help="throughput, latency and memory against length"
    )
    what = parser.add_argument_group("what is measured")
    what.add_argument("--models", default="all", metavar="A,B", help="names with commas, or all (default)")
    what.add_argument("--size", type=valid_name, default="tiny", help="tiny (default), base, large")
    what.add_argument("--lengths", metavar="N,M", help="tokens, increasing (default 128,512,2048,8192,32768,98304)")
    what.add_argument("--mode", choices=["inference", "training"], default="inference", help="default inference")
    batch = what.add_mutually_exclusive_group()
    batch.add_argument("--batch-size", type=int, metavar="B", help="texts of every batch (default 1)")
    batch.add_argument("--tokens-per-batch", type=int, metavar="T", help="as many texts as hold T tokens")
    what.add_argument("--precision", choices=["fp32", "bf16"], help="default: bf16 where the machine is fast at it")
    what.add_argument(
        "--attn", choices=["sdpa", "eager", "flash_attention_2"], default="sdpa", help="kernel of all attention models"
    )
    what.add_argument("--compile", action="store_true", help="torch.compile for all models")
    what.add_argument("--threads", type=int, metavar="N", help="of the processor (default: all)")
    what.add_argument(
        "--extend-positions", action="store_true", help="measure beyond a model's own length, for cost only"
    )
    limits = parser.add_argument_group("when a point ends")
    limits.add_argument("--point-timeout", type=float, default=120.0, metavar="S", help="seconds (default 120)")
    limits.add_argument(
        "--memory-limit", type=int, metavar="MIB", help="private memory of a point (default: what is free, but 512 MiB)"
    )
    limits.add_argument("--min-repetitions", type=int, default=5, metavar="N", help="at least so many (default 5)")
    limits.add_argument("--min-seconds", type=float, default=1.0, metavar="S", help="and at least so long (default 1)")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--baseline", type=valid_name, metavar="MODEL", help="of the ratios (default modernbert, else the first model)"
    )
    add_store_option(output)
    output.add_argument(
        "--report", type=valid_path, metavar="DIR", help="folder of tables and figures (default: bench in the store)"
    )
    output.add_argument("--force", action="store_true", help="measure again what the store has")
    output.add_argument("--json", action="store_true", help="print one JSON line a point on stdout")
    parser.set_defaults(command=bench)


def bench(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.cost.points import DEFAULT_LENGTHS, Settings, check_threads, parse_lengths, parse_models, points_of
    from harness.progress import counted, stderr
    from harness.store import Store
    from harness.terminal import show, show_json

    models = parse_models(options.models)
    lengths = parse_lengths(options.lengths) if options.lengths is not None else DEFAULT_LENGTHS
    threads = check_threads(options.threads)
    baseline = _baseline(options.baseline, models)
    check_kernel(options.attn)
    limits = limits_of(options.point_timeout, options.memory_limit, options.min_repetitions, options.min_seconds)

    def say(line: str) -> None:
        stderr.print(line)

    store = Store(options.out)
    precision, machine = precision_and_machine(options.precision)
    settings = Settings(
        size=options.size,
        precision=precision,
        machine=machine,
        threads=threads,
        mode=options.mode,
        batch_size=options.batch_size,
        tokens_per_batch=options.tokens_per_batch,
        attention=options.attn,
        compiled=options.compile,
        extend_positions=options.extend_positions,
    )
    points = points_of(models, lengths, settings)
    store.check_writable()
    say(
        f"{counted(len(points), 'point')}: {', '.join(models)} {options.size}, scratch weights, {options.mode}, {precision}, "
        f"{options.attn}{', compiled' if options.compile else ''}, {counted(threads, 'thread')} on {machine}; "
        f"each at most {limits.timeout_s:g} s and {limits.memory_mib} MiB"
    )
    from harness.cost.run import Bench

    under_way = Bench(store, limits, force=options.force, plugins=options.plugin or (), say=say)
    records = under_way.run(points)

    from harness.report.cost import tables as bench_tables

    folder = Path(options.report) if options.report else store.folder / "bench"
    written = _write_report(records, baseline, folder, list(store.records()), say)
    if options.json:
        for record in records:
            show_json(record)
    else:
        print(bench_tables.as_text(records, baseline), end="")
        for file in written:
            show(f"  {file}")
    if under_way.outdated:
        say(f"{under_way.outdated} points were measured by another revision of the code; --force measures them anew")
    failed = [record for record in records if record["status"] == "failed"]
    if failed:
        say(f"{len(failed)} of {counted(len(records), 'point')} failed: {failed[0]['error']}")
        if any(record.get("log") for record in failed):
            say(f"what their processes printed is under 'log' in their run.json in {store.folder}")
    if under_way.unwritten:
        say(f"{under_way.unwritten} records could not be written to {store.folder}; free some space and start it again")
    return 1 if failed or under_way.unwritten else 0


def _write_report(records: list[Any], baseline: str, folder: Path, runs: list[Any], say: Any) -> list[Path]:
    from harness.exchange.published import published, published_command
    from harness.report.cost import pareto as bench_pareto
    from harness.report.cost import plots as bench_plots
    from harness.report.cost import tables as bench_tables

    try:
        records = [published(record) for record in records]
        command = published_command(shlex.join(["python", "-m", "harness", *sys.argv[1:]]))
        written: list[Path] = bench_tables.write(records, baseline, folder, command)
        written += bench_plots.write(records, baseline, folder)
        return written + bench_pareto.write(records, runs, folder)
    except OSError as error:
        say(f"tables and figures could not be written to {folder} ({error.strerror}); choose another with --report")
        return []


def _baseline(asked: str | None, models: list[str]) -> str:
    if asked is None:
        return "modernbert" if "modernbert" in models else models[0]
    if asked not in models:
        raise InputError(f"the baseline {asked} is not measured; add it to --models or choose {models[0]}")
    return asked


def check_kernel(attention: str) -> None:
    """Check that this machine has a kernel of attention.

    Raises:
        InputError: it lacks the GPU or the package.
    """
    if attention != "flash_attention_2":
        return
    import torch

    if not torch.cuda.is_available():
        raise InputError("flash_attention_2 needs an NVIDIA GPU; use --attn sdpa")
    if importlib.util.find_spec("flash_attn") is None:
        raise InputError("flash_attention_2 needs the package flash-attn; install it or use --attn sdpa")


def limits_of(timeout_s: float, memory_mib: int | None, min_repetitions: int, min_seconds: float) -> Limits:
    """When points end.

    Args:
        timeout_s: seconds of a point.
        memory_mib: private memory of a point; ``None`` for what is free less `SPARE_MIB`.
        min_repetitions, min_seconds: repetitions go on until both are reached.

    Raises:
        InputError: a value is out of its range.
    """
    from harness.cost.points import Limits
    from harness.machine import memory

    if not SHORTEST_TIMEOUT_S <= timeout_s < math.inf:
        raise InputError(f"--point-timeout must be at least {SHORTEST_TIMEOUT_S:g} s, not {timeout_s:g}")
    if min_repetitions < 1:
        raise InputError(f"--min-repetitions must be at least 1, not {min_repetitions}")
    if not 0 <= min_seconds < timeout_s:
        raise InputError(
            f"--min-seconds must be less than the point timeout of {timeout_s:g} s, and not {min_seconds:g}"
        )
    if memory_mib is not None and memory_mib < 1:
        raise InputError(f"--memory-limit must be at least 1 MiB, not {memory_mib}")
    limit = memory_mib or max(memory.available_mib() - SPARE_MIB, 1)
    return Limits(timeout_s, limit, min_repetitions, min_seconds)


def precision_and_machine(precision: str | None) -> tuple[str, str]:
    """The precision, and the name of the machine with its version of torch."""
    import torch

    from harness.machine import provenance

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else provenance.cpu_name()
    return precision or provenance.fast_precision(), f"{device}, torch {torch.__version__}"
