"""Comparisons: encoders whose scores may be in one column. Pure functions over finished runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections import ChainMap, Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, count
from statistics import median
from typing import Any, cast

from harness.comparison.entries import Entry, entries, trains
from harness.comparison.intervals import interval_over_seeds
from harness.comparison.marks import MARKS, Mark
from harness.comparison.names import size_of_all
from harness.report import metric_names
from harness.report.chance import at_chance
from harness.report.labels import Label, labels
from harness.report.recipe_words import apart, options_of
from harness.store import RunRecord
from harness.store.record import ModelEntry, TaskEntry, TrainedOn

Judge = Callable[[Sequence[Entry]], tuple[Sequence[Mark], str]]
"""From entries, the highest median first, to the mark of each, and the test that decided, in words."""


@dataclass(frozen=True)
class Standing:
    """One encoder in one comparison.

    Attributes:
        entry: its runs at the learning rate chosen on dev.
        label: short, the same on every dataset, and unique among the models of its size.
        score: median test score over seeds.
        low, high: interval of the median, equal to ``score`` where there is one seed.
        mark: ``best`` if no other standing has a higher median, else how it compares with the best; empty for all if none
            is better than a constant answer.
        seconds: median of a whole run.
    """

    entry: Entry
    label: str
    score: float
    low: float
    high: float
    mark: Mark
    seconds: float

    @property
    def best(self) -> bool:
        """Whether no other standing has a higher median."""
        return self.mark == "best"

    @property
    def tied(self) -> bool:
        """Whether it is the best or ties with it."""
        return self.mark in ("best", "tied")

    @property
    def scores(self) -> list[float]:
        """The test score of each seed."""
        return self.entry.scores()

    @property
    def seeds(self) -> list[int]:
        """The seeds, in the order of ``scores``."""
        return [run["seed"] for run in self.entry.runs]

    @property
    def model(self) -> ModelEntry:
        """The model section of the record."""
        return self.entry.runs[0]["model"]

    @property
    def metrics(self) -> set[str]:
        """The names of all metrics of test."""
        return {name for run in self.entry.runs for name in run["scores"]["test"]}


@dataclass(frozen=True)
class Comparison:
    """Encoders whose scores may be compared: equal examples, equal size, and the same recipe except for the learning rate.

    Attributes:
        name: can be a file's, such as ``ner-docstrings-tiny``.
        dataset, fingerprint, options, metric, size, recipe: those of all encoders in it.
        apart: the difference from other comparisons on this dataset, in words; empty if there are none.
        test: the test of differences from the best, in words; empty if there is none.
        standings: best median first.
        trained_on: the dataset of the training if it is another one.
    """

    name: str
    dataset: str
    fingerprint: str
    options: Mapping[str, str]
    metric: str
    size: str
    recipe: Mapping[str, Any]
    apart: str
    test: str
    standings: tuple[Standing, ...]
    trained_on: TrainedOn | None = None

    @property
    def title(self) -> str:
        """Dataset, size and the difference from other comparisons, in words."""
        return ", ".join(part for part in (self.dataset, self.size_shown, self.apart) if part)

    @property
    def size_shown(self) -> str:
        """The size in words; of weights that are no size of a registered encoder, their parameters."""
        return size_of_all(one.model for one in self.standings if one.entry.size == self.size) or self.size

    @property
    def family(self) -> str:
        """The family of the dataset."""
        return self.dataset.partition("/")[0]

    @cached_property
    def task(self) -> TaskEntry:
        """The facts of the dataset, see `task_of`."""
        return task_of([standing.entry for standing in self.standings])

    @property
    def caveat(self) -> str:
        """What limits the meaning of the scores, as the dataset declares it; empty where nothing is declared or recorded."""
        return "; ".join(self.task.get("caveats", ()))

    @property
    def spans(self) -> bool:
        """Whether its encoders have several sizes."""
        return len({standing.entry.size for standing in self.standings if not standing.entry.is_ranker}) > 1

    @property
    def at_chance(self) -> bool:
        """Whether no encoder is clearly better than one constant answer, see `harness.report.chance`."""
        return at_chance(self.task, [standing.score for standing in self.standings])

    @cached_property
    def lengths(self) -> list[int]:
        """The lengths in tokens at which its runs are scored; empty where they are not scored by length."""
        return sorted({length for length, _ in metric_names.places(self._metrics, self.metric)})

    @cached_property
    def types(self) -> list[str]:
        """The types by which `split_metric` is split, such as entity types or labels, alphabetically."""
        return metric_names.types(self._metrics, self.split_metric)

    @cached_property
    def split_metric(self) -> str:
        """The metric that is known for each type: the main one, or the F1 of each label."""
        return metric_names.split(self._metrics, self.metric)

    @property
    def _metrics(self) -> set[str]:
        return {name for standing in self.standings for name in standing.metrics}

    @property
    def column(self) -> str:
        """Equal for comparisons that differ only in size: they share a column of the leaderboard."""
        return _column(self.dataset, self.fingerprint, self.options, self.recipe, self.trained_on)


def comparisons(records: Iterable[RunRecord], judge: Judge) -> list[Comparison]:
    """Group finished runs into comparisons, by dataset and size.

    Rankers without an encoder are baselines in every comparison on their data.

    Args:
        records: finished runs.
        judge: compares entries with the best of them, see `harness.report.ties`.
    """
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    ranked: dict[tuple[str, str], dict[str, Entry]] = defaultdict(dict)
    found = entries(records)
    label = labels(found)
    for entry in found:
        if entry.is_ranker:
            # Only options that change the data change its ranking, and they change the fingerprint.
            ranked[entry.dataset, entry.fingerprint].setdefault(entry.runs[0]["model"]["identity"], entry)
        else:
            groups[entry.size, _column_of(entry)].append(entry)
    rankers = {data: list(found.values()) for data, found in ranked.items()}
    with_encoders = {(group[0].dataset, group[0].fingerprint) for group in groups.values()}
    for group in groups.values():
        group += rankers.get((group[0].dataset, group[0].fingerprint), [])
    alone = [group for data, group in rankers.items() if data not in with_encoders]
    ordered = sorted([*groups.values(), *alone], key=lambda group: (group[0].where, group[0].size, -len(group)))
    of_dataset = defaultdict(list)
    for group in ordered:
        of_dataset[group[0].dataset].append(group[0])
    names = _names([group[0] for group in ordered])
    return [
        _comparison(name, group, label, apart(group[0], of_dataset[group[0].dataset]), judge)
        for name, group in zip(names, ordered, strict=True)
    ]


def _column(
    dataset: str,
    fingerprint: str,
    options: Mapping[str, str],
    recipe: Mapping[str, Any],
    trained_on: TrainedOn | None,
) -> str:
    """What the comparisons of one column share, as text."""
    return json.dumps([dataset, fingerprint, options, recipe, trained_on], sort_keys=True)


def _column_of(entry: Entry) -> str:
    return _column(entry.dataset, entry.fingerprint, options_of(entry), entry.recipe, entry.trained_on)


def _names(firsts: Sequence[Entry]) -> list[str]:
    """A name for each comparison, from its first entry.

    Dataset and size are the name where no other comparison has them. Where several have, they are the name of the only one
    that trains and is no trial, and all others have a digest of data and recipe in their names. More runs of a recipe therefore
    never give one comparison the name of another.
    """
    sharing: dict[str, list[Entry]] = defaultdict(list)
    for entry in firsts:
        sharing[_dataset_and_size(entry)].append(entry)
    return [_name(entry, sharing[_dataset_and_size(entry)]) for entry in firsts]


def _name(entry: Entry, sharing: Sequence[Entry]) -> str:
    plain, size = _dataset_and_size(entry), slug(entry.size)
    usual = [other for other in sharing if trains(other.recipe) and not other.is_trial] or sharing
    if len(usual) == 1 and usual[0] is entry:
        return plain
    digest = short_digest(f"{entry.size} {_column_of(entry)}")
    # The size is the end of every name, where `harness.report.spanning` replaces it.
    return "-".join(filter(None, (plain.removesuffix(size).strip("-"), digest, size)))


def _dataset_and_size(entry: Entry) -> str:
    return slug(f"{entry.where}-{entry.size}")


def _comparison(name: str, group: Sequence[Entry], label: Label, difference: str, judge: Judge) -> Comparison:
    first = group[0]
    ranked = sorted(group, key=lambda entry: (-median(entry.scores()), entry.model, entry.weights))
    marks, test = judge(ranked)
    return Comparison(
        name,
        first.dataset,
        first.fingerprint,
        options_of(first),
        first.metric,
        first.size,
        first.recipe,
        difference,
        test,
        _standings(ranked, label, marks),
        first.trained_on,
    )


def in_all(seen: Standing | None, standing: Standing) -> Standing:
    """An entry that several comparisons share, with the least favourable of its marks."""
    if seen is None:
        return standing
    return replace(standing, mark=max(seen.mark, standing.mark, key=MARKS.index))


def pretrainings_note(entries: Iterable[Entry]) -> str:
    """How seeds of several pretrainings are to be read; empty if no entry has several."""
    several = any(len(set(entry.pretrainings or ())) > 1 for entry in entries)
    return "Seeds 2 x 3: three of fine-tuning on each of two pretrainings; 3 + 1: three and one." if several else ""


def slug(text: str) -> str:
    """A name for a file or an HTML element, whatever the text holds."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80] or "unnamed"


def slugs(texts: Collection[str]) -> dict[str, str]:
    """The slug of each text. Texts that share one have a digest of theirs at its end, so that their order decides nothing."""
    shared = Counter(map(slug, set(texts)))
    return {text: slug(text) if shared[slug(text)] == 1 else f"{slug(text)}-{short_digest(text)}" for text in texts}


def short_digest(text: str) -> str:
    """What tells names apart that would otherwise be the same."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def task_of(shown: Sequence[Entry]) -> TaskEntry:
    """The facts of a dataset from the records of encoders, or from those of rankers if no encoder ran.

    All records are of the same examples, but those of older versions lack facts. A fact is that of the first record that has
    it; the caveats are those of all.
    """
    described = [entry for entry in shown if not entry.is_ranker] or shown
    tasks = [run["task"] for entry in described for run in entry.runs]
    caveats = (str(caveat) for task in tasks if isinstance(told := task.get("caveats"), list) for caveat in told)
    return cast(TaskEntry, {**ChainMap(*map(dict, tasks)), "caveats": list(dict.fromkeys(caveats))})


def marks_of(task: TaskEntry, scores: Sequence[float], judged: Sequence[Mark]) -> list[Mark]:
    """What is said of each score, best first; nothing where only one model is there or all are at chance."""
    if len(scores) < 2 or at_chance(task, scores):
        return [""] * len(scores)
    return ["best" if score == scores[0] else mark for score, mark in zip(scores, judged, strict=True)]


def _standings(ranked: Sequence[Entry], label: Label, judged: Sequence[Mark]) -> tuple[Standing, ...]:
    marks = marks_of(task_of(ranked), [median(entry.scores()) for entry in ranked], judged)
    return tuple(map(_standing, ranked, map(label, ranked), marks))


def _standing(entry: Entry, label: str, mark: Mark) -> Standing:
    middle, low, high = interval_over_seeds(entry.scores(), entry.lowest, entry.pretrainings)
    seconds = median(sum(run["seconds"].values()) for run in entry.runs)
    return Standing(entry, label, middle, low, high, mark, seconds)


def unused(name: str, taken: set[str]) -> str:
    """The name, or with the lowest number from 2 that makes it a new one; it is taken from now on."""
    numbered = (f"{name}-{number}" for number in count(2))
    found = next(one for one in chain([name], numbered) if one not in taken)
    taken.add(found)
    return found
