"""Sequence classification: one label per text or pair of texts; accuracy, macro F1 and Matthews' correlation.

Two families of one kind: ``nli``, how a hypothesis relates to its premise, and ``classification``, everything else. The main
metric is accuracy, unless the dataset declares another one, as CoLA does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import InputError
from tasks.beginning import beginning
from tasks.data import Data, DatasetInfo
from tasks.excerpt import excerpt
from tasks.family import EmbeddedSource, Family, FolderSource, HubSource, Source, table_options
from tasks.head_labels import match_labels
from tasks.metrics import MACRO, classification_scores
from tasks.probabilities import Choice, calibration_scores, choices
from tasks.shares import shares_by_leaving_out
from tasks.sources.formats import jsonl
from tasks.sources.formats.writing import write_jsonl
from tasks.sources.labelled_text import LabelledText
from tasks.sources.tables import files, labelled
from tasks.sources.tables.source import FolderPlace, HubPlace, TableSource
from tasks.sources.target_text import MultiLabelText, ScoredText
from tasks.task import Encoded, Feature, OtherHead, Row, one_by_one

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

LONG_PAIR = 1_000_000
"""Characters. With an odd number of tokens the longer text of a pair keeps one more, and cutting both texts before they are
tokenised could change which one is longer. So the texts of a shorter pair are tokenised completely."""

ExampleT = TypeVar("ExampleT", LabelledText, ScoredText, MultiLabelText)


class TextFamily(Family[Source]):
    """A family whose examples are texts or pairs of texts."""

    def texts(self, example: LabelledText | ScoredText | MultiLabelText) -> tuple[str, ...]:
        """The text, or the pair."""
        return (example.text,) if example.pair is None else (example.text, example.pair)


class SequenceClassification(TextFamily):
    """A family of classification datasets.

    Args:
        family: the name that a user types.
        description: one line for ``harness list``.
        default_dataset: the dataset of the family's name alone.
        defaults: values of the recipe that differ from the general ones.
    """

    head = "sequence"
    columns = labelled.OPTIONS
    metric = "accuracy"
    lowest = 0.0
    positive = ""

    def __init__(self, family: str, description: str, default_dataset: str, defaults: Mapping[str, object]) -> None:
        self.family = family
        self.description = description
        self.default_dataset = default_dataset
        texts = "premise, hypothesis" if family == "nli" else "text or a pair of texts"
        self.file_format = f"JSON lines ({texts}, label) or tables"
        self.defaults = defaults
        self.options = table_options(*labelled.OPTIONS)

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        from tasks.catalogue.classification import CLASSIFICATION_DATASETS
        from tasks.catalogue.nli import NLI_DATASETS

        return NLI_DATASETS if self.family == "nli" else CLASSIFICATION_DATASETS

    def for_dataset(self, dataset: str, data_dir: str | None) -> Self:
        """See `tasks.task.MeasuredByDataset`: with the main metric that the dataset declares, also of a local copy."""
        info = self.datasets.get(dataset)
        if info is None or not info.metric:
            return self
        measured = copy(self)
        measured.metric, measured.positive = info.metric, info.positive
        measured.lowest = -1.0 if info.metric == "matthews" else 0.0
        return measured

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> Data:
        """See `tasks.task.Task.load`.

        Raises:
            InputError: also if the dataset is scored by the F1 of a label that it does not have.
        """
        data = super().load(dataset, data_dir, skip_bad)
        if self.positive not in ("", MACRO, *data.labels):
            raise InputError(
                f"{self.family}/{dataset} is scored by the F1 of {self.positive!r}, which is not among its labels "
                f"({', '.join(data.labels)}); rename the label, or the folder if this is another dataset"
            )
        return data

    def embedded(self, info: DatasetInfo) -> Source:
        """See `Family.embedded`."""
        from tasks.sources.docstrings import nli

        return EmbeddedSource(nli.identity, lambda: nli.load().data(nli.RELATIONS))

    def local(self, path: Path) -> Source:
        """See `Family.local`: JSON lines with the usual keys, else tables."""
        if self.named_columns() or (files.find(path) and not jsonl.is_native(path)):
            return self.tables(FolderPlace(path))
        without = self.without_train
        return FolderSource(
            path, partial(jsonl.identity, without_train=without), partial(jsonl.load, without_train=without)
        )

    def tables(self, place: FolderPlace | HubPlace) -> Source:
        """See `Family.tables`."""
        return TableSource(
            place,
            partial(labelled.load, options=self.options, pairs=self.family == "nli", without_train=self.without_train),
        )

    def hub(self, info: DatasetInfo) -> Source:
        """See `Family.hub`."""
        return HubSource(info, jsonl.load_hub)

    def encode(
        self,
        examples: Sequence[LabelledText],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        training: bool = False,
    ) -> Encoded:
        """See `Task.encode` and `encode_texts`."""
        label_ids = {label: index for index, label in enumerate(labels)}
        return encode_texts(examples, tokenizer, max_length, lambda example: label_ids[example.label])

    def decode(
        self,
        examples: Sequence[LabelledText],
        labels: Sequence[str],
        encoded: Encoded,
        logits: Sequence[NDArray[np.float32]],
    ) -> list[Choice]:
        """The most probable label of each example, with all probabilities; logits are of shape (labels,)."""
        return choices(logits, labels)

    def for_head(self, outputs: Sequence[str], dataset: str, data: Data, given: Mapping[str, str]) -> OtherHead:
        """See `tasks.task.TakesOtherHeads`."""
        info = self.datasets.get(dataset)
        order = info.hub_options.get("labels", ()) if info else ()
        used = {example.label for split in ("dev", "test") for example in data.splits[split]}
        matched = match_labels(outputs, data.labels, used, given, order if set(order) == set(data.labels) else ())
        return OtherHead(self, matched.names, matched.notes)

    def score(self, examples: Sequence[LabelledText], predictions: Sequence[Choice]) -> dict[str, float]:
        """See `tasks.metrics.classification_scores` and `tasks.probabilities.calibration_scores`."""
        gold = [example.label for example in examples]
        scores = classification_scores(gold, [choice.label for choice in predictions], self.positive)
        return scores | calibration_scores(gold, predictions)

    def constant(self, examples: Sequence[LabelledText], labels: Sequence[str]) -> list[Choice]:
        """See `tasks.task.Guessable`: by accuracy the most frequent label; by another metric the label with the best score."""
        counts = Counter(example.label for example in examples)
        label = counts.most_common(1)[0][0]
        if self.metric != "accuracy":
            label = max(counts, key=lambda one: self.score(examples, [Choice(one)] * len(examples))[self.metric])
        return [Choice(label)] * len(examples)

    def _shares(self, gold: Sequence[str], predicted: Sequence[str]) -> Sequence[float]:
        """The share of each example in the main metric."""
        if self.metric == "accuracy":
            return [int(right == found) for right, found in zip(gold, predicted, strict=True)]

        def metric(rights: Sequence[str], founds: Sequence[str], weights: ArrayLike) -> float:
            return classification_scores(rights, founds, self.positive, weights)[self.metric]

        return shares_by_leaving_out(gold, predicted, metric)

    def rows(self, examples: Sequence[LabelledText], predictions: Sequence[Choice]) -> list[Row]:
        """Id, text and the text it is paired with (null for a single text), gold label and predicted label of each.

        ``probabilities`` has those of the labels, see `tasks.probabilities.listed`.
        """
        shares = self._shares([example.label for example in examples], [choice.label for choice in predictions])
        return [
            {
                **shown(example),
                "gold": example.label,
                "predicted": choice.label,
                **({"probabilities": choice.listed(example.label)} if choice.names else {}),
                "terms": [share, 1],
            }
            for example, choice, share in zip(examples, predictions, shares, strict=True)
        ]

    def write(self, data: Data, folder: Path) -> None:
        """See `tasks.sources.hub.copies.Portable`: JSON lines."""
        columns = ("premise", "hypothesis") if self.family == "nli" else ("text", "text_pair")
        write_jsonl(data.splits, folder, columns)


NLI = SequenceClassification(
    "nli",
    "how a hypothesis relates to its premise, one label per pair",
    "docstrings",
    {"max_length": 256, "batch_size": 16, "epochs": 1.0},
)
CLASSIFICATION = SequenceClassification(
    "classification",
    "one label per text or pair of texts",
    "sst2",
    {"max_length": 256, "batch_size": 16, "epochs": 2.0},
)


def shown(example: LabelledText | ScoredText | MultiLabelText) -> Row:
    """The beginning of the row of a text or pair: its id, the text and the text it is paired with (null for a single text)."""
    pair = None if example.pair is None else excerpt(example.pair)
    return {"id": example.id, "text": excerpt(example.text), "pair": pair}


def encode_texts(
    examples: Sequence[ExampleT],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    target: Callable[[ExampleT], object],
) -> Encoded:
    """Texts and pairs as features; of a pair that is too long, the longer text is cut first.

    Args:
        examples: texts or pairs.
        tokenizer: of the encoder.
        max_length: most tokens of a feature, including special tokens.
        target: the ``labels`` of an example's feature.
    """
    features: list[Feature] = [{} for _ in examples]
    n_truncated = 0
    for of_pairs in (False, True):  # apart, because the tokenizer takes texts or pairs
        places = [place for place, example in enumerate(examples) if (example.pair is not None) == of_pairs]
        found, n_cut = _features([examples[place] for place in places], tokenizer, max_length) if places else ([], 0)
        for place, feature in zip(places, found, strict=True):
            features[place] = {**feature, "labels": target(examples[place])}
        n_truncated += n_cut
    return Encoded(features, list(range(len(examples))), n_truncated=n_truncated)


def _features(
    examples: Sequence[ExampleT], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> tuple[list[Feature], int]:
    """The features of texts, or of pairs, without ``labels``; and how many were cut."""
    tokenised = _tokenised([_beginning(example, tokenizer, max_length) for example in examples], tokenizer)
    too_long = [index for index, ids in enumerate(tokenised["input_ids"]) if len(ids) > max_length]
    for index in too_long:
        kept = kept_places(tokenised.sequence_ids(index), max_length, tokenizer.truncation_side)
        for lists in tokenised.values():
            lists[index] = [lists[index][place] for place in kept]
    return one_by_one(tokenised), len(too_long)


def _beginning(example: ExampleT, tokenizer: PreTrainedTokenizerBase, max_length: int) -> ExampleT:
    """The example without the ends of texts that cannot be read, see `tasks.beginning`."""
    if example.pair is None:
        return replace(example, text=beginning(example.text, tokenizer, max_length))
    if max(len(example.text), len(example.pair)) <= LONG_PAIR:
        return example
    text, pair = (beginning(text, tokenizer, max_length) for text in (example.text, example.pair))
    return replace(example, text=text, pair=pair)


def _tokenised(examples: Sequence[ExampleT], tokenizer: PreTrainedTokenizerBase) -> BatchEncoding:
    """The uncut model inputs of texts, or of pairs."""
    texts = [example.text for example in examples]
    pairs = [example.pair for example in examples if example.pair is not None]
    return tokenizer(*((texts, pairs) if pairs else (texts,)), verbose=False)


def kept_places(sequence_ids: Sequence[int | None], max_length: int, side: str = "right") -> list[int]:
    """The positions to keep of an input that is too long, as in `tokenizers` with ``longest_first``.

    This is done here because a fast tokenizer that truncates a pair also makes every combination of the windows of its two
    texts: millions for long documents.

    Args:
        sequence_ids: the text of each position: 0, 1, or ``None`` for special tokens, which are all kept.
        max_length: number of positions to keep.
        side: on which tokens are removed, ``right`` or ``left``.
    """
    texts = [[place for place, text in enumerate(sequence_ids) if text == number] for number in (0, 1)]
    special = [place for place, text in enumerate(sequence_ids) if text is None]
    room = max_length - len(special)
    shorter, longer = sorted(texts, key=len)
    n_shorter = min(len(shorter), room // 2)
    kept = [
        places[:count] if side == "right" else places[len(places) - count :]
        for places, count in ((shorter, n_shorter), (longer, room - n_shorter))
    ]
    return sorted([*special, *kept[0], *kept[1]])
