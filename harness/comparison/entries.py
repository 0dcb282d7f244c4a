"""Group runs into entries: for each encoder and dataset the learning rate with the best dev score, and its runs of all seeds.

Only the learning rates with most seeds are compared: the best seed of many rates would look better than the median of one.

The choice reads dev scores only; test scores are those of the chosen runs.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from harness.comparison.names import files_of, is_named, shown_names, shown_weights, size_of
from harness.comparison.stats import independent_scores
from harness.store import RunRecord
from harness.store.record import TrainedOn, architecture_of, by_test_set, is_trial
from harness.values import name_of_folder

_NOT_RECIPE = ("learning_rate", "steps", "resumed_from_step")


@dataclass(frozen=True)
class Entry:
    """One encoder on one dataset with one recipe: a row of a table.

    Attributes:
        model, size, weights: the name, size and initial weights of the encoder, see `harness.comparison.names`.
            Runs from pretrainings that differ in their seed alone are one entry, ``pretrained-10M`` after the tokens read if their
            folders have several names, on whatever dataset.
        dataset: ``family/dataset``.
        fingerprint: of the examples; entries are comparable only if it is equal.
        metric: full name of the main metric.
        recipe: every value except the learning rate, and the protocol of the pipeline (`harness.cells.cell.PROTOCOL`).
        learning_rate: the chosen one; 0 for a checkpoint that was fine-tuned elsewhere.
        dev_by_learning_rate: median dev score of each learning rate that was tried; empty if there is no dev split.
        runs: the records at the chosen learning rate, one for each pair of pretraining seed and seed, in this order; those of a
            test set as `harness.store.record.by_test_set` makes them.
        trained_on: the dataset of the training if it is another one, and so this is a test set.
    """

    model: str
    size: str
    weights: str
    dataset: str
    fingerprint: str
    metric: str
    recipe: Mapping[str, object]
    learning_rate: float
    dev_by_learning_rate: Mapping[float, float]
    runs: tuple[RunRecord, ...]
    trained_on: TrainedOn | None = None

    @property
    def where(self) -> str:
        """The dataset, and that of the training if it is another one: ``nli/hans (trained on nli/mnli)``."""
        return f"{self.dataset} (trained on {self.trained_on['dataset']})" if self.trained_on else self.dataset

    @property
    def is_ranker(self) -> bool:
        """Whether it retrieves documents without an encoder, and so has no recipe and no size."""
        return self.runs[0]["model"]["params_total"] == 0

    @property
    def seed_matters(self) -> bool:
        """Whether another seed may give another score: not of a ranker, nor of given weights on which nothing is trained."""
        is_drawn = self.weights == "scratch" or trains(self.recipe) or "trained" in self.runs[0]
        return is_drawn and not self.is_ranker

    @property
    def knows_spread(self) -> bool:
        """Whether the spread over seeds is known: there are several runs, or no seed matters."""
        return len(self.runs) > 1 or not self.seed_matters

    @property
    def times_counted(self) -> int:
        """How often each run counts in statistics: twice if it is single and no seed matters, so that its spread is known as 0."""
        return 1 if len(self.runs) > 1 or self.seed_matters else 2

    @property
    def is_named(self) -> bool:
        """Whether its model has a name of its own, and not that of its encoder."""
        return any(is_named(run["model"]) for run in self.runs)

    @property
    def label(self) -> str:
        """The model's name, with its weights unless they are from scratch or the name is theirs."""
        from_scratch = self.weights == "scratch"
        weights = "" if from_scratch or self.is_named or self.is_ranker else name_of_folder(self.weights)
        told = ", ".join(filter(None, (weights, self.deployment)))
        return f"{self.model} ({told})" if told else self.model

    @property
    def full_name(self) -> str:
        """``MODEL:SIZE``, with ``@WEIGHTS`` where they are not from scratch; the name alone of a model that has one of its own."""
        if self.is_named:
            return self.model
        return f"{self.model}:{self.size}" + ("" if self.weights == "scratch" else f"@{self.weights}")

    @property
    def size_shown(self) -> str:
        """The size in words: the parameters of weights that are no size of a registered encoder."""
        return size_of(self.runs[0]["model"])

    @property
    def doubts(self) -> tuple[str, ...]:
        """One sentence for each check of conformance that its encoder failed."""
        failed = (sentence for run in self.runs for sentence in run["model"].get("conformance", {}).get("failed", ()))
        return tuple(dict.fromkeys(failed))

    @property
    def deployment(self) -> str:
        """The engine and quantisation that ran a fine-tuned checkpoint; empty for torch without quantisation."""
        return self.runs[0].get("trained", {}).get("deployment", "")

    @property
    def is_trial(self) -> bool:
        """See `harness.store.record.is_trial`; a trial is comparable with nothing else."""
        return is_trial(self.runs[0])

    @property
    def better_rate_with_fewer_seeds(self) -> float | None:
        """The learning rate with the best dev score, if it was not chosen because others were run with more seeds."""
        dev = self.dev_by_learning_rate
        best = max(dev, key=lambda rate: dev[rate], default=self.learning_rate)
        return best if best in dev and dev[best] > dev.get(self.learning_rate, dev[best]) else None

    @property
    def lowest(self) -> float:
        """The lowest possible value of the main metric; runs of older versions do not have it."""
        return min(run["task"].get("lowest", 0.0) for run in self.runs)

    @property
    def pretrainings(self) -> list[int] | None:
        """The pretraining seed of each run's weights, or ``None`` if a run's weights are not from ``pretrain``."""
        seeds = [run["model"]["pretraining"]["seed"] for run in self.runs if "pretraining" in run["model"]]
        return seeds if len(seeds) == len(self.runs) else None

    @property
    def seeds_shown(self) -> str:
        """How many runs: ``3``, ``2 x 3`` for three seeds on each of two pretrainings, or ``3 + 1`` where one has fewer."""
        counts = list(Counter(self.pretrainings or [0] * len(self.runs)).values())
        if len(counts) > 1 and len(set(counts)) == 1:
            return f"{len(counts)} x {counts[0]}"
        return " + ".join(map(str, counts))

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The values of ``--weights``, sorted."""
        return tuple(sorted({run["model"]["weights"] for run in self.runs}))

    def scores(self, metric: str | None = None, split: str = "test") -> list[float]:
        """The score of each seed."""
        return [run["scores"][split][metric or self.metric] for run in self.runs]

    def independent_scores(self) -> list[float]:
        """The test score of each seed, or the average of each pretraining's runs where there are several pretrainings."""
        return independent_scores(self.scores(), self.pretrainings).tolist()


def trains(recipe: Mapping[str, Any]) -> bool:
    """Whether a run of this recipe fine-tunes: not where a checkpoint is scored as it is, or nothing is learned."""
    return not recipe.get("trained") and bool(recipe.get("max_steps") or recipe.get("epochs"))


def entries(records: Iterable[RunRecord]) -> list[Entry]:
    """Finished runs grouped by everything except learning rate and seed, each group at its best learning rate.

    The best has the highest median of the main metric on dev over seeds, of those that were run with most seeds; among equals
    it is the lowest.
    Entries are ordered by dataset, then model, size, weights and the dataset of the training. A run that is given twice counts
    once, and so does a training that was run twice with other test sets.
    """
    groups: dict[str, list[RunRecord]] = defaultdict(list)
    finished = {record["key"]: record for record in records if record["status"] == "ok"}.values()
    for record in finished:
        for one in by_test_set(record):
            groups[_identity(one)].append(one)
    models, weights = shown_names(finished), shown_weights(finished)

    def named(entry: Entry) -> Entry:
        files = files_of(entry.runs[0]["model"])
        return replace(entry, model=models.get(files, entry.model), weights=weights.get(files, entry.weights))

    found = (entry_of(_each_training_once(group)) for group in groups.values())
    return sorted(
        map(named, found),
        key=lambda entry: (entry.dataset, entry.fingerprint, entry.model, entry.size, entry.weights, entry.where),
    )


def entry_of(group: Sequence[RunRecord]) -> Entry:
    """The entry of finished runs that share everything but learning rate and seed, at its best learning rate.

    Args:
        group: one run or more. Runs of several checkpoints may be among them, where they are to have one learning rate;
            ``weights`` are those of the first.
    """
    task = group[0]["task"]
    trained_on = group[0].get("trained_on")
    on_dev = (trained_on or task)["metric"]
    by_rate: dict[float, list[RunRecord]] = defaultdict(list)
    for record in group:
        by_rate[record["recipe"].get("learning_rate", 0.0)].append(record)  # not known of checkpoints from elsewhere
    # A run without training may have no dev split; it has one learning rate, which has no effect.
    dev = {
        rate: median(run["scores"]["dev"][on_dev] for run in by_rate[rate])
        for rate in sorted(by_rate)
        if all(on_dev in run["scores"]["dev"] for run in by_rate[rate])
    }
    seeds = {rate: len(set(map(_seeds, by_rate[rate]))) for rate in dev or by_rate}
    chosen = max(seeds, key=lambda rate: (seeds[rate], dev.get(rate, 0.0)))
    runs = tuple(sorted(by_rate[chosen], key=_seeds))
    model = group[0]["model"]
    return Entry(
        model["name"],
        model["size"],
        model["weights"],
        task["dataset"],
        task["fingerprint"],
        task["metric"],
        _recipe(group[0]),
        chosen,
        dev,
        runs,
        trained_on,
    )


def _each_training_once(group: Sequence[RunRecord]) -> list[RunRecord]:
    """The runs without those that repeat a training only to have other test sets."""

    def training(record: RunRecord) -> str:
        return json.dumps([record["recipe"].get("learning_rate"), *_seeds(record), record["model"]["identity"]])

    tested = {training(record) for record in group if "tests" in record}
    kept: dict[object, RunRecord] = {}
    for place, record in enumerate(group):
        kept.setdefault(found if (found := training(record)) in tested else place, record)
    return list(kept.values())


def _seeds(record: RunRecord) -> tuple[int, int]:
    """Pretraining seed and seed."""
    origin = record["model"].get("pretraining")
    return origin["seed"] if origin else -1, record["seed"]


def _identity(record: RunRecord) -> str:
    """The values that all runs of an entry share, as text."""
    model, task = record["model"], record["task"]
    weights = model["pretraining"]["group"] if "pretraining" in model else model["identity"]
    shared = [architecture_of(model), model["size"], weights, task["dataset"], task["fingerprint"], task["options"]]
    return json.dumps([*shared, _recipe(record), record.get("trained_on")], sort_keys=True)


def _recipe(record: RunRecord) -> dict[str, object]:
    recipe = {"protocol": 1} | record["recipe"]  # runs of the first protocol do not have the key
    return {name: value for name, value in recipe.items() if name not in _NOT_RECIPE}
