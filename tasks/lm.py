"""Probes of pretrained encoders by their masked-LM head: the loss on running text, and minimal pairs. Nothing is trained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import InputError
from harness.registry import suggestion
from tasks.data import Data, DatasetInfo
from tasks.family import EmbeddedSource, Family, FolderSource, HubSource, Source
from tasks.lm_measures import EVERY, PAIRS, TEXT, Measure
from tasks.sources.formats import minimal_pairs
from tasks.sources.formats.documents import documents_in
from tasks.sources.formats.locate import is_folder, local_datasets
from tasks.sources.formats.writing import write_lines
from tasks.sources.minimal_pair import MinimalPair
from tasks.sources.passage import Passage
from tasks.sources.splits import files_identity, fingerprint
from tasks.task import Row

TEXT_FILES = ("test.txt", "heldout.txt")
"""What is read of a folder of text: the first of these that is there."""

PAIR_SETS = ("blimp", "docstring_pairs")
"""Of the declared datasets, those of minimal pairs; the others are texts."""


_OPTIONS = {**TEXT.options, **PAIRS.options}


class LanguageModelling(Family[Source]):
    """The family ``lm``: a text is scored by its loss, minimal pairs by pseudo-log-likelihood.

    Args:
        measure: of the dataset; see `tasks.task.MeasuredByDataset`.
        options: ``tokens`` are read of a text at most, ``pairs`` of each paradigm; a number, or all.
    """

    family = "lm"
    file_format = "text or BLiMP"
    description = "what a masked-LM head predicts, without training: the loss on a text, minimal pairs"
    default_dataset = "docstrings"
    defaults: Mapping[str, object] = {"max_length": 512}
    folders = ("lm", "text", ".")

    def __init__(self, measure: Measure = TEXT, options: Mapping[str, str] | None = None) -> None:
        self.measure, self.head, self.metric = measure, measure.head, measure.metric
        self.options = _OPTIONS if options is None else options

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        from tasks.catalogue.lm import LM_DATASETS

        return LM_DATASETS

    def configured(self, given: Mapping[str, str]) -> LanguageModelling:
        """See `Configurable.configured`."""
        for name, value in given.items():
            if value != EVERY and not (value.isascii() and value.isdigit() and 0 < int(value) < 10**12):
                raise InputError(f"{name} takes a whole number from 1, or {EVERY}, not {value!r}")
        plain = {name: value if value == EVERY else str(int(value)) for name, value in given.items()}
        return LanguageModelling(self.measure, {**self.options, **plain})

    def for_dataset(self, dataset: str, data_dir: str | None) -> LanguageModelling:
        """See `tasks.task.MeasuredByDataset`.

        Raises:
            InputError: an option was given that is of the other kind of dataset.
        """
        declared = dataset in self.datasets
        pairs = dataset in PAIR_SETS if declared else isinstance(self.source(dataset, data_dir), FolderSource)
        measure: Measure = PAIRS if pairs else TEXT
        for name, value in self.options.items():
            if name not in measure.options and value != _OPTIONS[name]:
                kind = "minimal pairs" if pairs else "a text"
                raise InputError(
                    f"lm/{dataset} is {kind} and has no option {name!r}{suggestion(name, measure.options)}"
                )
        return LanguageModelling(measure, {name: self.options[name] for name in measure.options})

    def source(self, dataset: str, data_dir: str | None) -> Source:
        """See `Family.source`; a text may also be the file ``NAME.txt``."""
        file = self._file(dataset, data_dir)
        return _text_source(file) if file else super().source(dataset, data_dir)

    def in_folder(self, root: Path) -> Mapping[str, Path]:
        """See `Family.in_folder`; a text may also be a file, and a folder in ``root`` itself counts if it holds a text or pairs."""
        *own, _ = self.folders
        beside = {name: path for name, path in local_datasets(root, (".",)).items() if _is_dataset(path)}
        names = dict.fromkeys(file.stem for folder in own for file in sorted((root / folder).glob("*.txt")))
        files = {name: file for name in names if (file := self._file(name, str(root)))}
        return beside | local_datasets(root, own) | files

    def embedded(self, info: DatasetInfo) -> Source:
        """See `Family.embedded`."""
        from tasks.sources.docstrings import pairs, source_texts

        if info.name == "docstring_pairs":
            return EmbeddedSource(pairs.identity, lambda: pairs.load().data(()))
        identity = f"{source_texts.identity()} {source_texts.HELD_OUT_SHARE}"
        return EmbeddedSource(lambda: identity, _held_out_docstrings)

    def local(self, path: Path) -> Source:
        """See `Family.local`: a folder of text, or of minimal pairs in BLiMP's format.

        Raises:
            InputError: it holds neither.
        """
        for name in TEXT_FILES:
            if (path / name).is_file():
                return _text_source(path / name)
        if not any(path.glob("*.jsonl")):
            raise InputError(
                f"{path} holds neither {' nor '.join(TEXT_FILES)} nor *.jsonl; put a text or minimal pairs there"
            )
        return FolderSource(path, minimal_pairs.identity, minimal_pairs.load)

    def hub(self, info: DatasetInfo) -> Source:
        """See `Family.hub`."""
        return HubSource(info, minimal_pairs.load_hub, named=False)

    def has_training(self, dataset: str, data_dir: str | None) -> bool:
        """See `ZeroShot.has_training`: never."""
        return False

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> Data:
        """See `Task.load`; of minimal pairs as many of each paradigm as the option says, the same for every model."""
        data = super().load(dataset, data_dir, skip_bad)
        most = self.options.get("pairs", EVERY)
        if most == EVERY:
            return data
        splits = dict(data.splits) | {"test": _some_of_each(data.splits["test"], int(most))}
        return replace(data, splits=splits, fingerprint=fingerprint(splits))

    def score(self, examples: Sequence[Any], predictions: Sequence[Any]) -> dict[str, float]:
        """See `TextLoss.score` and `PairAccuracy.score`."""
        return self.measure.score(examples, predictions)

    def rows(self, examples: Sequence[Any], predictions: Sequence[Any]) -> list[Row]:
        """See `TextLoss.rows` and `PairAccuracy.rows`."""
        return self.measure.rows(examples, predictions)

    def texts(self, example: Any) -> tuple[str, ...]:
        """See `Task.texts`."""
        return self.measure.texts(example)

    def write(self, data: Data, folder: Path) -> None:
        """See `tasks.sources.hub.copies.Portable`: BLiMP's format."""
        for paradigm, rows in minimal_pairs.written(data.splits["test"]).items():
            write_lines(folder / f"{paradigm}.jsonl", rows)

    def _file(self, dataset: str, data_dir: str | None) -> Path | None:
        """The text file of this name in the data folder, if there is one and no dataset is declared by the name."""
        if data_dir is None or dataset in self.datasets or "/" in dataset or not is_folder(Path(data_dir)):
            return None
        places = (Path(data_dir) / folder / f"{dataset}.txt" for folder in self.folders)
        return next((place for place in places if place.is_file()), None)


LM = LanguageModelling()


def _is_dataset(folder: Path) -> bool:
    """Whether a folder holds a text or minimal pairs."""
    return any((folder / name).is_file() for name in TEXT_FILES) or minimal_pairs.are_in(folder)


def _text_source(file: Path) -> Source:
    def load() -> Data:
        passages = [Passage(text, f"{file.name}:{number}") for number, text in enumerate(documents_in(file))]
        if not passages:
            raise InputError(f"{file} is empty; put plain UTF-8 text there, with an empty line between documents")
        return _data(passages, str(file))

    return EmbeddedSource(lambda: files_identity({"test": file}), load)


def _held_out_docstrings() -> Data:
    from tasks.sources.docstrings import packages, source_texts

    texts = source_texts.held_out_texts(source_texts.texts("train"))
    passages = [Passage(text, f"docstrings:{number}") for number, text in enumerate(texts)]
    return replace(_data(passages, "embedded"), sources=packages.versions())


def _data(passages: Sequence[Passage], origin: str) -> Data:
    splits: dict[Any, Sequence[Passage]] = {"train": [], "dev": [], "test": passages}
    return Data(splits, (), origin, fingerprint(splits))


def _some_of_each(pairs: Sequence[MinimalPair], most: int) -> list[MinimalPair]:
    """At most so many pairs of each paradigm, a fixed random choice, in their order."""
    of_paradigm: dict[str, list[MinimalPair]] = defaultdict(list)
    for pair in pairs:
        of_paradigm[pair.paradigm].append(pair)
    chosen = []
    for found in of_paradigm.values():
        places = np.random.default_rng(0).permutation(len(found))[:most]
        chosen += [found[place] for place in sorted(places)]
    return chosen
