"""The labels of a test set, found by name among those of the model that was trained on another dataset."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from harness.errors import InputError
from harness.progress import counted
from tasks.name_matching import folded, match_names

OUTSIDE = "O"
"""The tag of a word without an entity."""
_ENTAILMENT = "entailment"
_NOT_ENTAILMENT = {"nonentailment", "notentailment"}


def output_names(known: Sequence[str], own: Sequence[str], dataset: str) -> tuple[tuple[str, ...], str]:
    """Name the outputs of a trained head by the labels of a test set.

    Names match as they are, else in another case or with other separators.

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
        InputError: the model does not know a label of the test set, or it is ambiguous which of its labels that is.
    """
    if negation := _negation(known, own):
        return _two_way(known, own, negation)
    pairs = match_names(known, own, (str, folded), partial(_ambiguous, dataset))
    if unknown := [name for name in own if name not in pairs.values()]:
        raise InputError(
            f"the test set {dataset} has the {_listed(unknown)}, which the training data never have: the model knows "
            f"{', '.join(_kinds(known))}; leave the test set out, or rename its labels"
        )
    spare, tags = [name for name in known if name not in pairs], _are_tags(known)
    fate = "they count as O" if tags else "predicting one is a mistake"
    return (
        tuple(pairs.get(name, OUTSIDE if tags else name) for name in known),
        f"the model also predicts the {_listed(spare)}, which this test set never has: {fate}" if spare else "",
    )


def _negation(known: Sequence[str], own: Sequence[str]) -> str | None:
    """The label of the test set that negates its only other one, "entailment", which the model knows too."""
    if len(own) != 2 or not all(_ENTAILMENT in map(folded, names) for names in (known, own)):
        return None
    return next((name for name in own if folded(name) in _NOT_ENTAILMENT), None)


def _two_way(known: Sequence[str], own: Sequence[str], negation: str) -> tuple[tuple[str, ...], str]:
    entailment = next(name for name in own if name != negation)
    found = tuple(entailment if folded(name) == _ENTAILMENT else negation for name in known)
    merged = [name for name in known if folded(name) not in {_ENTAILMENT, *_NOT_ENTAILMENT}]
    return found, f"{' and '.join(merged)} count as {negation}, as usual for this kind of test" if merged else ""


def _ambiguous(dataset: str, known: Sequence[str], label: str) -> InputError:
    return InputError(
        f"it is ambiguous which label of the training data, {' or '.join(known)}, is the label {label} of the test set {dataset}; "
        "leave the test set out, or rename its labels"
    )


def _are_tags(names: Sequence[str]) -> bool:
    return all(name == OUTSIDE or name[:2] in ("B-", "I-") for name in names)


def _kinds(names: Sequence[str]) -> list[str]:
    """The labels; of tags, the types."""
    if not _are_tags(names):
        return list(names)
    return list(dict.fromkeys(name[2:] for name in names if name != OUTSIDE))


def _listed(names: Sequence[str]) -> str:
    kinds = _kinds(names)
    return f"{counted(len(kinds), 'label').partition(' ')[2]} {', '.join(kinds)}"
