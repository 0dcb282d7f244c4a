"""The corpus ``docstrings``: documents of `tasks.sources.docstrings.source_texts`, with the licences of the packages."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

from harness.pretraining.corpus import Document
from tasks.sources.docstrings import source_texts
from tasks.sources.docstrings.packages import PACKAGES


class DocstringTexts:
    """The corpus ``docstrings``."""

    name = "docstrings"
    is_streamed = False

    @property
    def licence(self) -> str:
        """The licences of the packages whose text is read, as their metadata states them."""
        packages = sorted({name for name, split in PACKAGES.values() if split == "train"})
        return "the licences of the packages: " + ", ".join(f"{name} ({_licence(name)})" for name in packages)

    def identity(self) -> str:
        """sha256 (hex) over the rules and the versions of the packages."""
        return source_texts.identity()

    def documents(self) -> Iterator[Document]:
        """One document for each source file, package by package; the held-out ones last."""
        trained = source_texts.texts("train")
        yield from (Document(text, False) for text in trained)
        yield from (Document(text, True) for text in source_texts.held_out_texts(trained))


def _licence(distribution: str) -> str:
    metadata = importlib.metadata.metadata(distribution)
    stated = next((metadata[name] for name in ("License-Expression", "License") if name in metadata), "")
    classifiers = metadata.get_all("Classifier") or []
    classified = [text.rpartition(" :: ")[2] for text in classifiers if "License ::" in text]
    short = stated if stated and len(stated) < 60 and "\n" not in stated else ""
    return short or ", ".join(classified) or "see the package"
