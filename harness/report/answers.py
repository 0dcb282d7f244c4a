"""What one row of predictions says: the answer in pieces, whether it is right, and how sure the model was. By the row's shape.

The report knows no task by name, so that rows of a plug-in's task are read too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.plain_text import plain
from harness.store.record import TEST_SET

LONGEST_TEXT = 600
"""Characters; longer contexts and answers are cut."""

Row = Mapping[str, Any]
State = Literal["right", "wrong", "missed"]
STATES: tuple[State, ...] = ("right", "wrong", "missed")
Chip = tuple[str, State]
"""A piece of an answer."""


@dataclass(frozen=True)
class Reply:
    """The answer in one row.

    Attributes:
        chips: its pieces.
        right: whether all of it is right.
        labels: those that it gives, by which answers can be filtered; empty if there are none.
    """

    chips: tuple[Chip, ...]
    right: bool
    labels: tuple[str, ...] = ()


def reply(row: Row) -> Reply:
    """The answer of a row."""
    return next(answer for fits, answer in _SHAPES if fits(row))(row)


def confidence(row: Row) -> float | None:
    """The probability of the answer; of words the lowest of their tags. ``None`` if the row does not have it."""
    found = row.get("probabilities")
    if isinstance(found, dict) and isinstance(row.get("predicted"), str):
        return _share(found.get(row["predicted"]))
    if isinstance(found, list) and _is_tagged(row):
        shares = [_share(one) for one in found]
        return min((one for one in shares if one is not None), default=None) if None not in shares else None
    return None


def gold(row: Row) -> list[str]:
    """The pieces of the right answer."""
    right = row.get("gold")
    if _is_tagged(row):
        return [short(text) for text in entities(row["tokens"], row["gold"]).values()] or ["nothing"]
    if isinstance(right, dict):
        return [short(str(document)) for document, grade in right.items() if grade > 0][:10]
    if isinstance(right, list):
        return [short(str(answer)) for answer in right] or ["no answer"]
    return [short(_text(right))]


def gold_labels(row: Row) -> tuple[str, ...]:
    """The labels of the right answer, see `Reply.labels`."""
    if _is_tagged(row):
        return _kinds(row["gold"])
    if _is_several(row):
        return tuple(row["gold"])
    return (short(row["gold"]),) if isinstance(row.get("gold"), str) else ()


def context(row: Row) -> str:
    """The texts that were read, as far as the row holds them."""
    if isinstance(row.get("tokens"), list):
        return short(" ".join(map(str, row["tokens"])))
    known = ("gold", "predicted", "id", "split", TEST_SET)
    return short(" / ".join(value for name, value in row.items() if name not in known and isinstance(value, str)))


def entities(tokens: Sequence[str], tags: Sequence[str]) -> dict[tuple[int, int, str], str]:
    """The entities of IOB2 tags, by first word, word after the last, and type; a stray ``I-`` begins one, as in conlleval."""
    found: dict[tuple[int, int, str], str] = {}
    start: int | None = None
    for place, (tag, before) in enumerate(zip([*tags, "O"], ["O", *tags], strict=True)):
        begins = tag.startswith("B-") or (tag.startswith("I-") and before[2:] != tag[2:])
        if start is not None and (begins or tag == "O"):
            kind = tags[start][2:]
            found[start, place, kind] = f"{' '.join(map(str, tokens[start:place]))} · {kind}"
            start = None
        if begins:
            start = place
    return found


def short(text: str) -> str:
    """A text without control characters and not too long for the page."""
    text = plain(text)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _is_tagged(row: Row) -> bool:
    return all(isinstance(row.get(name), list) for name in ("tokens", "gold", "predicted"))


def _is_several(row: Row) -> bool:
    sides = (row.get("gold"), row.get("predicted"))
    return all(isinstance(side, list) and all(isinstance(label, str) for label in side) for side in sides)


def _tagged(row: Row) -> Reply:
    right, predicted = entities(row["tokens"], row["gold"]), entities(row["tokens"], row["predicted"])
    chips: list[Chip] = [(short(text), "right" if key in right else "wrong") for key, text in predicted.items()]
    chips += [(short(text), "missed") for key, text in right.items() if key not in predicted]
    return Reply(tuple(chips) or (("nothing", "right"),), right.keys() == predicted.keys(), _kinds(row["predicted"]))


def _kinds(tags: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({tag[2:] for tag in tags if tag != "O"}))


def _several(row: Row) -> Reply:
    right, predicted = row["gold"], row["predicted"]
    chips: list[Chip] = [(short(label), "right" if label in right else "wrong") for label in predicted]
    chips += [(short(label), "missed") for label in right if label not in predicted]
    return Reply(tuple(chips) or (("nothing", "right"),), sorted(right) == sorted(predicted), tuple(predicted))


def _ranked(row: Row) -> Reply:
    relevant = {document for document, grade in row["gold"].items() if grade > 0}
    found = [str(document) for document, *_ in row["predicted"]]
    rank = next((place for place, document in enumerate(found, start=1) if document in relevant), None)
    if rank is None:
        return Reply(((f"none of the first {len(found)} is relevant", "wrong"),), False)
    return Reply(((short(f"{found[rank - 1]} at rank {rank}"), "right" if rank == 1 else "wrong"),), rank == 1)


def _one_of_many(row: Row) -> Reply:
    given = str(row["predicted"] or "")
    right = _full_marks(row, given in row["gold"] if row["gold"] else not given)
    return Reply(((short(given) or "no answer", "right" if right else "wrong"),), right)


def _single(row: Row) -> Reply:
    wanted, given = row.get("gold"), row.get("predicted")
    right = _full_marks(row, False) or (wanted is not None and given == wanted)
    labels = (short(given),) if isinstance(given, str) else ()
    return Reply(((short(_text(given)), "right" if right else "wrong"),), right, labels)


def _full_marks(row: Row, otherwise: bool) -> bool:
    """Whether the example adds to the score all that it can; see `harness.comparison.stats` for ``terms``."""
    terms = row.get("terms")
    return bool(abs(terms[0] - terms[1]) < 1e-9) if isinstance(terms, list) and len(terms) == 2 else otherwise


_SHAPES: tuple[tuple[Callable[[Row], bool], Callable[[Row], Reply]], ...] = (
    (_is_tagged, _tagged),
    (lambda row: isinstance(row.get("gold"), dict) and isinstance(row.get("predicted"), list), _ranked),
    (_is_several, _several),
    (lambda row: isinstance(row.get("gold"), list) and not isinstance(row.get("predicted"), list), _one_of_many),
    (lambda row: True, _single),
)


def _share(value: object) -> float | None:
    """A probability from a file that anyone may have written."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
