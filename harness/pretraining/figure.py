"""Held-out loss against tokens, with what counting reaches as lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.store.record import PretrainingRecord


def draw_curves(records: Sequence[PretrainingRecord], file: Path) -> None:
    """Draw the curves of several pretrainings in one figure.

    Args:
        records: of the same corpus and masks; the first one's baselines are drawn.
        file: where the figure goes; its suffix is the format.

    Raises:
        OSError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    several = len({label_of(record) for record in records}) < len(records)
    for record in records:
        points = record["curve"]
        label = label_of(record) + (f", lr {record['recipe']['learning_rate']:g}" if several else "")
        axes.plot([point["tokens"] / 1e6 for point in points], [point["loss"] for point in points], ".-", label=label)
    for name, style in (("unigram", ":"), ("bigram", "--")):
        axes.axhline(records[0]["baselines"][name]["loss"], color="grey", linestyle=style, linewidth=1, label=name)
    axes.set_xlabel("tokens (millions)")
    axes.set_ylabel("held-out loss (nats a token)")
    axes.legend(fontsize="small")
    figure.savefig(file, dpi=120, metadata={"Software": None} if file.suffix == ".png" else None)


def label_of(record: PretrainingRecord) -> str:
    """Encoder and size, with the config values that were changed."""
    model = record["model"]
    options = "".join(f" {name}={value}" for name, value in (model.get("options") or {}).items())
    return f"{model['name']} {model['size']}{options}"
