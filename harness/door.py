"""The Python functions that run something: they do the same as the commands, and return records and DataFrames.

Progress and remarks go to stderr, as for the commands. A message about bad input names the command's option.
"""

from __future__ import annotations

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
from harness.python_values import (
    as_joined,
    as_number,
    as_path,
    as_paths,
    as_shown_names,
    as_text,
    as_texts,
    as_whole,
    given_values,
    one_of,
)
from harness.registry import load_plugins, plugin_failures
from harness.store import DEFAULT_STORE, Store
from harness.store.record import FailureRecord, RunRecord
from harness.values import data_dir as data_dir_of_environment
from models.architectures import is_location
from models.attention.names import CHOICES, Attention

if TYPE_CHECKING:
    import pandas as pd

    from harness.cells.request import Request
    from harness.pipelines.run_cell import Keep

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
    plugins: Folder | Sequence[Folder] = (),
    skip_bad: bool = False,
    strict_tags: bool = False,
    test: str | Sequence[str] = (),
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
        "test": as_texts(test, "test") or None,
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
    plugins: Folder | Sequence[Folder] = (),
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
        precision: of torch without quantisation; ``None`` for that of the run that saved the model, else bf16 where the machine
            is fast at it. Other engines and int8 compute in float32.
        engine: that runs the model, see `harness.engines.Choice`.
        quantize: how its numbers are rounded, see `harness.engines.Choice`.
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
    plugins: Folder | Sequence[Folder] = (),
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
        from harness.scheduling.local import ChildOptions, ChildProcesses, workers_and_threads
        from harness.scheduling.run_sweep import failures_told, plan_sweep, run_sweep
        from harness.store import frame

        store, best_in = Store(as_path(out, "out")), as_path(save_best, "save_best") if save_best else None
        at_a_time, threads_each = workers_and_threads(as_whole(workers, "workers"), as_whole(threads, "threads"))
        what = given_values(grid) if isinstance(grid, Mapping) else as_path(grid, "grid")
        found = grids.read(what, given_values({"plugins": as_paths(plugins) or None}), _usual())
        options = ChildOptions(store.folder, threads_each, ("--save-best", best_in) if best_in else ())
        folder = Path(best_in) if best_in else None
        under_way = plan_sweep(found, store, retry_failed=bool(retry_failed), best_in=folder, say=stderr.print)
        run_sweep(under_way, ChildProcesses(at_a_time, options), at_a_time, folder)
        if sentence := failures_told(under_way, "retry_failed=True"):
            stderr.print(sentence)
        return frame.runs(under_way.records())


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
    names: str | Sequence[str] = (),
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
    plugins: Folder | Sequence[Folder] = (),
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
        from harness.cost.bench import BenchRequest, plan_bench, run_bench
        from harness.store import frame

        every = as_joined(models, "models").split(",")
        locations = [one for one in every if is_location(one)]
        registered = [one for one in every if one not in locations]
        request = BenchRequest(
            models=",".join(registered) if registered else None,
            locations=locations,
            names=as_shown_names(names, "names"),
            weights=as_path(weights, "weights"),
            size=as_text(size, "size"),
            lengths=None if lengths is None else as_joined(lengths, "lengths"),
            texts=None if texts is None else as_path(texts, "texts"),
            mode=one_of("mode", mode, ("inference", "training")),
            batch_size=as_whole(batch_size, "batch_size"),
            batch_sizes=None if batch_sizes is None else as_joined(batch_sizes, "batch_sizes"),
            tokens_per_batch=as_whole(tokens_per_batch, "tokens_per_batch"),
            precision=one_of("precision", precision, ("fp32", "bf16", None)),
            attention=one_of("attention", attention, CHOICES),
            engine=as_joined(engine, "engine"),
            quantize=as_joined(quantize, "quantize"),
            threads=as_whole(threads, "threads"),
            extend_positions=bool(extend_positions),
            point_timeout=as_number(point_timeout, "point_timeout"),
            memory_limit=as_whole(memory_limit, "memory_limit"),
            min_repetitions=as_whole(min_repetitions, "min_repetitions") or 0,
            min_seconds=as_number(min_seconds, "min_seconds"),
        )
        outcome = run_bench(
            plan_bench(request),
            Store(as_path(out, "out")),
            force=bool(force),
            plugins=as_paths(plugins),
            say=stderr.print,
        )
        for remark in outcome.remarks():
            stderr.print(remark)
        return frame.points(outcome.records)


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

        from harness.comparison.compare_encoders import compare_encoders
        from harness.report.terminal import compare_table

        one_of("split", split, ("test", "dev"))
        found = compare_encoders(
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
    model: Folder, *, weights: Folder = "scratch", size: str | None = None, plugins: Folder | Sequence[Folder] = ()
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


@contextmanager
def _as_a_command(plugins: Folder | Sequence[Folder] = ()) -> Iterator[None]:
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


def _usual() -> dict[str, object]:
    folder = data_dir_of_environment()
    return {"data_dir": as_path(folder, "$HARNESS_DATA_DIR")} if folder else {}
