"""``python -m harness bench``: its options, and the steps of the command."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import Commands
from harness.commands.cell_options import Options, add_store_option
from harness.engines import ENGINES, QUANTIZATIONS
from harness.errors import InputError
from harness.progress import stderr
from harness.values import valid_model, valid_name, valid_path, valid_shown_name
from models.attention.names import BEST, CHOICES
from models.encoder import BASELINE, baseline_of

if TYPE_CHECKING:
    from harness.cost.bench import BenchRequest
    from harness.store import RunRecord
    from harness.store.record import PointRecord

EXAMPLES = """examples:
  python -m harness bench --models avey-b,modernbert --lengths 128,512,2048
  python -m harness bench --model ./my-encoder --engine torch,onnxruntime,openvino --quantize none,int8
  python -m harness bench --models bert --batch-sizes 1,8,32,auto --texts reviews.txt
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command ``bench``."""
    parser = commands.add_parser(
        "bench", parents=[common], epilog=EXAMPLES, help="measure throughput, latency and memory against length"
    )
    measured = parser.add_argument_group("what is measured")
    _add_models(measured)
    _add_batches(measured)
    _add_execution(measured)
    _add_limits(parser.add_argument_group("limits of each point"))
    output = parser.add_argument_group("output")
    output.add_argument(
        "--baseline",
        type=valid_name,
        metavar="MODEL",
        help=f"model that ratios refer to (default {BASELINE}, else the first)",
    )
    add_store_option(output)
    output.add_argument(
        "--report", type=valid_path, metavar="DIR", help="folder of tables and figures (default: bench in the store)"
    )
    output.add_argument("--force", action="store_true", help="measure stored points again")
    output.add_argument("--json", action="store_true", help="print one JSON line per point on stdout")
    parser.set_defaults(command=bench)


def _add_models(options: Options) -> None:
    options.add_argument("--models", metavar="A,B", help="names separated by commas, or all (default without --model)")
    options.add_argument(
        "--model",
        type=valid_model,
        action="append",
        metavar="DIR",
        help="folder or hub id of weights to measure; can be repeated",
    )
    options.add_argument(
        "--name",
        type=valid_shown_name,
        action="append",
        help="what tables call a model with weights; once for each of them (default: hub id or folder)",
    )
    options.add_argument(
        "--weights",
        type=valid_path,
        default="scratch",
        metavar="W",
        help="of --models: scratch (default), tiny-pretrained, hub, a folder or a hub id",
    )
    options.add_argument("--size", type=valid_name, default="tiny", help="tiny (default), base, large")


def _add_batches(options: Options) -> None:
    lengths = options.add_mutually_exclusive_group()
    lengths.add_argument("--lengths", metavar="N,M", help="tokens, increasing (default 128,512,2048,8192,32768,98304)")
    lengths.add_argument(
        "--texts",
        type=valid_path,
        metavar="FILE",
        help="lengths of your own texts: one per line, or JSONL with the key text",
    )
    options.add_argument(
        "--mode", choices=["inference", "training"], default="inference", help="what to measure (default inference)"
    )
    batch = options.add_mutually_exclusive_group()
    batch.add_argument("--batch-size", type=int, metavar="B", help="texts of every batch (default 1)")
    batch.add_argument(
        "--batch-sizes", metavar="N,auto", help="several; auto doubles the batch until throughput stops growing"
    )
    batch.add_argument("--tokens-per-batch", type=int, metavar="T", help="as many texts as hold T tokens")


def _add_execution(options: Options) -> None:
    options.add_argument("--precision", choices=["fp32", "bf16"], help="default: bf16 where the machine is fast at it")
    options.add_argument(
        "--attn",
        choices=CHOICES,
        default=BEST,
        help="attention kernel of all models (default best: for each model the fastest that is exact on this machine)",
    )
    options.add_argument(
        "--engine", default="torch", metavar="E,F", help=f"one or several of {', '.join(ENGINES)} (default torch)"
    )
    options.add_argument(
        "--quantize", default="none", metavar="Q,R", help=f"one or several of {', '.join(QUANTIZATIONS)} (default none)"
    )
    options.add_argument(
        "--compile", dest="engine", action="store_const", const="compile", help="the same as --engine compile"
    )
    options.add_argument("--threads", type=int, metavar="N", help="threads of the processor (default: all)")
    options.add_argument(
        "--extend-positions", action="store_true", help="measure beyond a model's own length, for cost only"
    )


def _add_limits(options: Options) -> None:
    options.add_argument("--point-timeout", type=float, default=120.0, metavar="S", help="seconds (default 120)")
    options.add_argument(
        "--memory-limit", type=int, metavar="MIB", help="memory limit per point (default: free memory minus 512 MiB)"
    )
    options.add_argument(
        "--min-repetitions", type=int, default=5, metavar="N", help="repeat at least N times (default 5)"
    )
    options.add_argument(
        "--min-seconds", type=float, default=1.0, metavar="S", help="and for at least S seconds (default 1)"
    )


def bench(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.cost.bench import plan_bench, run_bench
    from harness.store import Store

    plan = plan_bench(_request(options))
    baseline = _baseline(options.baseline, plan.names)
    store = Store(options.out)
    outcome = run_bench(plan, store, force=options.force, plugins=options.plugin or (), say=stderr.print)
    baseline = _in_first_engine(baseline, outcome.records)
    folder = Path(options.report) if options.report else store.folder / "bench"
    written = _write_report(outcome.records, baseline, folder, list(store.records()))
    _print(outcome.records, baseline, written, as_json=options.json)
    for remark in outcome.remarks():
        stderr.print(remark)
    return 1 if outcome.failed or outcome.unwritten else 0


def _request(options: argparse.Namespace) -> BenchRequest:
    from harness.cost.bench import BenchRequest

    return BenchRequest(
        models=options.models,
        locations=options.model or (),
        names=options.name or (),
        weights=options.weights,
        size=options.size,
        lengths=options.lengths,
        texts=options.texts,
        mode=options.mode,
        batch_size=options.batch_size,
        batch_sizes=options.batch_sizes,
        tokens_per_batch=options.tokens_per_batch,
        precision=options.precision,
        attention=options.attn,
        engine=options.engine,
        quantize=options.quantize,
        threads=options.threads,
        extend_positions=options.extend_positions,
        point_timeout=options.point_timeout,
        memory_limit=options.memory_limit,
        min_repetitions=options.min_repetitions,
        min_seconds=options.min_seconds,
    )


def _write_report(records: Sequence[PointRecord], baseline: str, folder: Path, runs: Sequence[RunRecord]) -> list[Path]:
    """Write tables and figures; returns their files, or none after a message if the folder cannot be written."""
    from harness.exchange.published import published, published_command
    from harness.report.cost import pareto, plots, tables

    try:
        records = [published(record) for record in records]
        command = published_command(shlex.join(["python", "-m", "harness", *sys.argv[1:]]))
        written: list[Path] = tables.write(records, baseline, folder, command)
        written += plots.write(records, baseline, folder)
        return written + pareto.write(records, runs, folder)
    except OSError as error:
        stderr.print(
            f"tables and figures could not be written to {folder} ({error.strerror}); choose another with --report"
        )
        return []


def _print(records: Sequence[PointRecord], baseline: str, written: Sequence[Path], as_json: bool) -> None:
    from harness.report.cost import tables
    from harness.terminal import show, show_json

    if as_json:
        for record in records:
            show_json(record)
        return
    print(tables.as_text(records, baseline), end="")
    for file in written:
        show(f"  {file}")


def _in_first_engine(baseline: str, records: Sequence[PointRecord]) -> str:
    """The baseline as tables call it: in the engine that measured it first."""
    from harness.report.cost.curves import name_of

    names = (
        name_of(record) for record in records if (record["point"].get("name") or record["point"]["model"]) == baseline
    )
    return next(names, baseline)


def _baseline(asked: str | None, models: Sequence[str]) -> str:
    if asked is None:
        return baseline_of(models)
    if asked not in models:
        raise InputError(f"the baseline {asked} is not measured; add it to --models or choose {models[0]}")
    return asked
