"""Tag schemes of named entities: one rule reads every scheme in use and converts it to IOB2.

The rule is that of conlleval (Tjong Kim Sang and Buchholz, 2000) with the letters that its successors added. A tag is ``O``
or a letter, a hyphen and a type. ``B`` begins an entity, and ``S``, ``U`` and ``W`` are an entity of one token. ``I`` and
``M``, and ``E`` and ``L``, which also end it, continue the entity before them if that is open and has their type;
otherwise they begin one. So the entities do not depend on the scheme of a file: IOB1, IOB2 and IO read alike, and a damaged
tag changes only its own entity.

The scheme matters only for notes and for ``--strict-tags``. It is the one with the fewest irregular tags in a file. A small
file often fits several schemes equally well, such as a test split without two adjacent entities. Then the scheme that fits
all files of the dataset best is used, and among equals the first of `SCHEMES`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tasks.data import Split

TAG = re.compile(r"O|[BIELMSUW]-\S+")
"""A tag in any of the schemes."""

SCHEMES = {
    "IOB2": ("B", "I", "I", "B"),
    "IO": ("I", "I", "I", "I"),
    "IOB1": ("I", "I", "I", "I"),
    "BIOES": ("B", "I", "E", "S"),
    "BILOU": ("B", "I", "L", "U"),
    "BMES": ("B", "M", "E", "S"),
    "BMEWO": ("B", "M", "E", "W"),
    "IOE2": ("I", "I", "E", "E"),
}
"""The letters of an entity's first, inner and last token, and of its only one. IOB1 (Ramshaw and Marcus, 1995) has ``B``
for the first token of an entity that touches one of its type."""

_BEGINS = frozenset("BSUW")
_ENDS = frozenset("ELSUW")

Entity = tuple[int, int, str]
"""First token, the one after the last, type."""


@dataclass(frozen=True)
class Fit:
    """How well the tags of a file follow a scheme.

    Attributes:
        scheme: one of `SCHEMES`.
        irregular: sentence and token of each tag that differs from the scheme's, in the order of the file.
    """

    scheme: str
    irregular: Sequence[tuple[int, int]]


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of one sentence with tags of any scheme, in order."""
    found: list[Entity] = []
    start, kind, open_ = 0, "", False
    for place, tag in enumerate([*tags, "O"]):
        letter, _, this = tag.partition("-")
        if open_ and (tag == "O" or letter in _BEGINS or this != kind):
            found.append((start, place, kind))
            open_ = False
        if tag != "O":
            if not open_:
                start, kind = place, this
            open_ = letter not in _ENDS
            if not open_:
                found.append((start, place + 1, kind))
    return found


def written(spans: Sequence[Entity], length: int, scheme: str = "IOB2") -> list[str]:
    """The tags of a sentence of `length` tokens by a scheme."""
    tags = ["O"] * length
    for place, letter, kind in _letters(spans, scheme):
        tags[place] = f"{letter}-{kind}"
    return tags


def fits(files: Mapping[Split, Sequence[Sequence[str]]]) -> dict[Split, Fit]:
    """The scheme of each file and the places where its tags violate it.

    Args:
        files: the tags of each sentence of each file of one dataset.
    """
    spans = {name: [entities(tags) for tags in sentences] for name, sentences in files.items()}
    departures = {
        name: {scheme: list(_departures(sentences, spans[name], scheme)) for scheme in SCHEMES}
        for name, sentences in files.items()
    }
    in_all = {scheme: sum(len(found[scheme]) for found in departures.values()) for scheme in SCHEMES}
    chosen = {}
    for name, found in departures.items():
        scheme = min(SCHEMES, key=lambda scheme: (len(found[scheme]), in_all[scheme]))
        chosen[name] = Fit(scheme, found[scheme])
    return chosen


def _letters(spans: Sequence[Entity], scheme: str) -> Iterator[tuple[int, str, str]]:
    """Place, letter and type of every token of an entity."""
    first, inner, last, only = SCHEMES[scheme]
    before: tuple[int, str] | None = None
    for start, end, kind in spans:
        letters = [first, *inner * (end - start - 2), last] if end - start > 1 else [only]
        if scheme == "IOB1" and before == (start, kind):
            letters[0] = "B"
        before = end, kind
        for place, letter in enumerate(letters, start):
            yield place, letter, kind


def _departures(
    sentences: Sequence[Sequence[str]], spans: Sequence[Sequence[Entity]], scheme: str
) -> Iterator[tuple[int, int]]:
    for number, (tags, found) in enumerate(zip(sentences, spans, strict=True)):
        for place, letter, _ in _letters(found, scheme):
            if tags[place][0] != letter:
                yield number, place
