"""Find the label of each output of a model by comparing their names, the strictest comparison first."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from harness.errors import InputError

Form = Callable[[str], str]
"""A form of a name. Two names are equal in it if their forms are equal."""

_SEPARATORS = re.compile(r"(?<=[^\W_])[\W_]+(?=[^\W\d_])|(?<=[^\W\d_])[\W_]+(?=[^\W_])")
"""Signs and blanks between two letters, or between a letter and a digit."""


def folded(name: str) -> str:
    """A name without case and separators. Signs at its ends stay, and so do those within a number: C++ is not C#, nor -1 1."""
    return _SEPARATORS.sub("", name.casefold())


def match_names(
    outputs: Sequence[str],
    labels: Sequence[str],
    forms: Sequence[Form],
    ambiguous: Callable[[Sequence[str], str], InputError],
    several: bool = False,
) -> dict[str, str]:
    """The label of each output that has one, by the first form in which their names are equal.

    Args:
        outputs, labels: their names.
        forms: from the strictest to the loosest. A form compares only the names that have no partner by an earlier one.
        ambiguous: makes the error for outputs that could all be the same label, or for one that could be several.
        several: a label may have several outputs, such as the type in ``B-LOC`` and ``I-loc``.

    Raises:
        InputError: outputs or labels cannot be told apart by the form in which they match.
    """
    pairs: dict[str, str] = {}
    for form in forms:
        open_outputs = [name for name in outputs if name not in pairs]
        open_labels = [label for label in labels if several or label not in pairs.values()]
        pairs |= _equal_in(form, open_outputs, open_labels, ambiguous, several)
    return pairs


def _equal_in(
    form: Form,
    outputs: Sequence[str],
    labels: Sequence[str],
    ambiguous: Callable[[Sequence[str], str], InputError],
    several: bool,
) -> dict[str, str]:
    sides: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, names in enumerate((outputs, labels)):
        for name in names:
            sides[form(name)][side].append(name)
    both = [(own, theirs) for own, theirs in sides.values() if own and theirs]
    for own, theirs in both:
        if len(theirs) > 1 or (len(own) > 1 and not several):
            raise ambiguous(own, " or ".join(theirs))
    return {name: theirs[0] for own, theirs in both for name in own}
