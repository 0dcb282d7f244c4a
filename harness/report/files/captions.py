"""A caption for every figure that stands alone in a paper: what is drawn, on which data, over how many seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.comparison.entries import trains
from harness.progress import counted
from harness.report.chance import guess_of
from harness.report.comparable import Comparison
from harness.report.files import overall_figure, pretraining_plots
from harness.report.recipe_words import recipe_sentence
from harness.report.results import Results
from harness.store.record import PretrainingRecord

NAME = "captions.md"


def as_text(found: Results, pretrainings: Sequence[PretrainingRecord], files: Iterable[Path]) -> str:
    """The captions of these figures in Markdown, by the names of their files; empty if none has a caption.

    Args:
        found: the results that were drawn.
        pretrainings: that were drawn.
        files: that were written; a figure is there as PNG and SVG.
    """
    drawn = {file.stem for file in files if file.suffix == ".svg"}
    captions = {
        overall_figure.NAME: f"{overall_figure.caption(found.overall)}. Datasets: {', '.join(found.overall.datasets)}."
    }
    captions |= pretraining_plots.captions(pretrainings)
    for comparison in found.panels:
        captions |= _of_comparison(comparison)
    lines = [f"- `{name}`: {text}" for name, text in captions.items() if name in drawn]
    return "# Captions of the figures\n\n" + "\n".join(lines) + "\n" if lines else ""


def _of_comparison(comparison: Comparison) -> dict[str, str]:
    metric, data = f"`{comparison.metric}`", f"{comparison.title} ({comparison.task.get('n_test')} test examples)"
    seeds = sorted({len(standing.scores) for standing in comparison.standings if not standing.entry.is_ranker})
    runs = " to ".join(map(str, seeds[:: max(1, len(seeds) - 1)])) if seeds else "0"
    choice = "learning rate chosen on dev; " if trains(comparison.recipe) else ""
    ending = (
        f"Recipe: {recipe_sentence(comparison.recipe)}; {choice}{runs} "
        f"seed{'' if runs == '1' else 's'} for each of {counted(len(comparison.standings), 'model')}."
    )
    guess = guess_of(comparison.task)
    dashed = "" if guess is None else f" Dashed: one constant answer ({guess:.4f})."
    shown = {
        "scores": f"{metric} on {data}: each mark is one seed, the stroke the median, the bar the 95 % interval of the median "
        f"over new seeds.{dashed}",
        "cost": f"Median {metric} on {data} against cost, with 95 % intervals over new seeds.{dashed}",
        "calibration": f"Calibration on {data}: how often the predicted label is right against its probability; the diagonal is "
        "perfect calibration.",
        "types": f"Median `{comparison.split_metric}` over seeds of each type or label on {data}.",
    }
    return {f"{comparison.name}-{kind}": f"{text} {ending}" for kind, text in shown.items()}
