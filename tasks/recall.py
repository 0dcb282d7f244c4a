"""Multi-query associative recall: which value came with this key, earlier in the sequence?

The task tells apart how encoders look things up, without pretraining. Sequences are those of zoology (`tasks.sources.associative`).
Zoology trains causal language models. This is an adaptation to bidirectional encoders: each query is classified at its own
position, which never holds its value, so nothing leaks. As in zoology's models the classifier is the table of input embeddings.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError
from tasks.data import Data, DatasetInfo
from tasks.option_values import whole_number
from tasks.sources.associative import FILLERS, VERSION, KeyedSequence, Point, Rules, fingerprint, splits_of
from tasks.sources.formats.locate import locate
from tasks.task import DECLARED, IGNORED, Encoded, Feature, OwnTokens, Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

METRIC = "query_accuracy"
AS_TEST = "as-test"
DATASETS = {
    "mqar": DatasetInfo(
        "mqar",
        "embedded",
        "keys and their values, then the keys again in other places: which value came with each? From scratch only",
        "none: drawn numbers",
        languages=(),
        caveats=(
            "recall/mqar adapts zoology's causal task to bidirectional encoders: each query is classified at its own position; "
            "its scores are not those of the paper",
        ),
    )
}
_GRID = ",".join(
    f"{length}:{pairs}" for length, pairs in product((64, 128, 256, 512), (4, 8, 16, 32, 64)) if 4 * pairs <= length
)
_TRAIN = "8:2,16:4,32:4,32:8,64:4,64:16,128:8,256:16,512:64"
"""Many short sequences, from which looking up is learnt in far fewer tokens, and each length of the grid, for learned positions."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to the queries of one sequence.

    Attributes:
        values: (pairs,) tokens; -1 for a query that was cut off.
        truncated: whether the sequence was longer than the encoder takes and was cut.
    """

    values: NDArray[np.int64]
    truncated: bool


@dataclass(frozen=True)
class AssociativeRecall:
    """The task ``recall``.

    Attributes:
        options: ``test`` and ``train``, points LENGTH:PAIRS joined by commas (``train`` may be ``as-test``); ``examples`` for each
            point of test (dev has a third as many); ``train_tokens`` in all, of which a point of a quarter of the length gets
            twice as many; ``vocabulary``; ``fillers``, zero or random; ``width`` of the encoder, or ``declared`` for that of its size.
    """

    options: Mapping[str, str] = field(
        default_factory=lambda: {
            "test": _GRID,
            "train": _TRAIN,
            "examples": "30",
            "train_tokens": "5000000",
            "vocabulary": "8192",
            "fillers": "zero",
            "width": "128",
        }
    )

    family = "recall"
    description = "look up values by their keys, without pretraining: sequences of numbers, from scratch only"
    head = "query"
    metric = METRIC
    default_dataset = "mqar"
    defaults = {"max_length": 512, "batch_size": 64, "epochs": 1.0}  # noqa: RUF012

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        return DATASETS

    @property
    def own_tokens(self) -> OwnTokens:
        """See `tasks.task.BringsTokens`."""
        width = self.options["width"]
        return OwnTokens(self._rules.vocabulary, None if width == DECLARED else int(width))

    def configured(self, given: Mapping[str, str]) -> AssociativeRecall:
        """See `tasks.task.Configurable`."""
        options = {**self.options, **given}
        numbers = {
            "examples": range(1, 10_001),
            "train_tokens": range(1, 999_999_999),
            "vocabulary": range(8, 1_000_001),
        }
        for name, allowed in numbers.items():
            options[name] = str(whole_number(name, options[name], allowed))
        if options["width"] != DECLARED:
            options["width"] = str(whole_number("width", options["width"], range(32, 4097, 32)))
        if options["fillers"] not in FILLERS:
            raise InputError(f"fillers are {' or '.join(FILLERS)}, not {options['fillers']!r}")
        if options["train"] != AS_TEST:
            options["train"] = ",".join(map(str, _points("train", options["train"])))
        options["test"] = ",".join(map(str, _points("test", options["test"])))
        task = replace(self, options=options)
        for point in (*task._test, *task._train):
            task._rules.refuse(point)
        return task

    def longest_input(self, limit: int | None) -> int:
        """See `tasks.task.LongerThanTrained`."""
        longest = max(point.length for point in self._test)
        return longest if limit is None else min(limit, longest)

    def identity(self, dataset: str, data_dir: str | None) -> str:
        """See `Task.identity`: the options are part of every key anyway."""
        locate(self.family, dataset, DATASETS, data_dir)
        return f"mqar version {VERSION}"

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> Data:
        """See `Task.load`; the labels are the values, in the order of their tokens."""
        locate(self.family, dataset, DATASETS, data_dir)
        rules, examples = self._rules, int(self.options["examples"])
        splits = splits_of(
            rules,
            {
                "train": self._sequences(),
                "dev": dict.fromkeys(self._test, (examples + 2) // 3),
                "test": dict.fromkeys(self._test, examples),
            },
        )
        labels = tuple(map(str, range(rules.first_value, rules.vocabulary)))
        return Data(splits, labels, "embedded", fingerprint(splits))

    def encode(
        self,
        examples: Sequence[KeyedSequence],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        training: bool = False,
    ) -> Encoded:
        """One input per sequence, without special tokens, cut at `max_length`.

        ``queries`` are the positions of the queries, followed by -1 so that all sequences have equally many. In training, the
        label of a query is the index of its value, and all other tokens are ignored.

        Raises:
            InputError: a sequence for training is longer than `max_length`.
        """
        first = tokenizer.convert_tokens_to_ids("0")
        most = max((one.point.pairs for one in examples), default=0)
        features: list[Feature] = []
        for one in examples:
            if training and one.point.length > max_length:
                raise InputError(
                    f"training sequences of {one.point.length} tokens are longer than --max-length {max_length}; raise it, or "
                    "name shorter ones with --task-option train=LENGTH:PAIRS"
                )
            ids, queries = (first + one.tokens[:max_length]).tolist(), one.queries[one.queries < max_length]
            feature: Feature = {
                "input_ids": ids,
                "attention_mask": [1] * len(ids),
                "queries": [*queries.tolist(), *[-1] * (most - len(queries))],
            }
            if training:
                marks = np.full(len(ids), IGNORED)
                marks[queries] = one.values - self._rules.first_value
                feature["labels"] = marks.tolist()
            features.append(feature)
        n_truncated = sum(one.point.length > max_length for one in examples)
        return Encoded(features, list(range(len(features))), n_truncated=n_truncated)

    def decode(
        self,
        examples: Sequence[KeyedSequence],
        labels: Sequence[str],
        encoded: Encoded,
        logits: Sequence[NDArray[np.float32]],
    ) -> list[Answers]:
        """The value of each query; `logits` are the indices of the best values, see `harness.nn.heads.QueryHead`."""
        found = []
        for one, feature, best in zip(examples, encoded.features, logits, strict=True):
            seen = np.asarray(feature["queries"][: one.point.pairs]) >= 0
            values = np.where(seen, self._rules.first_value + best[: one.point.pairs].astype(np.int64), -1)
            found.append(Answers(values, len(feature["input_ids"]) < one.point.length))
        return found

    def score(self, examples: Sequence[KeyedSequence], predictions: Sequence[Answers]) -> dict[str, float]:
        """``query_accuracy``: the share of all queries that got their value; queries that were cut off count as wrong.

        It is also given for each length (``.L64``) and each length and number of pairs (``.L64.P4``). ``truncated`` is the share of
        sequences that were cut, ``unseen`` the share of queries that were cut off.
        """
        right: dict[str, list[NDArray[np.bool_]]] = defaultdict(list)
        unseen: dict[str, list[NDArray[np.bool_]]] = defaultdict(list)
        truncated: dict[str, list[bool]] = defaultdict(list)
        for one, answers in zip(examples, predictions, strict=True):
            at = f".L{one.point.length}"
            for name in ("", at, f"{at}.P{one.point.pairs}"):
                right[METRIC + name].append(answers.values == one.values)
            for name in ("", at):
                truncated["truncated" + name].append(answers.truncated)
                unseen["unseen" + name].append(answers.values < 0)
        shares = {name: float(np.concatenate(parts).mean()) for name, parts in (right | unseen).items()}
        return shares | {name: float(np.mean(parts)) for name, parts in truncated.items()}

    def rows(self, examples: Sequence[KeyedSequence], predictions: Sequence[Answers]) -> list[Row]:
        """The queries of each sequence, their values and the answers; ``terms`` are right answers and queries."""
        return [
            {
                "id": one.id,
                "length": one.point.length,
                "pairs": one.point.pairs,
                "truncated": answers.truncated,
                "seen": float(np.mean(answers.values >= 0)),
                "queries": one.queries.tolist(),
                "gold": one.values.tolist(),
                "predicted": answers.values.tolist(),
                "terms": [int((answers.values == one.values).sum()), len(one.values)],
            }
            for one, answers in zip(examples, predictions, strict=True)
        ]

    def texts(self, example: KeyedSequence) -> tuple[str, ...]:
        """The tokens of the sequence."""
        return (" ".join(map(str, example.tokens)),)

    def _sequences(self) -> dict[Point, int]:
        """The number of training sequences of each point."""
        shares = {point: point.length**-0.5 for point in self._train}
        per_share = int(self.options["train_tokens"]) / sum(shares.values())
        return {point: max(1, round(per_share * share / point.length)) for point, share in shares.items()}

    @property
    def _rules(self) -> Rules:
        return Rules(int(self.options["vocabulary"]), self.options["fillers"])

    @property
    def _test(self) -> list[Point]:
        return _points("test", self.options["test"])

    @property
    def _train(self) -> list[Point]:
        return self._test if self.options["train"] == AS_TEST else _points("train", self.options["train"])


RECALL = AssociativeRecall()


def _points(name: str, text: str) -> list[Point]:
    """The points that an option names, each once, in order of length and pairs."""
    parts = [part.strip() for part in text.split(",")]
    if wrong := [part for part in parts if not re.fullmatch(r"[1-9][0-9]{0,5}:[1-9][0-9]{0,5}", part)]:
        raise InputError(f"{name} takes LENGTH:PAIRS, joined by commas, such as 64:4,128:8, not {wrong[0]!r}")
    return sorted({Point(*map(int, part.split(":"))) for part in parts})
