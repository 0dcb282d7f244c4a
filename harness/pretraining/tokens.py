"""A corpus as token ids on disk: tokenised once, memory-mapped, named by what decides it, checked when it is opened.

Documents follow each other with the separator that fine-tuning puts between the two texts of a pair.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError
from harness.nn.token_stream import plain_ids, separator_id, without_batches
from harness.pretraining.corpus import Corpus, Document
from harness.progress import Update
from tasks.sources.docstrings.cache import cache_folder
from tasks.sources.folders import new_beside

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BUILDER_VERSION = 1
PARTS = ("train", "heldout")
META = "meta.json"
_CHARACTERS_A_PIECE = 2_000_000


@dataclass(frozen=True)
class TokenFile:
    """A tokenised corpus.

    Attributes:
        folder: holds the files.
        train, heldout: (tokens,) ids, memory-mapped.
        meta: ``fingerprint`` (sha256 of both parts), ``tokens``, ``documents`` and ``bytes`` of each part, ``corpora``.
    """

    folder: Path
    train: NDArray[np.integer]
    heldout: NDArray[np.integer]
    meta: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) over the tokens of both parts."""
        return str(self.meta["fingerprint"])

    @property
    def bytes_a_token(self) -> float:
        """UTF-8 bytes of a held-out token, separators not counted."""
        tokens = self.meta["tokens"]["heldout"] - self.meta["documents"]["heldout"]
        return float(self.meta["bytes"]["heldout"] / max(1, tokens))


def tokenizer_identity(tokenizer: PreTrainedTokenizerBase) -> str:
    """sha256 (hex) of a fast tokenizer: of its definition and its special tokens."""
    special = json.dumps(tokenizer.special_tokens_map, sort_keys=True, default=str)
    return hashlib.sha256((without_batches(tokenizer).to_str() + special).encode()).hexdigest()


def tokenised(
    corpora: Sequence[Corpus], tokenizer: PreTrainedTokenizerBase, needed: int, progress: Update
) -> TokenFile:
    """The tokens of the corpora, from the cache if they were tokenised before.

    Args:
        corpora: read one after the other.
        tokenizer: a fast one.
        needed: training tokens to take from a streamed corpus; other corpora are read to their end.
        progress: told how many tokens there are.

    Raises:
        InputError: a corpus cannot be read, or the cache cannot be written.
    """
    rules = [BUILDER_VERSION, tokenizer_identity(tokenizer), [corpus.identity() for corpus in corpora]]
    rules += [needed] if any(corpus.is_streamed for corpus in corpora) else []
    identity = hashlib.sha256(json.dumps(rules).encode()).hexdigest()
    folder = cache_folder() / f"tokens-{identity[:16]}"
    try:
        return _opened(folder)
    except (OSError, ValueError, KeyError):
        pass
    unfinished = None
    try:
        unfinished = new_beside(folder)
        _build(unfinished, corpora, tokenizer, needed, progress)
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        try:
            unfinished.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another process was quicker
                raise
        return _opened(folder)
    except OSError as error:
        remedy = "free some space, or choose another folder" if error.errno == errno.ENOSPC else "choose another folder"
        raise InputError(
            f"the tokens of the corpus cannot be kept in {folder.parent} ({error.strerror}); {remedy} with HARNESS_CACHE_DIR"
        ) from error
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)


def _opened(folder: Path) -> TokenFile:
    """The token file in a folder.

    Raises:
        OSError: a file is missing.
        ValueError: the files are not those that were written.
    """
    meta = json.loads((folder / META).read_bytes())
    parts = [_mapped(folder / f"{part}.bin", np.dtype(meta["dtype"]), meta["tokens"][part]) for part in PARTS]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)  # type: ignore[arg-type]
    if digest.hexdigest() != meta["fingerprint"]:
        raise ValueError("changed since it was written")
    return TokenFile(folder, parts[0], parts[1], meta)


def _mapped(file: Path, dtype: np.dtype[np.integer], tokens: int) -> NDArray[np.integer]:
    if not tokens:
        return np.empty(0, dtype)
    found: NDArray[np.integer] = np.memmap(file, dtype, mode="r", shape=(tokens,))
    return found


@dataclass
class _Counts:
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    documents: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    bytes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))


def _build(
    folder: Path, corpora: Sequence[Corpus], tokenizer: PreTrainedTokenizerBase, needed: int, progress: Update
) -> None:
    dtype: np.dtype[np.integer] = np.dtype(np.uint16) if len(tokenizer) <= 2**16 else np.dtype(np.uint32)
    separator = separator_id(tokenizer)
    counts, told = _Counts(), []
    with ExitStack() as stack:
        files = {part: stack.enter_context((folder / f"{part}.bin").open("wb")) for part in PARTS}
        for corpus in corpora:
            before = counts.tokens["train"]
            for piece in _pieces(corpus.documents()):
                _write(files, piece, tokenizer, separator, dtype, counts)
                progress(counts.tokens["train"], max(needed, counts.tokens["train"]))
                if corpus.is_streamed and counts.tokens["train"] - before >= needed:
                    break
            tokens = counts.tokens["train"] - before
            told.append(
                {"name": corpus.name, "identity": corpus.identity(), "licence": corpus.licence, "tokens": tokens}
            )
    digest = hashlib.sha256()
    for part in PARTS:
        digest.update((folder / f"{part}.bin").read_bytes())
    meta = {"fingerprint": digest.hexdigest(), "dtype": dtype.name, "corpora": told, **vars(counts)}
    (folder / META).write_text(json.dumps(meta, indent=1), encoding="utf-8")


def _pieces(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """Documents in pieces that are worth a call of the tokenizer, which works on all cores."""
    piece: list[Document] = []
    size = 0
    for document in documents:
        piece.append(document)
        size += len(document.text)
        if size >= _CHARACTERS_A_PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _write(
    files: Mapping[str, IO[bytes]],
    piece: list[Document],
    tokenizer: PreTrainedTokenizerBase,
    separator: int,
    dtype: np.dtype[np.integer],
    counts: _Counts,
) -> None:
    for document, found in zip(piece, plain_ids(tokenizer, [document.text for document in piece]), strict=True):
        part = "heldout" if document.held_out else "train"
        ids = np.array([*found, separator], dtype)
        files[part].write(ids.tobytes())
        counts.tokens[part] += len(ids)
        counts.documents[part] += 1
        counts.bytes[part] += len(document.text.encode("utf-8", "surrogatepass"))
