"""Published ablations of an encoder, as data: which values change, and what the paper found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["worse", "better"]


@dataclass(frozen=True)
class Finding:
    """What a paper found of a variant beside its own choice.

    Attributes:
        claim: how the variant scores beside the published choice.
        words: the finding in a few words.
        source: where it is stated.
        families: the families of tasks that it speaks of. Of other tasks, and of held-out loss, it says nothing.
    """

    claim: Direction
    words: str
    source: str
    families: tuple[str, ...]


@dataclass(frozen=True)
class Ablation:
    """One variant of an encoder or of its pretraining.

    Attributes:
        name: what a user types after ``--only``.
        options: values of the encoder's config as text, in place of those of the size.
        recipe: values of the recipe of pretraining as text, by field, see `harness.pretraining.recipe.read_value`.
        finding: of the paper; ``None`` where none is known.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    recipe: Mapping[str, str] = field(default_factory=dict)
    finding: Finding | None = None
