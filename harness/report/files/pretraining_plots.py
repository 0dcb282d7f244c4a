"""Figures of pretraining: every curve against tokens, and each encoder at its best learning rate against three budgets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.pretraining.budgets import Measure, measure_of_time
from harness.pretraining.labels import label_of, labels_of
from harness.report.drawing import PLAIN, folded, save
from harness.report.pretraining import by_corpus
from harness.report.pretraining_budgets import at_best_rate
from harness.report.styles import Style, style
from harness.store.record import PretrainingRecord

_LINES = ("-", "--", ":", "-.")
"""Of the curves of one encoder, the lowest first."""
_LONGEST_LABEL = 60
"""Characters of a line in the legend, which is outside of the axes."""
_LOSS = "held-out loss, nats a token"
_UNITS: dict[Measure, tuple[float, str]] = {
    "tokens": (1e6, "tokens, millions"),
    "flops": (1e15, "operations, PFLOP"),
    "seconds": (60.0, "training time, minutes"),
    "processor_s": (60.0, "processor time, minutes"),
}


def write(records: Sequence[PretrainingRecord], numbered: Mapping[str, int], folder: Path) -> list[Path]:
    """Draw the figures of each group of comparable pretrainings; returns the files.

    Args:
        records: of a store.
        numbered: number of the style of each encoder.
        folder: made where it is missing.

    Raises:
        OSError: the folder cannot be written.
    """
    files = []
    with mpl.rc_context(PLAIN):
        for number, group in enumerate(by_corpus(records), start=1):
            folder.mkdir(parents=True, exist_ok=True)
            files += save(_curves(group, numbered), folder / f"pretraining-{number}")
            if len(encoders := at_best_rate(group)) > 1:
                files += save(_budgets(encoders, numbered), folder / f"pretraining-{number}-budgets")
    return files


def captions(records: Sequence[PretrainingRecord]) -> dict[str, str]:
    """The captions of these figures, by the names of their files."""
    found = {}
    for number, group in enumerate(by_corpus(records), start=1):
        task = group[0]["task"]
        what = f"Held-out masked-LM loss on `{task['dataset']}` at 15 % fixed masks"
        lines = "Grey: what counting single words (unigram) and neighbouring words (bigram) reaches on the same masks."
        found[f"pretraining-{number}"] = (
            f"{what} against the tokens of pretraining; a marker is a finished run. {lines}"
        )
        found[f"pretraining-{number}-budgets"] = (
            f"{what} against tokens, floating-point operations and time of training, each encoder at the learning rate with the "
            f"lowest loss; a marker is a finished run. {lines}"
        )
    return found


def _curves(group: Sequence[PretrainingRecord], numbered: Mapping[str, int]) -> Figure:
    """Every curve against tokens: an encoder has one colour, its curves have different lines."""
    figure, drawn = Figure(figsize=(7.6, 4.4), layout="constrained"), defaultdict[str, int](int)
    axes = figure.add_subplot()
    labelled = sorted(zip(group, labels_of(group), strict=True), key=lambda one: one[0]["scores"]["heldout"]["loss"])
    for record, label in labelled:
        colour, marker, _ = style(numbered[record["model"]["name"]])
        line = _LINES[drawn[label_of(record)] % len(_LINES)]
        drawn[label_of(record)] += 1
        _line(axes, record, "tokens", (colour, marker, line), label)
    _finish(axes, group[0], "tokens")
    axes.set_ylabel(_LOSS)
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def _budgets(encoders: Mapping[str, Sequence[PretrainingRecord]], numbered: Mapping[str, int]) -> Figure:
    """Each encoder at its best learning rate, against tokens, operations and time."""
    records = [record for results in encoders.values() for record in results]
    figure = Figure(figsize=(11, 4), layout="constrained")
    measures: tuple[Measure, ...] = ("tokens", "flops", measure_of_time(records))
    for place, (axes, measure) in enumerate(zip(figure.subplots(1, 3, sharey=True), measures, strict=True)):
        for label, results in encoders.items():
            longest = max(results, key=lambda record: record["recipe"]["tokens"])
            for record in results:
                told = f"{label}, lr {record['recipe']['learning_rate']:g}" if record is longest and place == 0 else ""
                _line(axes, record, measure, style(numbered[record["model"]["name"]]), told)
        _finish(axes, records[0], measure, named=place == 0)
    figure.axes[0].set_ylabel(_LOSS)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return figure


def _line(axes: Axes, record: PretrainingRecord, measure: Measure, look: Style, label: str) -> None:
    """A curve, with the marker at its end: a finished result."""
    unit, _ = _UNITS[measure]
    colour, marker, line = look
    budgets = [point[measure] / unit for point in record["curve"]]
    losses = [point["loss"] for point in record["curve"]]
    axes.plot(budgets, losses, color=colour, linestyle=line, linewidth=1.4)
    axes.plot(
        budgets[-1:],
        losses[-1:],
        color=colour,
        marker=marker,
        linestyle=line,
        label=folded(label, _LONGEST_LABEL) or None,
    )


def _finish(axes: Axes, record: PretrainingRecord, measure: Measure, named: bool = True) -> None:
    """What counting reaches, names of the axes, and a scale that leaves out the weights of the start."""
    for name, line in (("unigram", ":"), ("bigram", "--")):
        loss = record["baselines"][name]["loss"]
        axes.axhline(loss, color="0.5", linestyle=line, linewidth=1, label=name if named else None)
    axes.set_ylim(top=record["baselines"]["unigram"]["loss"] + 0.3)
    axes.set_xlabel(_UNITS[measure][1])
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
