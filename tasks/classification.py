"""Sequence classification: one label per text or pair of texts; accuracy, macro F1 and Matthews' correlation.

Two families of one kind: ``nli``, how a hypothesis relates to its premise, and ``classification``, everything else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.beginning import beginning
from tasks.excerpt import excerpt
from tasks.family import EmbeddedSource, Family, FolderSource, HubSource, Source, table_options
from tasks.head_labels import match_labels
from tasks.metrics import classification_scores
from tasks.sources.formats import jsonl
from tasks.sources.formats.writing import write_jsonl
from tasks.sources.labelled_text import LabelledText
from tasks.sources.tables import files, labelled
from tasks.sources.tables.source import FolderPlace, HubPlace, TableSource
from tasks.task import Data, DatasetInfo, Encoded, OtherHead, Row, one_by_one

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

LONG_PAIR = 1_000_000
"""Characters. With an odd number of tokens the longer text of a pair keeps one more, and cutting both texts before they are
tokenised could change which one is longer. So the texts of a shorter pair are tokenised completely."""


class SequenceClassification(Family[Source]):
    """A family of classification datasets.

    Args:
        family: the name that a user types.
        description: one line for ``harness list``.
        default_dataset: the dataset of the family's name alone.
        defaults: values of the recipe that differ from the general ones.
    """

    head = "sequence"
    file_format = "JSON lines (premise, hypothesis, label) or tables"
    columns = labelled.OPTIONS
    metric = "accuracy"

    def __init__(self, family: str, description: str, default_dataset: str, defaults: Mapping[str, object]) -> None:
        self.family = family
        self.description = description
        self.default_dataset = default_dataset
        self.defaults = defaults
        self.options = table_options(*labelled.OPTIONS)

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        from tasks.catalogue import CLASSIFICATION_DATASETS, NLI_DATASETS

        return NLI_DATASETS if self.family == "nli" else CLASSIFICATION_DATASETS

    def embedded(self, info: DatasetInfo) -> Source:
        """See `Family.embedded`."""
        from tasks.sources.docstrings import nli

        return EmbeddedSource(nli.identity, lambda: nli.load().data(nli.RELATIONS))

    def local(self, path: Path) -> Source:
        """See `Family.local`: JSON lines with the usual keys, else tables."""
        if self.named_columns() or (files.find(path) and not jsonl.is_native(path)):
            return self.tables(FolderPlace(path))
        return FolderSource(path, jsonl.identity, jsonl.load)

    def tables(self, place: FolderPlace | HubPlace) -> Source:
        """See `Family.tables`."""
        return TableSource(place, partial(labelled.load, options=self.options, pairs=self.family == "nli"))

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
        """See `Task.encode`; of a pair that is too long, the longer text is cut first."""
        read = [_beginning(example, tokenizer, max_length) for example in examples]
        tokenised = _tokenised(read, tokenizer)
        too_long = [index for index, ids in enumerate(tokenised["input_ids"]) if len(ids) > max_length]
        for index in too_long:
            kept = kept_places(tokenised.sequence_ids(index), max_length, tokenizer.truncation_side)
            for lists in tokenised.values():
                lists[index] = [lists[index][place] for place in kept]
        label_ids = {label: index for index, label in enumerate(labels)}
        features = one_by_one(tokenised)
        for feature, example in zip(features, examples, strict=True):
            feature["labels"] = label_ids[example.label]
        return Encoded(features, list(range(len(examples))), n_truncated=len(too_long))

    def decode(
        self,
        examples: Sequence[LabelledText],
        labels: Sequence[str],
        encoded: Encoded,
        logits: Sequence[NDArray[np.float32]],
    ) -> list[str]:
        """The most probable label of each example; logits are of shape (labels,)."""
        return [labels[int(scores.argmax())] for scores in logits]

    def for_head(self, outputs: Sequence[str], dataset: str, data: Data, given: Mapping[str, str]) -> OtherHead:
        """See `tasks.task.TakesOtherHeads`."""
        info = self.datasets.get(dataset)
        order = info.hub_options.get("labels", ()) if info else ()
        used = {example.label for split in ("dev", "test") for example in data.splits[split]}
        matched = match_labels(outputs, data.labels, used, given, order if set(order) == set(data.labels) else ())
        return OtherHead(self, matched.names, matched.notes)

    def score(self, examples: Sequence[LabelledText], predictions: Sequence[str]) -> dict[str, float]:
        """See `tasks.metrics.classification_scores`."""
        return classification_scores([example.label for example in examples], predictions)

    def constant(self, examples: Sequence[LabelledText]) -> list[str]:
        """See `tasks.task.Guessable`: the most frequent label."""
        ((label, _),) = Counter(example.label for example in examples).most_common(1)
        return [label] * len(examples)

    def rows(self, examples: Sequence[LabelledText], predictions: Sequence[str]) -> list[Row]:
        """Id, text and the text it is paired with (null for a single text), gold label and predicted label of each."""
        return [
            {
                "id": example.id,
                "text": excerpt(example.text),
                "pair": excerpt(example.pair) if example.pair is not None else None,
                "gold": example.label,
                "predicted": predicted,
                "terms": [int(predicted == example.label), 1],
            }
            for example, predicted in zip(examples, predictions, strict=True)
        ]

    def write(self, data: Data, folder: Path) -> None:
        """See `tasks.sources.hub.copies.Portable`: JSON lines."""
        columns = ("premise", "hypothesis") if self.family == "nli" else ("text", "text_pair")
        write_jsonl(data.splits, folder, columns)

    def texts(self, example: LabelledText) -> tuple[str, ...]:
        """The text, or the pair."""
        return (example.text,) if example.pair is None else (example.text, example.pair)


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


def _beginning(example: LabelledText, tokenizer: PreTrainedTokenizerBase, max_length: int) -> LabelledText:
    """The example without the ends of texts that cannot be read, see `tasks.beginning`."""
    if example.pair is None:
        return replace(example, text=beginning(example.text, tokenizer, max_length))
    if max(len(example.text), len(example.pair)) <= LONG_PAIR:
        return example
    text, pair = (beginning(text, tokenizer, max_length) for text in (example.text, example.pair))
    return replace(example, text=text, pair=pair)


def _tokenised(examples: Sequence[LabelledText], tokenizer: PreTrainedTokenizerBase) -> BatchEncoding:
    """The uncut model inputs of each example; a single text among pairs gets no second text."""
    texts = [example.text for example in examples]
    pairs = [example.pair for example in examples]
    if all(pair is None for pair in pairs):
        return tokenizer(texts, verbose=False)
    return tokenizer(texts, [pair or "" for pair in pairs], verbose=False)


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
