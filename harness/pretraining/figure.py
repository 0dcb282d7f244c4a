"""The figure of a model card: held-out loss against tokens, with what counting reaches as lines."""

from __future__ import annotations

from pathlib import Path

from harness.store.record import PretrainingRecord


def draw_curve(record: PretrainingRecord, file: Path) -> None:
    """Draw the curve of a pretraining as PNG.

    Raises:
        OSError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    points = record["curve"]
    axes.plot([point["tokens"] / 1e6 for point in points], [point["loss"] for point in points], ".-")
    for name, style in (("unigram", ":"), ("bigram", "--")):
        axes.axhline(record["baselines"][name]["loss"], color="grey", linestyle=style, linewidth=1, label=name)
    axes.set_xlabel("tokens (millions)")
    axes.set_ylabel("held-out loss (nats a token)")
    axes.legend(fontsize="small")
    figure.savefig(file, dpi=120, metadata={"Software": None})
