"""The variants of a study: the published ablations of an encoder, or values that the user varies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.errors import InputError
from harness.pretraining.recipe import FLAGS, PretrainRecipe, read_value
from harness.registry import suggestion
from models.ablations import Ablation, Finding

BASELINE = "baseline"


@dataclass(frozen=True)
class Variant:
    """One way to build and pretrain the encoder.

    Attributes:
        name: unique in a study.
        options: values of the encoder's config as text, all of them.
        recipe: of pretraining, complete.
        setting: how it differs from the baseline, such as ``k=1``.
        finding: what the paper found of it.
    """

    name: str
    options: Mapping[str, str]
    recipe: PretrainRecipe
    setting: str = ""
    finding: Finding | None = None

    @property
    def folder(self) -> str:
        """Its name as the name of a folder."""
        return re.sub(r"[^\w.=-]", "_", self.name)


@dataclass(frozen=True)
class Variants:
    """The baseline and what is compared with it.

    Attributes:
        baseline: the variant that all others are compared with.
        others: each differs from it.
        notes: one sentence about each variant that was left out.
    """

    baseline: Variant
    others: tuple[Variant, ...]
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Variant]:
        return iter((self.baseline, *self.others))


@dataclass(frozen=True)
class Base:
    """What all variants begin with.

    Attributes:
        model: name of the encoder, for messages.
        values: what its config holds at this size, with the user's options.
        options: the user's values of the config as text.
        recipe: of pretraining.
    """

    model: str
    values: Mapping[str, bool | int | float | str]
    options: Mapping[str, str]
    recipe: PretrainRecipe = field(repr=False)


def published(base: Base, ablations: Sequence[Ablation], only: Sequence[str] | None = None) -> Variants:
    """The published ablations of an encoder as variants.

    Args:
        base: the baseline.
        ablations: of the encoder.
        only: names of those that are wanted; ``None`` for all.

    Raises:
        InputError: there are none, a name is unknown or twice, or none differs from the baseline.
    """
    if not ablations:
        raise InputError(f"{base.model} has no published ablations; name values with --vary NAME=V1,V2")
    if wrong := [ablation for ablation in ablations if not isinstance(ablation, Ablation)]:
        raise InputError(
            f"{base.model} declares {wrong[0]!r} among its ablations; give a tuple of models.ablations.Ablation"
        )
    known = {ablation.name: ablation for ablation in ablations}
    for name in only or ():
        if name not in known:
            raise InputError(f"{base.model} has no ablation {name!r}{suggestion(name, known)}")
    _refuse_twice("--only", only or ())
    baseline = Variant(BASELINE, base.options, base.recipe)
    chosen = [known[name] for name in only] if only is not None else list(ablations)
    found = [_of_ablation(base, ablation) for ablation in chosen]
    same = [variant.name for variant in found if _is_same(base, variant)]
    notes = [f"{name} is the baseline itself and is left out" for name in same]
    others = tuple(variant for variant in found if variant.name not in same)
    if not others:
        raise InputError(f"{' and '.join(same)} is what the baseline is already; choose other ablations with --only")
    return Variants(baseline, others, tuple(notes))


def varied(base: Base, texts: Sequence[str]) -> Variants:
    """Variants that change one value each.

    Of every name the baseline has the encoder's own value, or the recipe's, if it is among those given; else the first.

    Args:
        base: the baseline before that.
        texts: ``NAME=V1,V2``; NAME is a value of the encoder's config, or of the recipe of pretraining.

    Raises:
        InputError: a text has another form, a name is unknown or twice, or a value is twice or no value of its kind.
    """
    factors = [_factor(base, text) for text in texts]
    _refuse_twice("--vary", [name for name, _ in factors])
    changes = [_usual_first(base, name, values) for name, values in factors]
    baseline = Variant(BASELINE, base.options, base.recipe)
    for name, values in changes:
        baseline = _changed(baseline, name, values[0])
    names = ", ".join(f"{name}={values[0]}" for name, values in changes)
    others = [
        replace(_changed(baseline, name, value), name=f"{name}={value}", setting=f"{name}={value}")
        for name, values in changes
        for value in values[1:]
    ]
    return Variants(replace(baseline, setting=names), tuple(others))


def _of_ablation(base: Base, ablation: Ablation) -> Variant:
    recipe = {name: read_value(name, text) for name, text in ablation.recipe.items()}
    setting = ", ".join(f"{name}={text}" for name, text in {**ablation.options, **ablation.recipe}.items())
    options = {**base.options, **ablation.options}
    return Variant(ablation.name, options, _with(base.recipe, ablation.name, recipe), setting, ablation.finding)


def _with(recipe: PretrainRecipe, variant: str, values: Mapping[str, Any]) -> PretrainRecipe:
    """A recipe with other values.

    Raises:
        InputError: nothing can be trained with them; the sentence names the variant.
    """
    try:
        return replace(recipe, **values)
    except InputError as error:
        raise InputError(f"the variant {variant} cannot be pretrained: {error}") from error


def _is_same(base: Base, variant: Variant) -> bool:
    """Whether a variant has the values of the baseline."""
    return variant.recipe == base.recipe and all(
        _same(base.values.get(name), text) for name, text in variant.options.items()
    )


def _same(value: bool | int | float | str | None, text: str) -> bool:
    """Whether a value of the config is the one that a text gives."""
    if isinstance(value, bool):
        return str(value).lower() == text.lower()
    if isinstance(value, int | float):
        try:
            return value == float(text)
        except ValueError:
            return False
    return value == text


def _factor(base: Base, text: str) -> tuple[str, list[str]]:
    """The name and the values of a ``--vary``."""
    name, equals, rest = text.partition("=")
    values = [value.strip() for value in rest.split(",")]
    if not equals or not name.strip() or len(values) < 2 or not all(values):
        raise InputError(f"--vary takes NAME=V1,V2 with two values or more, not {text!r}")
    name = _known_name(base, name.strip())
    _refuse_twice(f"--vary {name}", values)
    if name in base.options:
        raise InputError(f"{name} is given by --model-option and by --vary; leave one out")
    return name, values


def _known_name(base: Base, name: str) -> str:
    """The value of recipe or config that a name means: ``heads`` is the only one that ends in ``_heads``."""
    as_option = {flag.removeprefix("--"): field for field, flag in FLAGS.items()}
    if (found := as_option.get(name, name)) in FLAGS:
        return found
    if name in base.values:
        return name
    if len(ends := [known for known in base.values if known.endswith(f"_{name}")]) == 1:
        return ends[0]
    raise InputError(
        f"neither the config of {base.model} nor the recipe of pretraining has a value {name!r}"
        f"{suggestion(name, [*base.values, *FLAGS])}"
    )


def _usual_first(base: Base, name: str, values: list[str]) -> tuple[str, list[str]]:
    """The values of a factor, that of the baseline first."""
    if name in FLAGS:
        read = [read_value(name, value) for value in values]
        usual = [value for value, one in zip(values, read, strict=True) if one == getattr(base.recipe, name)]
        if twice := [value for value, count in Counter(read).items() if count > 1]:
            raise InputError(f"--vary {name} has {twice[0]} twice; a variant is run once")
    else:
        usual = [value for value in values if _same(base.values[name], value)]
    return name, sorted(values, key=lambda value: value not in usual)


def _changed(variant: Variant, name: str, value: str) -> Variant:
    """A variant with one other value."""
    if name in FLAGS:
        return replace(variant, recipe=_with(variant.recipe, f"{name}={value}", {name: read_value(name, value)}))
    return replace(variant, options={**variant.options, name: value})


def _refuse_twice(option: str, values: Iterable[str]) -> None:
    if twice := [value for value, count in Counter(values).items() if count > 1]:
        raise InputError(f"{option} has {twice[0]!r} twice; a variant is run once")
