"""Scores after fine-tuning against the tokens that the weights were pretrained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.pretraining.labels import labels_of
from harness.report.comparable import Comparison, Standing
from harness.report.page import svg
from harness.store.record import PretrainingRecord

_Origin = tuple[str, ...]
"""What the pretrainings of one curve share, in words: first the model; a value that is not known is empty."""


@dataclass(frozen=True)
class Progress:
    """The scores of one model on one dataset by the tokens of its pretraining.

    Attributes:
        name: of the model, with what tells its pretraining from others of this model.
        points: tokens with the standing of the weights after them, fewest tokens first.
    """

    name: str
    points: tuple[tuple[int, Standing], ...]

    @property
    def label(self) -> str:
        """The label of the weights with most tokens, whose style the curve has."""
        return self.points[-1][1].label


def progress(comparison: Comparison, pretraining: Sequence[PretrainingRecord] = ()) -> list[Progress]:
    """The models of a comparison whose weights were pretrained for several lengths, by name.

    Only pretrainings that differ in nothing but tokens and seed are in one curve. If a curve has several weights of one length,
    the length is left out, because nothing tells which of them belong to the other lengths.

    Args:
        comparison: on one dataset.
        pretraining: the store's pretrainings. Of weights whose pretraining is not among them, only model, corpus and the
            longest row are known.
    """
    standings = [standing for standing in comparison.standings if "pretraining" in standing.model]
    found: dict[_Origin, dict[int, list[Standing]]] = defaultdict(lambda: defaultdict(list))
    for standing, origin in zip(standings, _origins(standings, pretraining), strict=True):
        found[origin][standing.model["pretraining"]["tokens"]].append(standing)
    single = {
        origin: [(tokens, several[0]) for tokens, several in sorted(lengths.items()) if len(several) == 1]
        for origin, lengths in found.items()
    }
    curves = {origin: tuple(points) for origin, points in single.items() if len(points) > 1}
    return [Progress(_name(origin, curves), points) for origin, points in sorted(curves.items())]


def _origins(standings: Sequence[Standing], pretraining: Sequence[PretrainingRecord]) -> list[_Origin]:
    keys = {standing.model["pretraining"].get("key") for standing in standings}
    records = [record for record in pretraining if record["key"] in keys]
    labelled = zip(records, labels_of(records, shown=("tokens", "seed")), strict=True)
    known = {record["key"]: (label, f"data {record['task']['fingerprint'][:8]}") for record, label in labelled}

    def origin(standing: Standing) -> _Origin:
        of = standing.model["pretraining"]
        label, data = known.get(of.get("key", ""), (standing.entry.model, ""))
        rows = f"rows of at most {of['longest_row']} tokens" if "longest_row" in of else ""
        return label, standing.entry.size_shown, of.get("corpus", ""), rows, data

    return list(map(origin, standings))


def _name(origin: _Origin, origins: Iterable[_Origin]) -> str:
    """The model, and the values in which it differs from its namesakes."""
    namesakes = [other for other in origins if other[0] == origin[0]]
    differ = (word for place, word in enumerate(origin) if len({other[place] for other in namesakes}) > 1)
    return ", ".join(filter(None, (origin[0], *differ)))


def section(
    comparison: Comparison, numbered: Mapping[str, int], pretraining: Sequence[PretrainingRecord]
) -> dict[str, object] | None:
    """A chart with its legend for the page; ``None`` if no model was pretrained for several lengths.

    Args:
        comparison: on one dataset.
        numbered: the number of each label, which decides the colour and mark of a curve.
        pretraining: see `progress`.
    """
    curves = progress(comparison, pretraining)
    if not curves:
        return None
    shown = [standing for one in curves for _, standing in one.points]
    series = [
        svg.Series(numbered[one.label], [_point(one.name, *point) for point in one.points], joined=True)
        for one in curves
    ]
    tokens = svg.logarithmic(tokens / 1e6 for one in curves for tokens, _ in one.points)
    scores = svg.linear(value for standing in shown for value in (standing.low, standing.high))
    description = f"test {comparison.metric} after fine-tuning against million tokens of pretraining"
    return {
        "title": comparison.title,
        "legend": [(numbered[one.label], one.name) for one in curves],
        "chart": _chart(series, tokens, scores, comparison.metric, description),
    }


def sections(
    comparisons: Sequence[Comparison], numbered: Mapping[str, int], pretraining: Sequence[PretrainingRecord]
) -> list[dict[str, object]]:
    """A chart for each comparison with a model that was pretrained for several lengths."""
    found = [section(comparison, numbered, pretraining) for comparison in comparisons]
    return [one for one in found if one is not None]


def _chart(series: list[svg.Series], tokens: svg.Scale, scores: svg.Scale, metric: str, description: str) -> Markup:
    return svg.chart(series, tokens, scores, "million tokens of pretraining →", metric, description)


def _point(name: str, tokens: int, standing: Standing) -> svg.Point:
    text = f"{name}, {tokens / 1e6:.3g}M tokens: {standing.score:.4f} ({standing.low:.4f} to {standing.high:.4f})"
    return svg.Point(tokens / 1e6, standing.score, standing.low, standing.high, text)
