"""Match the names of a fine-tuned checkpoint's outputs with the labels of a dataset.

Names are equal as they are, else in another case or with other separators, else by a common abbreviation (`ALIASES`). The user's
own pairs come first. Names are never matched by their position, except ``LABEL_0`` and so on with a dataset that declares the
order of its labels. Two names for one label are ambiguous and refused.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import InputError
from harness.registry import suggestion
from tasks.name_matching import folded, match_names

ALIASES = {
    "per": "person",
    "pers": "person",
    "loc": "location",
    "org": "organization",
    "organisation": "organization",
    "misc": "miscellaneous",
    "pos": "positive",
    "neg": "negative",
    "neu": "neutral",
    "entail": "entailment",
    "contradict": "contradiction",
}
"""Short and other forms of names, in lower case."""
_UNNAMED = re.compile(r"LABEL_(\d+)")
_TAG = re.compile(r"([BIELMSUW])[-_](\S+)")
_SHOWN = 6


@dataclass(frozen=True)
class HeadLabels:
    """The outputs of a checkpoint by the dataset's names.

    Attributes:
        names: the label of each output, in order; one that the dataset lacks has its own name.
        notes: about labels that only one side has, for the record.
    """

    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def match_labels(
    outputs: Sequence[str],
    labels: Sequence[str],
    used: Collection[str],
    given: Mapping[str, str],
    order: Sequence[str] = (),
) -> HeadLabels:
    """Match the outputs of a classifier of texts.

    Args:
        outputs: their names in the checkpoint.
        labels: of the dataset.
        used: labels of the examples that are scored.
        given: the user's pairs, output to label.
        order: the labels in the order that the dataset declares for its label ids, if it does.

    Raises:
        InputError: an output or a label is ambiguous, or the checkpoint has no output for a label in use.
    """
    outputs_left = [name for name in outputs if name not in given]
    pairs = dict(_given(given, outputs, labels))
    if outputs_left and all(map(_UNNAMED.fullmatch, outputs_left)):
        pairs |= _unnamed(outputs_left, labels, order)
    else:
        pairs |= _by_name(outputs_left, [label for label in labels if label not in pairs.values()])
    _refuse_unknown(set(used) - set(pairs.values()), outputs)
    return HeadLabels(tuple(pairs.get(name, name) for name in outputs), _extra_note(outputs, pairs))


def match_tags(
    outputs: Sequence[str], labels: Sequence[str], used: Collection[str], given: Mapping[str, str]
) -> HeadLabels:
    """Match the outputs of a tagger: tags such as ``B-PER``, or bare types such as ``PER``, which become ``I-`` tags.

    Args:
        outputs: their names in the checkpoint.
        labels: the dataset's tags, in IOB2.
        used: tags of the examples that are scored.
        given: the user's pairs of types, or of whole outputs and types; ``O`` may be one of the latter.

    Raises:
        InputError: see `match_labels`; or no output means ``O``.
    """
    parsed = {name: _parsed(name, given) for name in outputs}
    _given(given, [*outputs, *(kind for _, kind in parsed.values())], [*labels, *(label[2:] for label in labels)])
    own = list(dict.fromkeys(kind for _, kind in parsed.values() if kind))
    kinds = list(dict.fromkeys(label[2:] for label in labels if label != "O"))
    if all(_UNNAMED.fullmatch(kind) for kind in own):
        raise _says_nothing(own, kinds)
    if all(kind for _, kind in parsed.values()):
        raise InputError(
            f"the checkpoint has no output O for words outside of entities; its outputs are {_few(outputs)}"
        )
    pairs = {kind: given[kind] for kind in own if kind in given}
    pairs |= {kind: kind for kind in own if kind in given.values()}
    left = [kind for kind in own if kind not in pairs]
    pairs |= _by_name(left, [kind for kind in kinds if kind not in pairs.values()], several=True)
    _refuse_unknown({tag[2:] for tag in used if tag != "O"} - set(pairs.values()), own)
    names = tuple(f"{letter}-{pairs.get(kind, kind)}" if kind else "O" for letter, kind in parsed.values())
    if twice := [name for name in names if names.count(name) > 1]:
        raise _ambiguous([name for name, tag in zip(outputs, names, strict=True) if tag == twice[0]], twice[0])
    return HeadLabels(names, _extra_note(own, pairs))


def is_iob2(tags: Collection[str]) -> bool:
    """Whether a tagger with these outputs can write IOB2: they have no other letters, and a ``B`` for every type."""
    letters: dict[str, set[str]] = defaultdict(set)
    for tag in tags:
        if tag != "O":
            letters[tag[2:]].add(tag[0])
    return all("B" in found and found <= {"B", "I"} for found in letters.values())


def _parsed(name: str, given: Mapping[str, str]) -> tuple[str, str]:
    """Letter and type of an output; both empty for ``O``."""
    if name in given and _UNNAMED.fullmatch(name):
        name = given[name]
    if name.upper() in ("O", "OUTSIDE"):
        return "", ""
    tag = _TAG.fullmatch(name)
    return (tag[1], tag[2]) if tag else ("I", name)


def _given(given: Mapping[str, str], outputs: Sequence[str], labels: Sequence[str]) -> Mapping[str, str]:
    for name, label in given.items():
        if name not in outputs:
            raise InputError(
                f"--label {name}={label}: the checkpoint has no output {name!r}{suggestion(name, outputs)}"
            )
        if label not in labels:
            raise InputError(f"--label {name}={label}: the dataset has no label {label!r}{suggestion(label, labels)}")
    for label in dict.fromkeys(labels):
        if len(same := [name for name in given if given[name] == label]) > 1:
            raise _ambiguous(same, label)
    return given


def _unnamed(outputs: Sequence[str], labels: Sequence[str], order: Sequence[str]) -> dict[str, str]:
    """Outputs that are only numbered, as transformers names them by default."""
    numbers = {name: name.removeprefix("LABEL_") for name in outputs}
    if set(numbers.values()) <= set(labels):
        return numbers
    if len(order) == len(outputs):
        return {name: order[int(number)] for name, number in numbers.items() if int(number) < len(order)}
    raise _says_nothing(outputs, labels)


def _says_nothing(outputs: Sequence[str], labels: Sequence[str]) -> InputError:
    return InputError(
        f"the checkpoint names its outputs {_few(outputs)}, which does not say which of {_few(labels)} they are; write names as "
        f"id2label into its config.json, or give --label {outputs[0] if outputs else 'LABEL_0'}=NAME for each"
    )


def _by_name(outputs: Sequence[str], labels: Sequence[str], several: bool = False) -> dict[str, str]:
    return match_names(outputs, labels, (str, folded, _unabbreviated), _ambiguous, several)


def _unabbreviated(name: str) -> str:
    return ALIASES.get(folded(name), folded(name))


def _ambiguous(outputs: Sequence[str], label: str) -> InputError:
    return InputError(
        f"it is ambiguous which output of the checkpoint is the label {label}: {_few(outputs)}; say so with --label OUTPUT=LABEL"
    )


def _refuse_unknown(missing: Collection[str], outputs: Sequence[str]) -> None:
    if missing:
        raise InputError(
            f"the checkpoint has no output for the label{'s' if len(missing) > 1 else ''} {_few(sorted(missing))} of the dataset; "
            f"its outputs are {_few(outputs)}; if one of them means it, say so with --label OUTPUT=LABEL"
        )


def _extra_note(outputs: Sequence[str], pairs: Mapping[str, str]) -> tuple[str, ...]:
    extra = [name for name in outputs if name not in pairs]
    if not extra:
        return ()
    return (f"the checkpoint also predicts {_few(extra)}, which the dataset does not have: every such answer is wrong",)


def _few(names: Collection[str]) -> str:
    shown = list(names)[:_SHOWN]
    return ", ".join(shown) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
