"""Needles in haystacks: find the answer in one sentence of an input that is far longer than the training inputs.

This adapts Kamradt's test (2023) and RULER (Hsieh et al., 2024) to encoders: the answer is a span. Training uses the recipe's
short length; dev and test cover every length and depth of a grid, in one pass over the whole input. An input that is longer
than the encoder takes is cut at its maximum, and a needle that was cut off counts as missed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError
from tasks.data import Data, DatasetInfo, Split
from tasks.hiding import hide
from tasks.metrics import exact_match
from tasks.option_values import whole_number
from tasks.sources import haystack, needles
from tasks.sources.needles import KINDS, Needle
from tasks.span import best_tokens
from tasks.task import Encoded, Feature, Row
from tasks.windows import Pair, Window, token_span

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

METRIC = "needle_exact_match"
LONGEST_ANSWER = 32
"""In tokens: twice the characters of any answer, enough for tokenizers that read bytes."""

LENGTHS = range(32, 98_304 + 1)
TRAIN_EXAMPLES = 4480

_DESCRIPTIONS = {
    "mixed": "a secret word, a secret number or the value for a key, hidden in docstring prose; options lengths, depths, "
    "examples, distractors",
    "word": "a secret word in docstring prose, made up and not in the prose",
    "number": "a secret number in docstring prose",
    "key-value": "the value for the key that is asked for, among values for other keys; guessing one of them gives "
    "1 / (1 + distractors)",
}
DATASETS = {
    name: DatasetInfo(name, "embedded", description, "that of each package (BSD, MIT, Apache-2.0, PSF, HPND)")
    for name, description in _DESCRIPTIONS.items()
}


@dataclass(frozen=True)
class Input:
    """How one input was made from its needle.

    Attributes:
        window: the place of its context.
        text: the context, of which the encoder may see only the beginning.
        truncated: the input was longer than the encoder takes and was cut.
        seen: the answer was not cut off.
    """

    window: Window
    text: str
    truncated: bool
    seen: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of an encoder, and whether it could see the right one."""

    text: str
    truncated: bool
    seen: bool


@dataclass(frozen=True)
class NeedleInHaystack:
    """The task ``needle``.

    Attributes:
        options: ``lengths`` in tokens of the encoder's own tokenizer and ``depths`` in percent, both increasing and joined by
            commas; ``examples`` for each length and depth of the test grid (dev has a third as many); ``distractors`` beside a
            key-value needle; ``kind`` of the needles in a folder of texts, if its name is not a kind.
    """

    options: Mapping[str, str] = field(
        default_factory=lambda: {
            "lengths": "512,1024,2048,4096",
            "depths": "0,25,50,75,100",
            "examples": "6",
            "distractors": "3",
            "kind": "by-name",
        }
    )

    family = "needle"
    description = "find a needle in a haystack, at lengths far beyond training"
    head = "span"
    metric = METRIC
    default_dataset = "mixed"
    defaults = {"max_length": 256, "batch_size": 16, "epochs": 1.0}  # noqa: RUF012

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        return DATASETS

    def configured(self, given: Mapping[str, str]) -> NeedleInHaystack:
        """See `tasks.task.Configurable`."""
        options = {**self.options, **given}
        lengths = _increasing("lengths", options["lengths"], LENGTHS)
        depths = _increasing("depths", options["depths"], range(101))
        examples = whole_number("examples", options["examples"], range(1, 1001))
        distractors = whole_number("distractors", options["distractors"], range(21))
        if options["kind"] not in {"by-name", *DATASETS}:
            raise InputError(f"kind is by-name, {', '.join(DATASETS)}, not {options['kind']!r}")
        listed = {"lengths": ",".join(map(str, lengths)), "depths": ",".join(map(str, depths))}
        return replace(self, options={**options, **listed, "examples": str(examples), "distractors": str(distractors)})

    def longest_input(self, limit: int | None) -> int:
        """See `tasks.task.LongerThanTrained`."""
        longest = max(self._lengths)
        return longest if limit is None else min(limit, longest)

    def identity(self, dataset: str, data_dir: str | None) -> str:
        """See `Task.identity`: package versions, or a digest of the texts."""
        self._kinds(dataset)
        texts = haystack.find_texts(dataset, self.datasets, data_dir)
        return texts.identity((needles.VERSION, TRAIN_EXAMPLES))

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> Data:
        """See `Task.load`; texts are ``DIR/needle/NAME/*.txt`` or ``DIR/*.txt``."""
        kinds, distractors = self._kinds(dataset), int(self.options["distractors"])
        texts = haystack.find_texts(dataset, self.datasets, data_dir).read()
        examples, hay = int(self.options["examples"]), texts.haystacks
        splits: dict[Split, list[Needle]] = {
            "train": needles.train_needles(hay["train"], kinds, distractors, TRAIN_EXAMPLES)
        }
        sizes: dict[Split, int] = {"dev": (examples + 2) // 3, "test": examples}
        for split, size in sizes.items():
            splits[split] = needles.grid(
                split, hay[split], kinds, distractors, lengths=self._lengths, depths=self._depths, examples=size
            )
        notes = []
        if data_dir is not None and texts.origin == "embedded":
            notes.append(f"{data_dir} holds no *.txt, so the embedded haystack is used")
        if (words := hay["test"].n_words) < max(self._lengths):
            notes.append(f"the haystack of test has {words} words; longer inputs read it more than once")
        return Data(splits, ("start", "end"), texts.origin, needles.fingerprint(splits), tuple(notes), texts.versions)

    def encode(
        self,
        examples: Sequence[Needle],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        training: bool = False,
    ) -> Encoded:
        """One input per needle, of the needle's own length, cut at `max_length`; see `tasks.hiding.hide`."""
        pair = Pair(tokenizer)
        features: list[Feature] = []
        inputs: list[Input] = []
        for needle in examples:
            context = hide(needle, needle.length or max_length, tokenizer, pair)
            room = max(pair.room(max_length) - len(context.question), 0)
            feature, position = pair.feature(context.question, context.ids[:room])
            span = token_span(context.offsets, context.start, len(needle.statement.answer))
            if span is None:
                raise InputError(f"this tokenizer makes no token of {needle.statement.answer!r}; use another --weights")
            if training:
                feature["labels"] = (position + span[0], position + span[1])
            else:
                window = Window(position, context.offsets[:room], LONGEST_ANSWER)
                inputs.append(Input(window, context.text, room < len(context.ids), span[1] < room))
            features.append(feature)
        n_truncated = sum(one.truncated for one in inputs)
        return Encoded(features, list(range(len(features))), n_truncated=n_truncated, windows=inputs)

    def decode(
        self,
        examples: Sequence[Needle],
        labels: Sequence[str],
        encoded: Encoded,
        logits: Sequence[NDArray[np.float32]],
    ) -> list[Found]:
        """The best stretch of the visible part of each context; logits are of shape (length, 2)."""
        found = []
        for one, scores in zip(encoded.windows, logits, strict=True):
            _, first, last = best_tokens(one.window, scores)
            offsets = one.window.offsets
            text = one.text[offsets[first, 0] : offsets[last, 1]] if len(offsets) else ""
            found.append(Found(text, one.truncated, one.seen))
        return found

    def score(self, examples: Sequence[Needle], predictions: Sequence[Found]) -> dict[str, float]:
        """``needle_exact_match`` by SQuAD's normalisation, and the shares of inputs ``truncated`` and needles ``unseen``.

        Each is over all inputs and for each length (``.L4096``); the match also for each length and depth (``.L4096.D50``) and
        for each kind (``.word``) if there are several.
        """
        groups: dict[str, list[float]] = defaultdict(list)
        several = len({needle.kind for needle in examples}) > 1
        for needle, found in zip(examples, predictions, strict=True):
            at = f".L{needle.length}"
            hit = float(_is_found(needle, found))
            for name in ("", *([f".{needle.kind}"] if several else []), at, f"{at}.D{needle.depth:g}"):
                groups[METRIC + name].append(hit)
            for name in ("", at):
                groups["truncated" + name].append(float(found.truncated))
                groups["unseen" + name].append(float(not found.seen))
        return {name: float(np.mean(values)) for name, values in groups.items()}

    def rows(self, examples: Sequence[Needle], predictions: Sequence[Found]) -> list[Row]:
        """The place of each needle, whether it was visible, and the answer; ``terms`` are its share of the metric."""
        return [
            {
                "id": needle.id,
                "kind": needle.kind,
                "length": needle.length,
                "depth": needle.depth,
                "truncated": found.truncated,
                "seen": found.seen,
                "question": needle.question,
                "gold": needle.statement.answer,
                "predicted": found.text,
                "terms": [int(_is_found(needle, found)), 1],
            }
            for needle, found in zip(examples, predictions, strict=True)
        ]

    def texts(self, example: Needle) -> tuple[str, ...]:
        """The question and the sentence that answers it, without the haystack."""
        return example.question, example.statement.text

    @property
    def _lengths(self) -> list[int]:
        return [int(length) for length in self.options["lengths"].split(",")]

    @property
    def _depths(self) -> list[int]:
        return [int(depth) for depth in self.options["depths"].split(",")]

    def _kinds(self, dataset: str) -> tuple[str, ...]:
        """The kinds of needle of a dataset.

        Raises:
            InputError: its name and the option are different kinds.
        """
        asked = self.options["kind"]
        if dataset in DATASETS and asked not in ("by-name", dataset):
            raise InputError(f"needle/{dataset} hides {dataset} needles, not {asked}; use --task needle/{asked}")
        kind = dataset if dataset in DATASETS else asked
        return (kind,) if kind in KINDS else KINDS


NEEDLE = NeedleInHaystack()


def _is_found(needle: Needle, found: Found) -> bool:
    return found.seen and exact_match(found.text, [needle.statement.answer]) == 1


def _increasing(name: str, text: str, allowed: range) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    values = [whole_number(name, part, allowed) for part in parts]
    if sorted(set(values)) != values:
        raise InputError(
            f"{name} must increase, not {text}; write --task-option {name}={','.join(map(str, sorted(set(values))))}"
        )
    return values
