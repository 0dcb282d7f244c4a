"""Semantic similarity (``sts``): a score for a text or pair of texts, by regression; Pearson's and Spearman's correlation.

The main metric is the mean of both, which is the score of STS-B in GLUE (Wang et al., 2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError
from tasks.classification import TextFamily, encode_texts, shown
from tasks.data import Data, DatasetInfo, Split
from tasks.family import FolderSource, HubSource, Source, table_options
from tasks.metrics import correlation_scores
from tasks.shares import pearson_shares, spearman_shares
from tasks.sources.formats import jsonl
from tasks.sources.formats.targets import Score, Targets
from tasks.sources.formats.writing import write_lines
from tasks.sources.tables import files, targets
from tasks.sources.tables.source import FolderPlace, HubPlace, TableSource
from tasks.sources.target_text import ScoredText
from tasks.task import Encoded, Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Similarity(TextFamily):
    """The task ``sts``: a regression over texts or pairs of texts."""

    family = "sts"
    file_format = "JSON lines (text, text_pair, score) or tables"
    columns = targets.SCORE_OPTIONS
    options = table_options(*targets.SCORE_OPTIONS)
    description = "a score for a pair of texts, by regression"
    head = "regression"
    metric = "pearson_spearman"
    lowest = -1.0
    default_dataset = "stsb"
    defaults: Mapping[str, object] = {"max_length": 256, "batch_size": 16, "epochs": 3.0}

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        from tasks.catalogue.sts import STS_DATASETS

        return STS_DATASETS

    def local(self, path: Path) -> Source:
        """See `Family.local`: JSON lines with the usual keys, else tables; a declared name has its range of scores."""
        score = _score(self.datasets.get(path.name))
        if self.named_columns() or (files.find(path) and not jsonl.is_native(path, score.key)):
            return self._of_tables(FolderPlace(path), score)
        reader = Targets(score, self.without_train)
        return FolderSource(path, reader.identity, reader.load)

    def tables(self, place: FolderPlace | HubPlace) -> Source:
        """See `Family.tables`."""
        return self._of_tables(place, Score())

    def _of_tables(self, place: FolderPlace | HubPlace, score: Score) -> Source:
        columns, without = targets.ScoreColumn(score), self.without_train
        return TableSource(place, partial(targets.load, options=self.options, columns=columns, without_train=without))

    def hub(self, info: DatasetInfo) -> Source:
        """See `Family.hub`."""
        return HubSource(info, Targets(_score(info)).load_hub)

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> Data:
        """See `tasks.task.Task.load`.

        Raises:
            InputError: also if all scores of a split are equal: nothing correlates with them; or those of train in the 32 bits in
                which models compute.
        """
        data = super().load(dataset, data_dir, skip_bad)
        lacks: Mapping[Split, str] = {
            "train": "there is nothing to learn",
            "dev": "no learning rate can be chosen by it",
            "test": "nothing correlates with it",
        }
        for split, lack in lacks.items():
            scores = {example.target for example in data.splits[split]}
            if len(scores) == 1:
                raise InputError(
                    f"every score of {split} of {self.family}/{dataset} is {scores.pop():g}, so {lack}; use examples with "
                    "different scores"
                )
        train = [example.target for example in data.splits["train"]]
        if train and len(set(np.asarray(train, np.float32).tolist())) == 1:
            raise InputError(
                f"the scores of train of {self.family}/{dataset}, from {min(train)} to {max(train)}, are one number in the 32 bits "
                "in which models compute; scale or shift them"
            )
        return data

    def encode(
        self,
        examples: Sequence[ScoredText],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        training: bool = False,
    ) -> Encoded:
        """See `Task.encode` and `tasks.classification.encode_texts`; ``labels`` of a feature is its score."""
        return encode_texts(examples, tokenizer, max_length, lambda example: example.target)

    def decode(
        self,
        examples: Sequence[ScoredText],
        labels: Sequence[str],
        encoded: Encoded,
        logits: Sequence[NDArray[np.float32]],
    ) -> list[float]:
        """The score of each example; logits are of shape (1,)."""
        return [float(score[0]) for score in logits]

    def score(self, examples: Sequence[ScoredText], predictions: Sequence[float]) -> dict[str, float]:
        """See `tasks.metrics.correlation_scores`."""
        return correlation_scores([example.target for example in examples], predictions)

    def rows(self, examples: Sequence[ScoredText], predictions: Sequence[float]) -> list[Row]:
        """Id, text and the text it is paired with (null for a single text), gold score and predicted score of each."""
        gold = [example.target for example in examples]
        shares = (pearson_shares(gold, predictions) + spearman_shares(gold, predictions)) / 2
        return [
            {
                **shown(example),
                "gold": example.target,
                "predicted": round(predicted, 6),
                "terms": [share, 1],
            }
            for example, predicted, share in zip(examples, predictions, shares.tolist(), strict=True)
        ]

    def write(self, data: Data, folder: Path) -> None:
        """See `tasks.sources.hub.copies.Portable`: JSON lines."""
        for split, examples in data.splits.items():
            rows = ({"text": one.text, "text_pair": one.pair, "score": one.target} for one in examples)
            write_lines(folder / f"{split}.jsonl", rows)


STS = Similarity()


def _score(info: DatasetInfo | None) -> Score:
    return Score(info.score_range if info else None)
