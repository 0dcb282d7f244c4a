"""Where the text of pretraining comes from: embedded docstrings, files of plain text, or a dataset on the hub.

Every corpus gives documents, says which of them are held out, and names what decides them.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.errors import InputError, on_one_line
from harness.json_file import JsonObject
from tasks.sources.formats.documents import documents_in
from tasks.sources.formats.lines import is_unicode
from tasks.sources.hub.commit import MAIN, UnreachableError
from tasks.sources.hub.repository import Address, Repository

HELD_OUT_FILE = "heldout.txt"
HELD_OUT_ONE_IN = 100
"""Of a corpus that brings no held-out part, one document in so many is held out, chosen by its own digest."""


@dataclass(frozen=True)
class Document:
    """One document: paragraphs on lines of their own, and whether it is held out of training."""

    text: str
    held_out: bool


class Corpus(Protocol):
    """A source of documents.

    Attributes:
        name: as a user typed it.
        is_streamed: it is too large to read whole, so only as many tokens as needed are taken.
    """

    name: str
    is_streamed: bool

    @property
    def licence(self) -> str:
        """Of the text, in one sentence for the model card."""

    def identity(self) -> str:
        """What decides the documents, without reading all of them where that can be avoided."""

    def documents(self) -> Iterator[Document]:
        """The documents, always in the same order."""


def find_corpus(name: str) -> Corpus:
    """The corpus that ``--corpus`` names.

    Args:
        name: ``docstrings``, the path of a file or folder of texts, or ``hf:OWNER/NAME[:CONFIG][@REVISION]``.

    Raises:
        InputError: there is no such file or folder, or the name of a hub dataset is not complete.
    """
    if name == "docstrings":
        from harness.pretraining.docstring_texts import DocstringTexts

        return DocstringTexts()
    if name.startswith("hf:"):
        return HubTexts.named(name)
    path = Path(name).expanduser()
    if not path.exists():
        raise InputError(
            f"there is no file or folder {name}; --corpus takes docstrings, a path, or hf:OWNER/NAME[:CONFIG][@REVISION]"
        )
    return TextFiles(name, path)


class TextFiles:
    """A text file, or the ``*.txt`` of a folder, with an empty line between documents.

    ``heldout.txt`` of a folder is the held-out part; without it, one document in a hundred is held out.
    """

    is_streamed = False

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path

    @property
    def licence(self) -> str:
        """What is known of the licence."""
        if (self.path / "README.md").is_file():
            return f"see the README.md beside the texts ({self.path.name}), which names sources and licences"
        return f"as the texts in {self.path.name} say"

    def files(self) -> list[Path]:
        """The files, the held-out one last.

        Raises:
            InputError: there is none, or only the held-out one.
        """
        if self.path.is_file():
            return [self.path]
        files = sorted(file for file in self.path.glob("*.txt") if file.is_file())
        files.sort(key=lambda file: file.name == HELD_OUT_FILE)
        if not files or files[0].name == HELD_OUT_FILE:
            raise InputError(f"{self.path} holds no *.txt to train on; put plain UTF-8 texts there")
        return files

    def identity(self) -> str:
        """sha256 (hex) over the names and bytes of the files."""
        return _digest({file.name: file for file in self.files()})

    def documents(self) -> Iterator[Document]:
        """The documents, file by file.

        Raises:
            InputError: a file is empty, binary or not UTF-8.
        """
        files = self.files()
        has_own = self.path.is_dir() and files[-1].name == HELD_OUT_FILE
        for file in files:
            empty = True
            for text in documents_in(file):
                empty = False
                yield Document(text, file.name == HELD_OUT_FILE if has_own else held_out_by_digest(text))
            if empty:
                raise InputError(f"{file} is empty; take it out, or put text into it")


_HUB_NAME = re.compile(r"hf:([^:@/\s]+/[^:@/\s]+)(?::([^@\s]+))?(?:@(\S+))?")


class HubTexts:
    """A dataset on the Hugging Face hub, streamed: the column ``text`` of its split ``train``.

    Args:
        name: as a user typed it.
        repository: ``OWNER/NAME``.
        config: of the dataset; ``None`` for its default.
        revision: a commit, branch or tag; ``None`` for what ``main`` is now.
    """

    is_streamed = True

    def __init__(self, name: str, repository: str, config: str | None, revision: str | None) -> None:
        self.name, self.repository, self.config, self.revision = name, repository, config, revision

    @property
    def licence(self) -> str:
        """Where the licence is stated."""
        return f"as https://huggingface.co/datasets/{self.repository} says"

    @classmethod
    def named(cls, name: str) -> HubTexts:
        """From ``hf:OWNER/NAME[:CONFIG][@REVISION]``.

        Raises:
            InputError: it has another form.
        """
        found = _HUB_NAME.fullmatch(name)
        if not found:
            raise InputError(f"{name} names no dataset on the hub; write hf:OWNER/NAME[:CONFIG][@REVISION]")
        return cls(name, *found.groups())

    def identity(self) -> str:
        """Repository, config and commit; the hub is asked once for the commit of a branch or tag.

        Raises:
            InputError: the hub cannot be reached, or there is no such repository or revision.
        """
        with self._reading():
            return f"hf:{self.repository}:{self.config or ''}@{self._on_hub.commit}"

    def documents(self) -> Iterator[Document]:
        """The documents as they stream in.

        Raises:
            InputError: the hub cannot be reached, or the dataset has no column ``text``.
        """
        with self._reading():
            rows = self._on_hub.stream("train")
            first = next(rows, None)
        if first is None:
            raise InputError(f"{self.name} has no rows; choose another config or dataset")
        if not isinstance(first.get("text"), str):
            raise InputError(f"{self.name} has no text in a column 'text'; its columns are {', '.join(first)}")
        yield from self._texts(itertools.chain([first], rows))

    @property
    def _on_hub(self) -> Repository:
        return Repository(Address(self.repository, self.revision or MAIN, self.config or ""))

    def _texts(self, rows: Iterator[JsonObject]) -> Iterator[Document]:
        while True:
            with self._reading():
                row = next(rows, None)
            if row is None:
                return
            text = row["text"]
            if text and is_unicode(text) and text.strip():
                yield Document(text.strip(), held_out_by_digest(text))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Explain what reading the hub raises while the block runs."""
        try:
            yield
        except UnreachableError as error:
            raise self._unreachable(error.cause) from error
        except InputError:
            raise
        except Exception as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> InputError:
        return InputError(
            f"{self.repository} could not be read from the hub ({on_one_line(error)}); check name and network, or "
            "download its texts elsewhere and give their folder as --corpus"
        )


def _digest(files: Mapping[str, Path]) -> str:
    """sha256 (hex) over the names and bytes of files, in their order.

    Raises:
        InputError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for name, file in files.items():
        try:
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}); check its permissions") from error
        digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()


def held_out_by_digest(text: str) -> bool:
    """Whether a document is held out of a corpus that does not say so itself: decided by its text alone."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % HELD_OUT_ONE_IN == 0
