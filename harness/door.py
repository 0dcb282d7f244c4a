"""The Python functions of the harness: they do the same as the commands, and return records and DataFrames.

Progress and remarks go to stderr, as for the commands. A message about bad input names the command's option.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.errors import InputError
from harness.machine import distributed
from harness.own_packages import find_own_packages
from harness.progress import stderr
from harness.python_values import as_joined, as_number, as_path, as_paths, as_text, as_whole, given_values, one_of
from harness.registry import load_plugins, plugin_failures
from harness.store import DEFAULT_STORE, RECORD, Store, read_record
from harness.store.record import FailureRecord, RunRecord, by_test_set, is_finished_run
from harness.values import data_dir as data_dir_of_environment
from harness.values import no_folder, shortened, valid_shown_name
from models.architectures import is_location
from models.attention.names import CHOICES, Attention

if TYPE_CHECKING:
    import pandas as pd

    from harness.cells.grids import Grid
    from harness.cells.request import Request
    from harness.cost.points import Growing, Limits, Point
    from harness.pipelines.run_cell import Keep
    from harness.scheduling.local import ChildProcesses
    from harness.store.frame import Kind

Folder = str | os.PathLike[str]
RecipeValue = float | int | str | None


class RunFailedError(Exception):
    """A cell ended without a score: out of memory, a loss that is not a number, or an error of a library.

    Attributes:
        record: of the failure, as in the store.
        log: the file with its messages.
    """

    def __init__(self, record: FailureRecord, log: Path) -> None:
        super().__init__(f"the run failed: {record['error']} (details in {log})")
        self.record, self.log = record, log


def run(
    model: Folder,
    task: str,
    *,
    weights: Folder = "scratch",
    name: str | None = None,
    size: str | None = None,
    seed: int = 0,
    data_dir: Folder | None = None,
    out: Folder = DEFAULT_STORE,
    force: bool = False,
    task_options: Mapping[str, str | float] | None = None,
    plugins: Sequence[Folder] = (),
    skip_bad: bool = False,
    strict_tags: bool = False,
    test: Sequence[str] = (),
    save_model: Folder | None = None,
    **recipe: RecipeValue,
) -> RunRecord:
    """Fine-tune one encoder on one task and score it, in this process; or take the result from the store.

    Args:
        model: name of a registered encoder; or a folder or hub id of any text encoder that transformers knows.
        task: ``family`` or ``family/dataset``.
        weights: of a registered encoder: ``scratch``, ``tiny-pretrained``, ``hub``, a folder or a hub id.
        name: what reports call the model; ``None`` for the hub id or the folder's name.
        size: ``tiny``, ``base`` or ``large``; ``None`` for the default of the weights.
        seed: of initialisation, batches and dropout. The caller's random states are not changed.
        data_dir: folder of local datasets; ``None`` for that of ``$HARNESS_DATA_DIR``.
        out: folder of the store.
        force: run the cell even if the store has its result.
        task_options: options of the task; ``python -m harness list tasks`` names them.
        plugins: Python files that register models or tasks.
        skip_bad: leave out malformed examples and count them in the record, instead of refusing the dataset.
        strict_tags: refuse CoNLL files with tags that violate their scheme, instead of converting them.
        test: other datasets of the family to test the trained model on.
        save_model: folder that gets the model, which transformers or sentence-transformers loads. A run that the store has
            without its model is run again.
        **recipe: values of the recipe, such as ``learning_rate=5e-4, epochs=3``; see `harness.cells.recipe.Recipe`.

    Returns:
        The record, see [the results format](../results.md).

    Raises:
        InputError: a name, a value, the data, the weights or the store is not usable.
        RunFailedError: the cell ended without a score.
    """
    given = {
        "model": model,
        "task": task,
        "weights": weights,
        "name": name,
        "size": size,
        "seeds": [seed],
        "data_dir": data_dir,
        "task_options": task_options,
        "skip_bad": skip_bad,
        "strict_tags": strict_tags,
        "test": list(test) or None,
        "recipe": given_values(recipe),
        "plugins": as_paths(plugins),
    }
    with _as_a_command(plugins):
        from harness.cells.grids import one_request
        from harness.pipelines.run_cell import Keep

        request = one_request(_usual() | given_values(given), "run")
        return _record_of(request, out, force, Keep(Path(as_path(save_model, "save_model")) if save_model else None))


def score(
    weights: Folder,
    task: str,
    *,
    data_dir: Folder | None = None,
    out: Folder = DEFAULT_STORE,
    force: bool = False,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
    max_length: int | None = None,
    precision: Literal["fp32", "bf16"] | None = None,
    engine: str = "torch",
    quantize: str = "none",
    task_options: Mapping[str, str | float] | None = None,
    plugins: Sequence[Folder] = (),
    skip_bad: bool = False,
    strict_tags: bool = False,
) -> RunRecord:
    """Score a fine-tuned checkpoint as it is, by the pipeline of `run` without training; or take the result from the store.

    Args:
        weights: folder or hub id of a model with a head and ``id2label``, or of sentence-transformers for retrieval.
        task: ``family`` or ``family/dataset``.
        data_dir: folder of local datasets; ``None`` for that of ``$HARNESS_DATA_DIR``.
        out: folder of the store.
        force: score it even if the store has its result.
        name: what reports call the model; ``None`` for the name of its encoder.
        labels: output of the checkpoint -> label of the dataset, where their names do not say so.
        max_length: longest input in tokens; ``None`` for that of the run that saved the model, else the task's.
        precision: ``None`` for that of the run that saved the model, else bf16 where the machine is fast at it.
        engine, quantize: how the model is run, see `harness.engines.Choice`.
        task_options: options of the task.
        plugins: Python files that register models or tasks.
        skip_bad: leave out malformed examples and count them in the record, instead of refusing the dataset.
        strict_tags: refuse CoNLL files with tags that violate their scheme, instead of converting them.

    Returns:
        The record; its ``trained`` says where the checkpoint comes from.

    Raises:
        InputError: a name, a value, the data, the checkpoint or the store is not usable.
        RunFailedError: the cell ended without a score.
    """
    with _as_a_command(plugins):
        from harness.cells.grids import one_request
        from harness.cells.request import ScoreRequest
        from harness.engines import Choice, check

        check(Choice(engine, quantize))
        given = {
            "model": "checkpoint",
            "task": task,
            "weights": weights,
            "name": name,
            "data_dir": data_dir,
            "task_options": task_options,
            "skip_bad": skip_bad,
            "strict_tags": strict_tags,
            "recipe": given_values({"max_length": max_length, "precision": precision}),
            "plugins": as_paths(plugins),
        }
        checked = one_request(_usual() | given_values(given), "score")
        told = {str(name): str(label) for name, label in (labels or {}).items()}
        return _record_of(
            ScoreRequest(**(vars(checked) | {"model": "", "labels": told, "engine": engine, "quantize": quantize})),
            out,
            force,
        )


def _record_of(request: Request, out: Folder, force: bool, keep: Keep | None = None) -> RunRecord:
    """Run a request in this process, or take its result from the store, without a change of the caller's random states."""
    from harness.nn.determinism import random_states_restored
    from harness.pipelines.run_cell import NOTHING, run_one

    with random_states_restored():
        outcome = run_one(request, as_path(out, "out"), bool(force), keep=keep or NOTHING)
    assert outcome is not None, "only helpers of torchrun have no record, and torchrun is refused"
    if outcome.record["status"] == "ok":
        return outcome.record
    raise RunFailedError(outcome.record, outcome.folder)


def sweep(
    grid: Folder | Mapping[str, object],
    *,
    out: Folder = DEFAULT_STORE,
    workers: int | None = None,
    threads: int | None = None,
    retry_failed: bool = False,
    save_best: Folder | None = None,
    plugins: Sequence[Folder] = (),
) -> pd.DataFrame:
    """Run models x tasks x learning rates x seeds. Each cell runs in its own process; stored cells are not run again.

    A cell is one model on one dataset with one recipe and one seed.

    Args:
        grid: a TOML file, or a mapping with the keys of one: ``models``, ``tasks``, ``learning_rates``, ``seeds`` and so on.
        out: folder of the store.
        workers: cells at a time; ``None`` for 1.
        threads: of each cell; ``None`` for the processors divided by ``workers``.
        retry_failed: run earlier failures again.
        save_best: folder that keeps, for each model on each dataset, the model that is best on dev.
        plugins: Python files that register models or tasks, in place of the grid's.

    Returns:
        The rows of `load_results` for the finished cells of the grid. Failed cells are named on stderr;
        ``load_results(out, kind="failure")`` has their rows.

    Raises:
        InputError: the grid or the store is not usable. A cell that fails raises nothing.
    """
    with _as_a_command(plugins):
        from harness.cells import grids
        from harness.commands.sweep import workers_and_threads
        from harness.scheduling.local import ChildOptions, ChildProcesses
        from harness.store import frame

        best_in = as_path(save_best, "save_best") if save_best else None
        at_a_time, threads_each = workers_and_threads(as_whole(workers, "workers"), as_whole(threads, "threads"))
        what = given_values(grid) if isinstance(grid, Mapping) else as_path(grid, "grid")
        found = grids.read(what, given_values({"plugins": as_paths(plugins) or None}), _usual())
        options = ChildOptions(as_path(out, "out"), threads_each, ("--save-best", best_in) if best_in else ())
        return frame.runs(_swept(found, ChildProcesses(at_a_time, options), bool(retry_failed), best_in))


def bench(
    models: str | Sequence[str] = "all",
    *,
    size: str = "tiny",
    lengths: Sequence[int] | None = None,
    mode: Literal["inference", "training"] = "inference",
    batch_size: int | None = None,
    tokens_per_batch: int | None = None,
    precision: Literal["fp32", "bf16"] | None = None,
    attention: Attention = "best",
    engine: str | Sequence[str] = "torch",
    quantize: str | Sequence[str] = "none",
    weights: Folder = "scratch",
    names: Sequence[str] = (),
    batch_sizes: str | Sequence[int | str] | None = None,
    texts: Folder | None = None,
    threads: int | None = None,
    extend_positions: bool = False,
    point_timeout: float = 120.0,
    memory_limit: int | None = None,
    min_repetitions: int = 5,
    min_seconds: float = 1.0,
    out: Folder = DEFAULT_STORE,
    force: bool = False,
    plugins: Sequence[Folder] = (),
) -> pd.DataFrame:
    """Measure throughput, latency and memory against length, each point in its own process.

    Args:
        models: ``all``, one, or several: registered names, folders and hub ids.
        size: of all models.
        lengths: tokens, increasing; ``None`` for 128 to 98,304.
        mode: ``inference`` (forward), or ``training`` (forward, backward, optimiser step).
        batch_size: texts of every batch; ``None`` for 1.
        tokens_per_batch: fill each batch with as many texts as fit into this number of tokens, instead of a fixed number.
        precision: ``None`` for bf16 where the machine is fast at it, else fp32.
        attention: kernel of all attention models; ``best`` is for each the fastest that is exact on this machine.
        engine: ``torch``, ``compile``, ``onnxruntime``, ``openvino``, or several of them.
        quantize: ``none``, ``int8``, ``bf16``, or several of them.
        names: what tables call the models with weights, in their order; empty for hub ids and folders.
        weights: of the registered models: ``scratch``, ``tiny-pretrained``, ``hub``, a folder or a hub id.
        batch_sizes: several in place of ``batch_size``; ``"auto"`` among them doubles the batch until throughput stops growing.
        texts: a file of a user's own texts, whose lengths are measured in place of ``lengths``.
        threads: of the processor; ``None`` for all.
        extend_positions: measure beyond a model's own length, for cost only.
        point_timeout: seconds of a point.
        memory_limit: private memory of a point, in MiB; ``None`` for the free memory minus 512 MiB.
        min_repetitions: minimum number of calls per point.
        min_seconds: minimum time of these calls together.
        out: folder of the store.
        force: measure stored points again.
        plugins: Python files that register models.

    Returns:
        A row per point, measured or not, with the columns of ``load_results(kind="bench")``.

    Raises:
        InputError: a value or the store is not usable. A point that fails raises nothing.
    """
    with _as_a_command(plugins):
        from harness.cost.points import parse_batch_sizes, parse_choices, parse_lengths, parse_models, points_of
        from harness.cost.settings import settings_of
        from harness.cost.texts import read_texts
        from harness.cost.weights import subjects

        every = as_joined(models, "models").split(",")
        located = [one for one in every if is_location(one)]
        registered = [one for one in every if one not in located]
        encoders = parse_models(",".join(registered)) if registered else []
        tokens = parse_lengths(None if lengths is None else as_joined(lengths, "lengths"))
        own = read_texts(str(as_path(texts, "texts"))) if texts is not None else None
        settings = settings_of(
            size=as_text(size, "size"),
            mode=one_of("mode", mode, ("inference", "training")),
            batch_size=as_whole(batch_size, "batch_size"),
            tokens_per_batch=as_whole(tokens_per_batch, "tokens_per_batch"),
            precision=one_of("precision", precision, ("fp32", "bf16", None)),
            attention=one_of("attention", attention, CHOICES),
            threads=as_whole(threads, "threads"),
            extend_positions=bool(extend_positions),
            batch_sizes=() if batch_sizes is None else parse_batch_sizes(as_joined(batch_sizes, "batch_sizes")),
            choices=parse_choices(as_joined(engine, "engine"), as_joined(quantize, "quantize")),
            texts=own.name if own else "",
        )
        limits = _limits(point_timeout, memory_limit, min_repetitions, min_seconds)
        source, shown = str(as_path(weights, "weights")), [valid_shown_name(as_text(one, "names")) for one in names]
        found = subjects(encoders, settings.size, source, located, own, shown)
        points, store = points_of(found, tokens, settings), Store(as_path(out, "out"))
        return _measured(points, limits, store, bool(force), as_paths(plugins))


def compare(
    one: Folder,
    other: Folder,
    *,
    task: str | None = None,
    test: str | None = None,
    split: Literal["test", "dev"] = "test",
    any_recipe: bool = False,
    resamples: int = 10_000,
    out: Folder = DEFAULT_STORE,
) -> pd.DataFrame:
    """Compare two encoders example by example on the datasets that both have.

    Args:
        one: ``MODEL``, ``MODEL:SIZE``, ``MODEL@WEIGHTS``, or the folder of a run.
        other: as ``one``.
        task: ``family`` or ``family/dataset`` of the training: only these.
        test: ``family/dataset``: only the scores on this dataset, such as a test set of ``run``.
        split: whose scores are compared.
        any_recipe: compare runs of different recipes too.
        resamples: of intervals and tests.
        out: folder of the store.

    Returns:
        A row per dataset and recipe; ``apart`` tells several rows of one dataset apart. ``a_score`` and ``b_score`` are
        means over seeds, each with ``_low`` and ``_high``, the 95 % interval; ``difference`` is a minus b, with its
        interval; ``p`` is of approximate randomisation and ``p_holm`` corrected for the number of rows;
        ``minimum_detectable_difference`` is the true difference that this number of seeds and examples detects with
        power 0.8 at 5 %.

    Raises:
        InputError: a name means no run or several encoders, or the runs are not comparable.
    """
    with _as_a_command():
        import pandas as pd

        from harness.commands.compare import compared
        from harness.report.terminal import compare_table

        one_of("split", split, ("test", "dev"))
        found = compared(
            (as_path(one, "one"), as_path(other, "other")),
            Store(as_path(out, "out")),
            task=task,
            test=test,
            split=split,
            any_recipe=bool(any_recipe),
            resamples=as_whole(resamples, "resamples") or 0,
        )
        return pd.DataFrame(compare_table.rows(found))


def check(
    model: Folder, *, weights: Folder = "scratch", size: str | None = None, plugins: Sequence[Folder] = ()
) -> pd.DataFrame:
    """Certify an encoder: check padding, determinism, gradients, saving and other requirements of a fair comparison.

    Args:
        model: name of a registered encoder; or a folder or hub id of any text encoder that transformers knows.
        weights: of a registered encoder: ``scratch``, ``tiny-pretrained``, ``hub``, a folder or a hub id.
        size: ``tiny``, ``base`` or ``large``; ``None`` for the default of the weights.
        plugins: Python files that register models.

    Returns:
        A row per demand: ``name``, ``passed``, ``measured`` (the deviation; NaN if an exception ended the check),
        ``limit`` and ``detail``.

    Raises:
        InputError: the names or the weights are not usable.
    """
    with _as_a_command(plugins):
        import pandas as pd

        from harness.conformance.certify import check_one

        named = None if size is None else as_text(size, "size")
        checks = check_one(as_path(model, "model"), as_path(weights, "weights"), named)
        return pd.DataFrame([asdict(found) for found in checks]).astype({"measured": "float64"})


def load_results(folder: Folder = DEFAULT_STORE, *, kind: Kind = "run") -> pd.DataFrame:
    """The records of a store as a tidy table.

    Args:
        folder: of the store.
        kind: ``run`` for finished runs, a row per run and split with metrics as columns; ``failure`` for cells that
            ended without a score; ``bench`` for points of a bench; ``imported`` for scores of other tools;
            ``pretraining`` for pretrained encoders.

    Returns:
        The columns are described under Tables below. A store without such records gives a table without
        rows. Files that are not complete records are named on stderr and left out.

    Raises:
        InputError: the folder or kind does not exist.
    """
    from harness.store import frame

    one_of("kind", kind, tuple(frame.FRAMES))
    store = Store(as_path(folder, "folder"))
    if not store.folder.is_dir():
        raise InputError(f"{no_folder(store.folder)}; give the store that runs were written to")
    return frame.of_kind(kind, store, lambda problem: stderr.print(f"harness: {problem}"))


def load_predictions(
    run: RunRecord | pd.Series | Folder, *, test: str | None = None, out: Folder = DEFAULT_STORE
) -> pd.DataFrame:
    """The predictions of a run.

    Args:
        run: its record, a row of `load_results`, its key, or its folder.
        test: the test set of the run whose predictions are read; ``None`` for the dataset of its training.
        out: folder of the store that holds it, if ``run`` is not a folder.

    Returns:
        A row per example of dev and test: ``split``, ``id``, ``gold``, ``predicted``, its texts, and
        ``terms``, the numerator and denominator of the example's share of the main metric.

    Raises:
        InputError: there is no such run, or its predictions are missing or were changed.
    """
    from harness.store import frame

    folder = _run_folder(run, Path(as_path(out, "out")))
    record = read_record(folder / RECORD)
    if not is_finished_run(record):
        raise InputError(f"{folder} holds no finished run that this version reads; run it again")
    scored = {one["task"]["dataset"]: one for one in by_test_set(record)}
    if test is not None and test not in scored:
        raise InputError(f"the run in {folder} was not tested on {test}; it has scores on {', '.join(scored)}")
    wanted = record if test is None else scored[test]
    return frame.predictions(Store(folder.resolve().parent).predictions(wanted))


def _swept(grids: list[Grid], executor: ChildProcesses, retry_failed: bool, best_in: str | None) -> list[RunRecord]:
    """Run the cells of grids that are not stored; returns the records of all finished cells."""
    from harness.scheduling.best_models import check_folders, keep_best_models
    from harness.scheduling.sweep import ready, rename_stored

    store = Store(executor.options.out)
    under_way = ready(grids, store, retry_failed, stderr.print)
    if best_in:
        check_folders(under_way.cells, Path(best_in))
    rename_stored(under_way.cells, store, stderr.print)
    if under_way.to_run:
        under_way.run_and_show(executor, executor.workers)
    if best_in:
        keep_best_models(under_way, executor, Path(best_in), stderr.print)
    if failures := under_way.failures():
        stderr.print(
            f"{len(failures)} of {len(under_way.cells)} cells failed; their messages are in error.log of their folders in "
            f"{store.folder}, and retry_failed=True runs them again"
        )
    return under_way.records()


def _limits(timeout: object, memory: object, repetitions: object, seconds: object) -> Limits:
    """The limits of each point of a bench."""
    from harness.cost.settings import limits_of

    return limits_of(
        as_number(timeout, "point_timeout"),
        as_whole(memory, "memory_limit"),
        as_whole(repetitions, "min_repetitions") or 0,
        as_number(seconds, "min_seconds"),
    )


def _measured(
    points: Sequence[Point | Growing], limits: Limits, store: Store, force: bool, plugins: Sequence[str]
) -> pd.DataFrame:
    """Measure the points of a bench, or take them from the store."""
    from harness.cost.run import Bench
    from harness.store import frame

    store.check_writable()
    under_way = Bench(store, limits, force=force, plugins=plugins, say=stderr.print)
    records = under_way.run(points)
    if under_way.unwritten:
        stderr.print(f"{under_way.unwritten} records could not be written to {store.folder}")
    return frame.points(records)


@contextmanager
def _as_a_command(plugins: Sequence[Folder] = ()) -> Iterator[None]:
    """Prepare the block like a command: load plug-ins, and turn their failures into sentences.

    Raises:
        InputError: a plug-in failed, torchrun started this process, or other packages hide ours.
    """
    if distributed.processes() > 1:
        raise InputError("the Python functions do not run under torchrun; give it python -m harness run")
    find_own_packages()
    with plugin_failures():
        load_plugins(as_paths(plugins))
        yield


def _run_folder(run: object, store: Path) -> Path:
    """The folder of a run.

    Raises:
        InputError: there is no such run.
    """
    if isinstance(run, str | os.PathLike):
        if (Path(run) / RECORD).is_file():
            return Path(run)
        key = os.fspath(run)
    else:
        get = getattr(run, "get", None)  # a record, or a row of a DataFrame
        key = get("key") if callable(get) else None
    found = sorted(store.glob(f"*_{glob.escape(key)}/{RECORD}")) if isinstance(key, str) and "/" not in key else []
    if not found:
        raise InputError(
            f"{store} has no run {shortened(repr(key or run))}; give a record, the key or the folder of a run, and out= if the "
            "store is another one"
        )
    return found[0].parent


def _usual() -> dict[str, object]:
    folder = data_dir_of_environment()
    return {"data_dir": as_path(folder, "$HARNESS_DATA_DIR")} if folder else {}
