"""The protocol of a task: declared datasets, features for an encoder, predictions and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tasks.data import Data, DatasetInfo, Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


DECLARED = "declared"
"""The value of an option that uses the declaration of the dataset or checkpoint. It is not part of a cell's key, because the
identities of data and weights cover it."""

IGNORED = -100
"""The label of a position that has no loss and no prediction, as in torch's cross-entropy."""


Prediction = Any
"""The prediction for one example, such as a list of tags or a ranking; each family has its own type."""

Row = dict[str, object]
"""One example and its prediction, ready for JSON, see `Task.rows`."""

Feature = dict[str, Any]
"""One model input without batch dimension: the lists ``input_ids``, ``attention_mask``, ... and, for training, ``labels``:
a list with one label per token, the pair (first position, last position) of a span, or for the whole text one integer, one score,
or a tuple with 1 for each label that it has and 0 for the others."""


def one_by_one(tokenised: Mapping[str, Sequence[object]]) -> list[Feature]:
    """The features of a tokenised batch, which maps each name to a list with one entry per text."""
    return [dict(zip(tokenised, values, strict=True)) for values in zip(*tokenised.values(), strict=True)]


@dataclass(frozen=True)
class Encoded:
    """The examples of one split as model inputs; long examples take several windows.

    Attributes:
        features: the model inputs, windows of one example next to each other.
        example_of: for each feature, the index of its example.
        n_windowed: examples that needed more than one window.
        n_truncated: examples with a part in no window, which cannot be predicted.
        windows: for each feature, the task's own data for reading its logits; empty if it needs none.
    """

    features: list[Feature]
    example_of: list[int]
    n_windowed: int = 0
    n_truncated: int = 0
    windows: Sequence[Any] = ()


class Task(Protocol):
    """A family of datasets that are trained, predicted and scored in one way.

    Attributes:
        family: the name that a user types.
        head: which head of `harness.nn.heads` the encoder gets, and so how `harness.pipelines.pipeline` runs the task: ``token``,
            ``span``, ``sequence``, ``query``, ``multi_label`` and ``regression`` ask for a `LabellingTask`; ``pair`` scores a query
            with a document; ``embedding`` and ``mteb`` have no head; ``masked_lm`` and ``pseudo_likelihood`` take the masked-LM
            head of the checkpoint.
        metric: full name of the metric by which learning rates are chosen and tables are sorted.
        default_dataset: the dataset of the family's name alone.
        defaults: values of the recipe that differ from `harness.cells.recipe.Recipe` for this task.
    """

    family: str
    description: str
    head: str
    metric: str
    default_dataset: str
    defaults: Mapping[str, object]

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name; any local folder in the right format is one too."""
        ...

    def identity(self, dataset: str, data_dir: str | None) -> str:
        """The identity of the examples, without reading them all; part of a run's key.

        Raises:
            InputError: the dataset does not exist, or its files are missing.
        """
        ...

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> Data:
        """Read the examples.

        Args:
            dataset: what the user typed after the family.
            data_dir: folder of local datasets, if the user gave one.
            skip_bad: leave out and count examples that are malformed, instead of refusing the first of them.

        Raises:
            InputError: a file is missing or malformed (file and line are named), or the hub cannot be reached.
        """
        ...

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        """Every metric under its full name; the main one is 1 at best, and more is better."""
        ...

    def rows(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> list[Row]:
        """One JSON-ready row per example, for people who look at mistakes and for statistics.

        Every row holds ``id``, ``gold`` and ``predicted``, the texts that were read (long ones as an excerpt), and
        ``terms``, the pair [numerator, denominator] of the example's share of the main metric. Over any set of rows
        the metric is sum(numerators) / sum(denominators), and 0 if the denominators sum to 0. The terms of a mean are the
        value and 1; those of F1 are twice the true positives, and predicted plus gold entities. So examples can be resampled.
        Of a metric that is no such ratio, as a correlation, they are the share of `tasks.shares` and 1; their sum over all rows is
        the metric.
        """
        ...

    def texts(self, example: Example) -> tuple[str, ...]:
        """The texts that identify an example: if train has one with the same texts, it was seen in training."""
        ...


class LabellingTask(Task, Protocol):
    """A task whose answers come from an encoder with a head."""

    def encode(
        self,
        examples: Sequence[Example],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        training: bool = False,
    ) -> Encoded:
        """Tokenise examples into features of at most ``max_length`` tokens, including special tokens.

        Features for training have ``labels``, and may leave out windows that teach little.
        """
        ...

    def decode(
        self,
        examples: Sequence[Example],
        labels: Sequence[str],
        encoded: Encoded,
        logits: Sequence[NDArray[np.float32]],
    ) -> list[Prediction]:
        """Turn the logits of every feature (see `harness.nn.inference.predict`) into one prediction per example."""
        ...


@runtime_checkable
class TunedOnDev(Protocol):
    """A task with a value to tune on the dev split before both splits are scored, such as a threshold."""

    def tune(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        """The best values for the dev split; they are recorded."""
        ...

    def apply(self, predictions: Sequence[Prediction], tuned: Mapping[str, float]) -> list[Prediction]:
        """The predictions of any split with these values."""
        ...


@runtime_checkable
class Guessable(Protocol):
    """A task in which one constant answer to every example scores above 0."""

    def constant(self, examples: Sequence[Example], labels: Sequence[str]) -> list[Prediction]:
        """The same prediction for every example: the one with the best score.

        Args:
            examples: to predict.
            labels: of the head's outputs, over which a mean over labels is taken.
        """
        ...


def lowest(task: Task) -> float:
    """The lowest possible value of the main metric: the task's ``lowest``, or 0 if it has none."""
    return float(getattr(task, "lowest", 0.0))


def constant_guess(task: Task, examples: Sequence[Example], labels: Sequence[str] = ()) -> float:
    """The main metric of a model that gives every example the same answer, such as the most frequent label.

    0 if the task is not `Guessable`: tagging every word O finds no entity, and a constant ranking finds no document.

    Args:
        task: scores the answer.
        examples: that are scored.
        labels: of the head's outputs, also those that no example has; empty for a task without labels.
    """
    if not isinstance(task, Guessable) or not examples:
        return 0.0
    return task.score(examples, task.constant(examples, labels))[task.metric]


@runtime_checkable
class ZeroShot(Protocol):
    """A task that needs no head, so that it can score weights without training: ``--epochs 0``."""

    def has_training(self, dataset: str, data_dir: str | None) -> bool:
        """Whether there is anything to train on; if not, nothing is ever trained.

        Raises:
            InputError: the dataset does not exist.
        """
        ...


@runtime_checkable
class MeasuredByDataset(Protocol):
    """A family whose datasets differ in how they are run and scored."""

    def for_dataset(self, dataset: str, data_dir: str | None) -> Task:
        """The task with the head, the metric and the options of this dataset.

        Raises:
            InputError: the dataset does not exist, or an option was given that it does not have.
        """
        ...


def measured(task: Task, dataset: str, data_dir: str | None = None) -> Task:
    """The task as it runs and scores this dataset; see `MeasuredByDataset`."""
    return task.for_dataset(dataset, data_dir) if isinstance(task, MeasuredByDataset) else task


@runtime_checkable
class LongerThanTrained(Protocol):
    """A task whose dev and test inputs may be longer than its training inputs: as long as the encoder takes."""

    def longest_input(self, limit: int | None) -> int:
        """The ``max_length`` of dev and test.

        Args:
            limit: longest input of the encoder in tokens; ``None`` if there is no limit.
        """
        ...


@dataclass(frozen=True)
class OwnTokens:
    """The input of an encoder that reads numbers in place of text.

    Attributes:
        vocabulary: how many numbers there are, from 0 on.
        width: size of the encoder's hidden states; ``None`` for that of its size.
    """

    vocabulary: int
    width: int | None = None

    @property
    def identity(self) -> str:
        """What takes the place of a tokenizer's digest in the identity of random weights."""
        return f"{self.vocabulary} numbers, no dropout" + (f", drawn for width {self.width}" if self.width else "")


@runtime_checkable
class BringsTokens(Protocol):
    """A task whose inputs are numbers without meaning. Pretrained weights know none of them, so encoders start from scratch."""

    @property
    def own_tokens(self) -> OwnTokens:
        """The numbers."""
        ...


@runtime_checkable
class Configurable(Protocol):
    """A task with options of its own, which a user gives as ``--task-option NAME=VALUE``.

    Attributes:
        options: the value of every option, as text; part of a run's key, except those that are `DECLARED`.
    """

    family: str
    options: Mapping[str, str]

    def configured(self, given: Mapping[str, str]) -> Task:
        """This task with some options replaced; all names are known ones.

        Raises:
            InputError: an option cannot have this value.
        """
        ...


@runtime_checkable
class ScoredWithoutTraining(Protocol):
    """A task whose datasets can be test sets of a model that was trained elsewhere."""

    def for_testing(self) -> Task:
        """This task, reading datasets that may lack train; the split is empty then."""
        ...


@runtime_checkable
class ReadsTags(Protocol):
    """A task that reads local files with tags of several schemes, including irregular tags."""

    def with_strict_tags(self) -> Task:
        """This task, refusing tags that violate the scheme of their file: ``--strict-tags``."""
        ...


@dataclass(frozen=True)
class OtherHead:
    """How a task reads the outputs of a checkpoint that was fine-tuned elsewhere.

    Attributes:
        task: the task, reading them.
        labels: of the outputs, in order, by the dataset's names where it has them.
        notes: for the record, one sentence each.
    """

    task: LabellingTask
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()


@runtime_checkable
class TakesOtherHeads(Protocol):
    """A task whose labels have names, which a checkpoint from elsewhere may write in another way."""

    def for_head(self, outputs: Sequence[str], dataset: str, data: Data, given: Mapping[str, str]) -> OtherHead:
        """Match the names of a checkpoint's outputs with the labels of a dataset, see `tasks.head_labels`.

        Args:
            outputs: their names in the checkpoint, in order.
            dataset: its name.
            data: its examples.
            given: pairs of output and label that the user gave.

        Raises:
            InputError: a name is ambiguous, or there is no output for a label in use.
        """
        ...


PRETRAINED_HEADS = ("masked_lm", "pseudo_likelihood")
"""Heads that come with the weights: those from scratch have none."""
LABELLING_HEADS = ("token", "span", "sequence", "query", "multi_label", "regression")
"""Heads of `harness.nn.heads`, for a `LabellingTask`."""
PROBED_HEADS = tuple(head for head in LABELLING_HEADS if head != "query")
"""Heads that can be trained alone, on a frozen encoder; that of ``query`` is the table of embeddings, which is the encoder's."""
HEADS = (*LABELLING_HEADS, "pair", "embedding", "mteb", *PRETRAINED_HEADS)
"""The possible values of `Task.head`."""
