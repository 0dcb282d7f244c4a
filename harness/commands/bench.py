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
from harness.progress import counted, stderr
from harness.values import valid_model, valid_name, valid_path, valid_shown_name
from models.attention.names import BEST, CHOICES
from models.encoder import BASELINE, baseline_of

if TYPE_CHECKING:
    from harness.cost.points import Growing, Limits, Point, Settings, Subject
    from harness.cost.run import Bench
    from harness.store import RunRecord, Store
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
    from harness.cost.points import parse_lengths, points_of
    from harness.cost.run import Bench
    from harness.cost.settings import limits_of
    from harness.store import Store

    lengths, settings = parse_lengths(options.lengths), _settings(options)
    subjects = _subjects(options, settings)
    models = [subject.name or subject.model for subject in subjects]
    baseline = _baseline(options.baseline, models)
    limits = limits_of(options.point_timeout, options.memory_limit, options.min_repetitions, options.min_seconds)
    points = points_of(subjects, lengths, settings)
    store = Store(options.out)
    store.check_writable()
    stderr.print(_announced(subjects, points, settings, limits))
    under_way = Bench(store, limits, force=options.force, plugins=options.plugin or (), say=stderr.print)
    records = under_way.run(points)
    baseline = _in_first_engine(baseline, records)
    folder = Path(options.report) if options.report else store.folder / "bench"
    written = _write_report(records, baseline, folder, list(store.records()))
    _print(records, baseline, written, as_json=options.json)
    return _exit_code(records, under_way, store)


def _settings(options: argparse.Namespace) -> Settings:
    from harness.cost.points import parse_batch_sizes, parse_choices
    from harness.cost.settings import settings_of

    return settings_of(
        size=options.size,
        mode=options.mode,
        batch_size=options.batch_size,
        tokens_per_batch=options.tokens_per_batch,
        precision=options.precision,
        attention=options.attn,
        threads=options.threads,
        extend_positions=options.extend_positions,
        batch_sizes=parse_batch_sizes(options.batch_sizes) if options.batch_sizes is not None else (),
        choices=parse_choices(options.engine, options.quantize),
        texts=Path(options.texts).name if options.texts else "",
    )


def _subjects(options: argparse.Namespace, settings: Settings) -> list[Subject]:
    """What is measured; with a user's own texts, their lengths go to stderr."""
    from harness.cost.points import parse_models
    from harness.cost.texts import read_texts, told
    from harness.cost.weights import subjects

    given = options.model or []
    models = (
        parse_models("all" if options.models is None else options.models)
        if options.models is not None or not given
        else []
    )
    texts = read_texts(options.texts) if options.texts else None
    found = subjects(models, options.size, options.weights, given, texts, options.name or [])
    if texts is not None:
        sizes = [size for size in settings.batch_sizes or (settings.batch_size,) if size]
        for subject in found:
            stderr.print(told(texts, subject.name or subject.model, subject.texts, sizes or (8, 32)))
    return found


def _announced(
    subjects: Sequence[Subject], points: Sequence[Point | Growing], settings: Settings, limits: Limits
) -> str:
    scratch = [subject.model for subject in subjects if not subject.weights]
    own = [f"{subject.name} ({subject.model})" for subject in subjects if subject.weights]
    what = [f"{', '.join(scratch)} {settings.size}, scratch weights"] if scratch else []
    what += [f"weights of {', '.join(own)}"] if own else []
    engines = [choice.label or "torch" for choice in settings.choices]
    return (
        f"{counted(len(points), 'point')}: {', '.join(what)}, {settings.mode}, "
        f"{settings.precision}, {settings.attention} attention{', ' + ', '.join(engines) if engines != ['torch'] else ''}, "
        f"{counted(settings.threads, 'thread')} on {settings.machine}; "
        f"each at most {limits.timeout_s:g} s and {limits.memory_mib} MiB"
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


def _exit_code(records: Sequence[PointRecord], bench: Bench, store: Store) -> int:
    """1 if a point failed or could not be kept, else 0; the reasons go to stderr."""
    if bench.outdated:
        stderr.print(
            f"{bench.outdated} points were measured by another revision of the code; --force measures them again"
        )
    failed = [record for record in records if record["status"] == "failed"]
    if failed:
        stderr.print(f"{len(failed)} of {counted(len(records), 'point')} failed: {failed[0]['error']}")
        if any(record.get("log") for record in failed):
            stderr.print(f"the output of their processes is under 'log' in their run.json in {store.folder}")
    if bench.unwritten:
        stderr.print(
            f"{bench.unwritten} records could not be written to {store.folder}; free some space and run the command again"
        )
    return 1 if failed or bench.unwritten else 0


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
