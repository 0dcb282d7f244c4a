"""The lengths of a user's own texts, in the tokens of each model, and the padding that they need in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import InputError
from harness.progress import counted
from tasks.sources.formats.lines import json_lines, numbered_lines

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MOST_TEXTS = 512
"""A larger file is represented by this many of its texts, drawn with seed 0."""
_TAKES = "--texts takes one text per line, or JSONL with the key text"


@dataclass(frozen=True)
class Texts:
    """Texts of a file.

    Attributes:
        name: of the file, without its folder.
        texts: in the order of the file, at most `MOST_TEXTS`.
        in_file: number of texts in the file.
    """

    name: str
    texts: tuple[str, ...]
    in_file: int


def read_texts(path: str) -> Texts:
    """The texts of a file: one per line, or in ``.jsonl`` one object per line with the key ``text``. Empty texts do not count.

    Raises:
        InputError: there is no such file, it is not text, or it holds no texts.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"there is no file {file}; --texts takes a file of texts")
    read = _texts_of_rows if file.suffix.lower() in (".jsonl", ".json", ".ndjson") else _lines
    texts = [text for text in read(file) if text.strip()]
    if not texts:
        raise InputError(f"{file} holds no texts; {_TAKES}")
    kept = sorted(np.random.default_rng(0).permutation(len(texts))[:MOST_TEXTS])
    return Texts(file.name, tuple(texts[place] for place in kept), len(texts))


def cut_lengths(texts: Texts, tokenizer: PreTrainedTokenizerBase, limit: int | None) -> tuple[int, ...]:
    """Tokens of each text with special tokens, longest first; longer ones than the model takes are cut, as `harness run` does."""
    cut = {"truncation": True, "max_length": limit} if limit else {}
    ids = tokenizer(list(texts.texts), verbose=False, **cut)["input_ids"]
    return tuple(sorted(map(len, ids), reverse=True))


def padding_share(lengths: Sequence[int], batch_size: int) -> float:
    """The share of padding, 0 to 1, in batches of this many texts in the given order, each padded to its longest."""
    batches = [lengths[start : start + batch_size] for start in range(0, len(lengths), batch_size)]
    return 1 - sum(lengths) / sum(max(batch) * len(batch) for batch in batches)


def told(texts: Texts, name: str, lengths: Sequence[int], batch_sizes: Sequence[int]) -> str:
    """One line about the lengths of the texts in the tokens of a model, and about the padding of batches."""
    shuffled = np.random.default_rng(0).permutation(lengths).tolist()
    shares = [
        f"{padding_share(lengths, size):.0%} at batch {size} ({padding_share(shuffled, size):.0%} without grouping by length)"
        for size in batch_sizes
        if size > 1
    ]
    drawn = f", {len(lengths)} of them drawn" if texts.in_file > len(lengths) else ""
    middle, long = np.quantile(lengths, [0.5, 0.9])
    return (
        f"{texts.name}: {counted(texts.in_file, 'text')}{drawn}; {name}: {middle:,.0f} tokens at the median, {long:,.0f} at p90, "
        f"{max(lengths):,} at most" + (f"; padding {', '.join(shares)}" if shares else "")
    )


def _lines(file: Path) -> Iterator[str]:
    for number, raw in numbered_lines(file):
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"line {number} of {file} is not text in UTF-8; {_TAKES}") from error
        if "\0" in line:
            raise InputError(f"line {number} of {file} is not text; {_TAKES}")
        yield line


def _texts_of_rows(file: Path) -> Iterator[str]:
    for number, row in json_lines(file):
        if isinstance(row, str):
            raise InputError(f"line {number} of {file} {row}; {_TAKES}")
        if not isinstance(text := row.get("text"), str):
            raise InputError(f'line {number} of {file} has no "text"; {_TAKES}')
        yield text
