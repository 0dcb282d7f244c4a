"""Multi-label classification (``multilabel``): any number of labels for a text or pair of texts; macro and micro F1.

A label is predicted if its probability exceeds a threshold, the same for all labels, which is chosen on dev.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError
from tasks.classification import TextFamily, encode_texts, shown
from tasks.data import Data, DatasetInfo
from tasks.family import FolderSource, HubSource, Source, table_options
from tasks.metrics import indicators, multilabel_scores
from tasks.probabilities import listed
from tasks.shares import macro_f1_shares
from tasks.sources.formats import jsonl
from tasks.sources.formats.targets import Labels, Targets
from tasks.sources.formats.writing import write_lines
from tasks.sources.tables import files, targets
from tasks.sources.tables.source import FolderPlace, HubPlace, TableSource
from tasks.sources.target_text import MultiLabelText
from tasks.task import Encoded, Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

THRESHOLD = "threshold"
THRESHOLDS = np.arange(1, 100) / 100
"""The thresholds to choose from."""
EMPTY = {"refuse": False, "keep": True}
"""The values of the option ``empty``, and whether a row may have no label."""


@dataclass(frozen=True)
class Found:
    """The prediction for one example.

    Attributes:
        probabilities: of each label, in the order of `names`.
        names: of all labels.
        threshold: above which a label is predicted.
    """

    probabilities: NDArray[np.float64]
    names: tuple[str, ...]
    threshold: float = 0.5

    @property
    def labels(self) -> tuple[str, ...]:
        """The predicted labels."""
        there = self.probabilities > self.threshold
        return tuple(name for name, is_there in zip(self.names, there, strict=True) if is_there)


class MultiLabel(TextFamily):
    """The task ``multilabel``.

    Attributes:
        options: ``empty``: whether rows with an empty list of labels are refused or kept, as texts to which no label applies.
    """

    family = "multilabel"
    file_format = "JSON lines (text, labels) or tables"
    columns = targets.LABELS_OPTIONS
    description = "any number of labels for a text; the threshold is chosen on dev"
    head = "multi_label"
    metric = "macro_f1"
    default_dataset = "goemotions"
    defaults: Mapping[str, object] = {"max_length": 256, "batch_size": 16, "epochs": 3.0}
    options: Mapping[str, str] = {"empty": "refuse", **table_options(*targets.LABELS_OPTIONS)}

    def configured(self, given: Mapping[str, str]) -> Self:
        """See `tasks.task.Configurable`."""
        if (value := given.get("empty", "refuse")) not in EMPTY:
            raise InputError(f"the option empty of {self.family} is {' or '.join(EMPTY)}, not {value!r}")
        return super().configured(given)

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        from tasks.catalogue.multilabel import MULTILABEL_DATASETS

        return MULTILABEL_DATASETS

    def local(self, path: Path) -> Source:
        """See `Family.local`: JSON lines with the usual keys, else tables."""
        if self.named_columns() or (files.find(path) and not jsonl.is_native(path, self._target.key)):
            return self.tables(FolderPlace(path))
        reader = Targets(self._target, self.without_train)
        return FolderSource(path, reader.identity, reader.load)

    def tables(self, place: FolderPlace | HubPlace) -> Source:
        """See `Family.tables`."""
        columns, without = targets.LabelColumns(self._target), self.without_train
        return TableSource(place, partial(targets.load, options=self.options, columns=columns, without_train=without))

    def hub(self, info: DatasetInfo) -> Source:
        """See `Family.hub`."""
        return HubSource(info, Targets(self._target).load_hub)

    @property
    def _target(self) -> Labels:
        return Labels(EMPTY[self.options["empty"]])

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> Data:
        """See `tasks.task.Task.load`.

        Raises:
            InputError: also if train has one label only.
        """
        data = super().load(dataset, data_dir, skip_bad)
        if len(data.labels) < 2:
            raise InputError(
                f"train of {self.family}/{dataset} has {len(data.labels)} label; with fewer than two this is no multi-label task: "
                "use the family classification"
            )
        return data

    def encode(
        self,
        examples: Sequence[MultiLabelText],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        training: bool = False,
    ) -> Encoded:
        """See `Task.encode` and `tasks.classification.encode_texts`; ``labels`` has 1 for each label that applies, else 0."""
        return encode_texts(
            examples, tokenizer, max_length, lambda example: tuple(int(label in example.target) for label in labels)
        )

    def decode(
        self,
        examples: Sequence[MultiLabelText],
        labels: Sequence[str],
        encoded: Encoded,
        logits: Sequence[NDArray[np.float32]],
    ) -> list[Found]:
        """The probability of each label, the logistic function of its logit; logits are of shape (labels,)."""
        from scipy.special import expit

        return [Found(expit(scores.astype(np.float64)), tuple(labels)) for scores in logits]

    def tune(self, examples: Sequence[MultiLabelText], predictions: Sequence[Found]) -> dict[str, float]:
        """The threshold with the best macro F1 on dev; of equally good ones that nearest to 0.5."""
        gold = indicators([example.target for example in examples], predictions[0].names)
        probabilities = np.stack([found.probabilities for found in predictions])
        scores = [_macro_f1(gold, probabilities > threshold) for threshold in THRESHOLDS]
        best = np.flatnonzero(np.isclose(scores, max(scores), atol=1e-12))
        return {THRESHOLD: float(min(THRESHOLDS[best], key=lambda one: abs(one - 0.5)))}

    def apply(self, predictions: Sequence[Found], tuned: Mapping[str, float]) -> list[Found]:
        """The predictions with this threshold."""
        return [replace(found, threshold=tuned[THRESHOLD]) for found in predictions]

    def score(self, examples: Sequence[MultiLabelText], predictions: Sequence[Found]) -> dict[str, float]:
        """See `tasks.metrics.multilabel_scores`."""
        gold = [example.target for example in examples]
        return multilabel_scores(gold, [found.labels for found in predictions], predictions[0].names)

    def constant(self, examples: Sequence[MultiLabelText], labels: Sequence[str]) -> list[Found]:
        """See `tasks.task.Guessable`: every label, because one that is never predicted has an F1 of 0."""
        names = tuple(sorted({*labels, *(label for example in examples for label in example.target)}))
        return [Found(np.ones(len(names)), names)] * len(examples)

    def rows(self, examples: Sequence[MultiLabelText], predictions: Sequence[Found]) -> list[Row]:
        """Id, text and the text it is paired with (null for a single text), gold and predicted labels of each, sorted.

        ``probabilities`` has those of the labels, see `tasks.probabilities.listed`.
        """
        names = predictions[0].names if predictions else ()
        gold, found = (
            indicators(side, names) for side in ([one.target for one in examples], [one.labels for one in predictions])
        )
        shares = macro_f1_shares(np.stack([2 * gold * found, gold + found], axis=-1))
        return [
            {
                **shown(example),
                "gold": sorted(example.target),
                "predicted": sorted(prediction.labels),
                "probabilities": listed(
                    prediction.names, prediction.probabilities, {*example.target, *prediction.labels}
                ),
                "terms": [share, 1],
            }
            for example, prediction, share in zip(examples, predictions, shares.tolist(), strict=True)
        ]

    def write(self, data: Data, folder: Path) -> None:
        """See `tasks.sources.hub.copies.Portable`: JSON lines."""
        for split, examples in data.splits.items():
            rows = ({"text": one.text, "text_pair": one.pair, "labels": one.target} for one in examples)
            write_lines(folder / f"{split}.jsonl", rows)


MULTILABEL = MultiLabel()


def _macro_f1(gold: NDArray[np.int64], found: NDArray[np.bool_]) -> float:
    """As `tasks.metrics.multilabel_scores` has it, which takes too long to be asked for every threshold."""
    total = gold.sum(axis=0) + found.sum(axis=0)
    return float(np.divide(2 * (gold * found).sum(axis=0), total, out=np.zeros(len(total)), where=total > 0).mean())
