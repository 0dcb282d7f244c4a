"""Named-entity recognition: one tag per word, entity-level F1.

Tags are IOB2, and the first sub-token of a word carries its label (Devlin et al., 2019). A sentence that is longer than the
model's input is read in overlapping windows. Each word is predicted in the window where it has the most context, so that no
word is missing from the score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError
from tasks.data import Data, DatasetInfo, Split
from tasks.family import EmbeddedSource, Family, FolderSource, HubSource, Source, table_options
from tasks.head_labels import is_iob2, match_tags
from tasks.metrics import entity_scores, entity_terms
from tasks.probabilities import DIGITS, softmax
from tasks.sources.formats import conll
from tasks.sources.formats.reading import Reading
from tasks.sources.formats.writing import write_conll
from tasks.sources.hub import rows
from tasks.sources.sentence import Sentence
from tasks.sources.tables import files, sentences
from tasks.sources.tables.source import FolderPlace, HubPlace, TableSource
from tasks.sources.tables.table import Table
from tasks.sources.tag_schemes import entities, written
from tasks.task import IGNORED, Encoded, Feature, OtherHead, Row
from tasks.words import read_words

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Tagging:
    """The prediction for a sentence.

    Attributes:
        tags: of its words, in IOB2.
        probabilities: of the model's tag for each word; empty if the tags do not come from a model.
    """

    tags: Sequence[str]
    probabilities: Sequence[float] = ()


class NamedEntityRecognition(Family[Source]):
    """The task ``ner``: CoNLL-style tagging.

    Args:
        strict_tags: refuse local files with tags that violate the files' own scheme.
        other_scheme: the model's tags are of another scheme than IOB2 and are converted to it.
    """

    family = "ner"
    file_format = "CoNLL files or tables"
    columns = sentences.OPTIONS
    description = "named-entity recognition, one IOB2 tag per word"
    head = "token"
    metric = "entity_f1_strict"
    default_dataset = "docstrings"
    defaults: Mapping[str, object] = {"max_length": 256, "epochs": 1.5}
    # Higher than for texts: at 5e-4 Avey-B scores 0.04 less.
    shipped_learning_rate = 1e-3

    def __init__(self, strict_tags: bool = False, other_scheme: bool = False) -> None:
        self.strict_tags, self.other_scheme = strict_tags, other_scheme
        self.options = table_options(*sentences.OPTIONS)

    def with_strict_tags(self) -> NamedEntityRecognition:
        """See `tasks.task.ReadsTags`."""
        strict = copy(self)
        strict.strict_tags = True
        return strict

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        from tasks.catalogue.ner import NER_DATASETS

        return NER_DATASETS

    def embedded(self, info: DatasetInfo) -> Source:
        """See `Family.embedded`."""
        from tasks.sources.docstrings.packages import corpus_identity

        return EmbeddedSource(corpus_identity, _built)

    def local(self, path: Path) -> Source:
        """See `Family.local`: CoNLL files, else tables.

        Of CoNLL files ``skip_bad`` has no effect: a malformed line makes its neighbours doubtful.
        """
        if not any(path.glob("*.conll")) and files.find(path):
            return self.tables(FolderPlace(path))
        if named := self.named_columns():
            raise InputError(
                f"{path} holds CoNLL files, which have no named columns; leave --task-option {named[0]} out"
            )
        return FolderSource(path, self._identity, self._read)

    def tables(self, place: FolderPlace | HubPlace) -> Source:
        """See `Family.tables`."""
        return TableSource(place, self._read_tables)

    def hub(self, info: DatasetInfo) -> Source:
        """See `Family.hub`."""
        return HubSource(info, _read_hub, named=False)

    def _identity(self, path: Path) -> str:
        if self.strict_tags:  # checked here, because the store may have an earlier run on these files
            conll.load(path, True, self.without_train)
        return conll.identity(path, self.without_train)

    def _read(self, path: Path, skip_bad: bool) -> Reading[Sentence]:
        splits, notes = conll.load(path, self.strict_tags, self.without_train)
        reading = Reading(splits=splits, labels=_labels(splits), notes=list(notes))
        there = conll.files(path, self.without_train)
        reading.complete(sentences.RULE, {split: file.name for split, file in there.items()})
        return reading

    def _read_tables(self, tables: Mapping[str, Table], skip_bad: bool) -> Reading[Sentence]:
        reading = sentences.load(tables, self.options, skip_bad, self.strict_tags, without_train=self.without_train)
        reading.labels = _labels(reading.splits)
        return reading

    def encode(
        self,
        examples: Sequence[Sentence],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        training: bool = False,
    ) -> Encoded:
        """See `Task.encode`; ``labels`` are -100 except at the first sub-token of each word that the feature predicts.

        Raises:
            InputError: see `tasks.words.read_words`; or a word has no tokens and the tokenizer no unknown token.
        """
        label_ids = {label: index for index, label in enumerate(labels)}
        words = _words_with_tokens([sentence.tokens for sentence in examples], tokenizer)
        with _windows_from_the_left(tokenizer):
            tokenised = read_words(
                tokenizer,
                words,
                truncation=True,
                max_length=max_length,
                stride=max_length // 4,
                return_overflowing_tokens=True,
            )
        example_of: list[int] = list(tokenised.pop("overflow_to_sample_mapping"))
        features: list[Feature] = []
        for index in range(len(example_of)):
            feature = {name: list(values[index]) for name, values in tokenised.items()}
            feature["labels"] = [IGNORED] * len(feature["input_ids"])
            features.append(feature)
        windows_of: dict[int, list[int]] = {}
        for index, example in enumerate(example_of):
            windows_of.setdefault(example, []).append(index)
        for example, windows in windows_of.items():
            tags = examples[example].tags
            for word, (window, position) in _home_of_words([tokenised.word_ids(window) for window in windows]).items():
                features[windows[window]]["labels"][position] = label_ids[tags[word]]
        n_windowed = sum(len(windows) > 1 for windows in windows_of.values())
        n_truncated = sum(
            sum(label != IGNORED for window in windows for label in features[window]["labels"])
            < len(examples[example].tokens)
            for example, windows in windows_of.items()
        )
        return Encoded(features, example_of, n_windowed, n_truncated)

    def decode(
        self,
        examples: Sequence[Sentence],
        labels: Sequence[str],
        encoded: Encoded,
        logits: Sequence[NDArray[np.float32]],
    ) -> list[Tagging]:
        """The most probable tag of each word, words in order; outputs of the same name are one tag and add up."""
        tags: list[list[str]] = [[] for _ in examples]
        sure: list[list[float]] = [[] for _ in examples]
        same = np.array([[one == other for other in labels] for one in labels], np.float64)
        for feature, example, scores in zip(encoded.features, encoded.example_of, logits, strict=True):
            of_words = scores[np.asarray(feature["labels"]) != IGNORED]
            best = of_words.argmax(axis=-1)
            tags[example].extend(labels[place] for place in best)
            sure[example].extend((softmax(of_words) * same[best]).sum(axis=-1).tolist())
        if self.other_scheme:
            tags = [written(entities(found), len(found)) for found in tags]
        return [Tagging(*both) for both in zip(tags, sure, strict=True)]

    def for_head(self, outputs: Sequence[str], dataset: str, data: Data, given: Mapping[str, str]) -> OtherHead:
        """See `tasks.task.TakesOtherHeads`: by entity type, whatever the scheme of the tags."""
        used = {tag for split in ("dev", "test") for sentence in data.splits[split] for tag in sentence.tags}
        matched = match_tags(outputs, data.labels, used, given)
        other = not is_iob2(matched.names)
        notes = ("the checkpoint's tags were converted to IOB2",) if other else ()
        task = copy(self)
        task.other_scheme = other
        return OtherHead(task, matched.names, (*matched.notes, *notes))

    def score(self, examples: Sequence[Sentence], predictions: Sequence[Tagging]) -> dict[str, float]:
        """Strict and conlleval entity scores, see `tasks.metrics.entity_scores`."""
        return entity_scores([sentence.tags for sentence in examples], [found.tags for found in predictions])

    def rows(self, examples: Sequence[Sentence], predictions: Sequence[Tagging]) -> list[Row]:
        """Id, tokens, gold tags and predicted tags of each sentence; see `tasks.metrics.entity_terms` for its terms.

        ``probabilities`` has one number for each word: that of its predicted tag.
        """
        terms = entity_terms([sentence.tags for sentence in examples], [found.tags for found in predictions])
        return [
            {
                "id": sentence.id,
                "tokens": sentence.tokens,
                "gold": sentence.tags,
                "predicted": list(found.tags),
                **(
                    {"probabilities": [round(one, DIGITS) for one in found.probabilities]}
                    if found.probabilities
                    else {}
                ),
                "terms": share,
            }
            for sentence, found, share in zip(examples, predictions, terms, strict=True)
        ]

    def write(self, data: Data, folder: Path) -> None:
        """See `tasks.sources.hub.copies.Portable`: CoNLL files."""
        write_conll(data.splits, folder)

    def texts(self, example: Sentence) -> tuple[str, ...]:
        """The sentence."""
        return (" ".join(example.tokens),)


NER = NamedEntityRecognition()


def _built() -> Data:
    from tasks.sources.docstrings import ner

    built = ner.load()
    return built.data(_labels(built.splits))


def _read_hub(info: DatasetInfo, skip_bad: bool) -> Reading[Sentence]:
    splits, revision = rows.load_sentences(info)
    return Reading(splits=splits, labels=_labels(splits), revision=revision)


def _labels(splits: Mapping[Split, Sequence[Sentence]]) -> tuple[str, ...]:
    """O, and the two tags of each type of the train split, or of all splits without one; types in alphabetical order."""
    read = [splits["train"]] if splits.get("train") else splits.values()
    types = sorted({tag[2:] for sentences in read for sentence in sentences for tag in sentence.tags if tag != "O"})
    return ("O", *(f"{prefix}-{kind}" for kind in types for prefix in "BI"))


def _words_with_tokens(sentences: Sequence[Sequence[str]], tokenizer: PreTrainedTokenizerBase) -> list[list[str]]:
    """The words, with the unknown token in place of words without any token, such as control characters.

    Raises:
        InputError: there is such a word, and the tokenizer has no unknown token.
    """
    tokenised = read_words(tokenizer, sentences, add_special_tokens=False)
    replaced = []
    for index, words in enumerate(sentences):
        present = set(tokenised.word_ids(index))
        replaced.append([word if number in present else _unknown(word, tokenizer) for number, word in enumerate(words)])
    return replaced


def _unknown(word: str, tokenizer: PreTrainedTokenizerBase) -> str:
    if tokenizer.unk_token is None:
        raise InputError(
            f"the tokenizer of {tokenizer.name_or_path or 'this encoder'} gives the word {word!r} no tokens and has no unknown token, "
            "so the word cannot be tagged; take it out of the data, or use other weights"
        )
    return str(tokenizer.unk_token)


@contextmanager
def _windows_from_the_left(tokenizer: PreTrainedTokenizerBase) -> Iterator[None]:
    """Let a tokenizer cut a long sentence into windows from left to right, whatever its own direction is."""
    side = tokenizer.truncation_side
    tokenizer.truncation_side = "right"
    try:
        yield
    finally:
        tokenizer.truncation_side = side


def _home_of_words(windows: Sequence[Sequence[int | None]]) -> dict[int, tuple[int, int]]:
    """For each word, the window in which its first sub-token has the most context on its shorter side, and its position there.

    Args:
        windows: the word index of each position (``None`` for special tokens) of each window of one sentence.
            Windows overlap, so the first word of a later window is also in the one before it, completely or with its
            first sub-token; the later window does not predict it.
    """
    home: dict[int, tuple[int, int]] = {}
    context: dict[int, int] = {}
    for window, words in enumerate(windows):
        inside = [position for position, word in enumerate(words) if word is not None]
        skipped = words[inside[0]] if window and inside else None
        previous = None
        for position in inside:
            word = words[position]
            if word is not None and word not in (previous, skipped):
                margin = min(position - inside[0], inside[-1] - position)
                if word not in home or margin > context[word]:
                    home[word], context[word] = (window, position), margin
            previous = word
    return home
