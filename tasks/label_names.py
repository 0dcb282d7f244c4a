"""The labels of a test set, found by name among those of the model that was trained on another dataset."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import InputError
from harness.progress import counted

OUTSIDE = "O"
"""The tag of a word without an entity."""
_NOT_ENTAILMENT = {"nonentailment", "notentailment"}


def output_names(known: Sequence[str], own: Sequence[str], dataset: str) -> tuple[tuple[str, ...], str]:
    """Name the outputs of a trained head by the labels of a test set. Names match whatever their case and signs.

    Of tags, a type that the test set does not annotate becomes O: its gold says nothing about it. If the test set has only
    "entailment" and its negation, as HANS has, the model's other relations count as the negation (McCoy et al., 2019). Any other
    label that the test set never has stays, and predicting it is a mistake.

    Args:
        known: the labels of the head, in the order of its outputs.
        own: the labels of the test set.
        dataset: for messages.

    Returns:
        A name for each output, and a note on those without a counterpart; empty if there are none.

    Raises:
        InputError: the model does not know a label of the test set.
    """
    mine = {_plain(name): name for name in own}
    if OUTSIDE not in own and len(own) == 2 and _is_two_way(mine) and "entailment" in map(_plain, known):
        return _two_way(known, mine)
    names = {_plain(name) for name in known}
    if unknown := [name for plain, name in mine.items() if plain not in names]:
        raise InputError(
            f"the test set {dataset} has the {_listed(unknown)}, which the training data never have: the model knows "
            f"{', '.join(_kinds(known))}; leave the test set out, or rename its labels"
        )
    spare = [name for name in known if _plain(name) not in mine]
    otherwise = {name: OUTSIDE if OUTSIDE in own else name for name in spare}
    found = tuple(mine.get(_plain(name), otherwise.get(name, name)) for name in known)
    fate = "they count as O" if OUTSIDE in own else "predicting one is a mistake"
    return (
        found,
        f"the model also predicts the {_listed(spare)}, which this test set never has: {fate}" if spare else "",
    )


def _two_way(known: Sequence[str], mine: dict[str, str]) -> tuple[tuple[str, ...], str]:
    negation = next(name for plain, name in mine.items() if plain in _NOT_ENTAILMENT)
    found = tuple(mine["entailment"] if _plain(name) == "entailment" else negation for name in known)
    merged = [name for name in known if _plain(name) not in {"entailment", *_NOT_ENTAILMENT}]
    return found, f"{' and '.join(merged)} count as {negation}, as usual for this kind of test" if merged else ""


def _is_two_way(mine: dict[str, str]) -> bool:
    return "entailment" in mine and bool(_NOT_ENTAILMENT & mine.keys())


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum()) or name


def _kinds(names: Sequence[str]) -> list[str]:
    """The labels; of tags, the types."""
    if OUTSIDE not in names and not all(name[:2] in ("B-", "I-") for name in names):
        return list(names)
    return list(dict.fromkeys(name[2:] for name in names if name != OUTSIDE))


def _listed(names: Sequence[str]) -> str:
    kinds = _kinds(names)
    return f"{counted(len(kinds), 'label').partition(' ')[2]} {', '.join(kinds)}"
