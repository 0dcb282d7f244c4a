"""The labels of models in tables, figures and pages: the same on every dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from harness.comparison.entries import Entry
from harness.comparison.names import files_of

Label = Callable[[Entry], str]


def labels(found: Sequence[Entry]) -> Label:
    """From an entry to its label, with what tells its model from others of the same label and size on any dataset."""
    namesakes: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in found:
        namesakes[entry.size, entry.label].append(entry)

    def label(entry: Entry) -> str:
        return " ".join(filter(None, (entry.label, ending(entry, namesakes[entry.size, entry.label]))))

    return label


def ending(entry: Entry, namesakes: Sequence[Entry]) -> str:
    """What follows a name that several models have: the end of their weights' digest, or how the same weights were scored.

    Args:
        entry: one of them.
        namesakes: all that have the name; nothing follows the name of a single model.
    """
    models = {_identity(other) for other in namesakes}
    if len(models) == 1:
        return ""
    digest, scored = _identity(entry)
    return " ".join(filter(None, (digest[-8:] if len({one for one, _ in models}) > 1 else "", scored)))


def _identity(entry: Entry) -> tuple[str, str]:
    """The digest of an entry's weights, and the labels with which a fine-tuned checkpoint was scored, if any were given."""
    model = entry.runs[0]["model"]
    _, _, digest = files_of(model)
    _, _, scored = str(model["identity"]).partition(" as fine-tuned")
    return digest, scored.partition(" by ")[0].strip()
