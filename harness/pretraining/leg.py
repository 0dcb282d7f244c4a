"""A stretch of a run that is trained in one go, and what all stretches share: recipe, rows, masks and held-out text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.machine.tracking import Curves
from harness.nn.masking import Masked, Masker
from harness.pretraining.heldout import HeldOut
from harness.pretraining.recipe import PretrainRecipe
from harness.pretraining.rows import Rows

_MASKS = 1
"""Tells the generator of masks from that of the order."""


@dataclass(frozen=True)
class Leg:
    """A stretch of a run that is trained in one go.

    Attributes:
        start: the step that it begins after.
        stop: the step that it ends after.
        trunk: the step at which the trunk of its branch ends; ``stop`` at the latest.
        folder: of its checkpoints.
        begins_from: the trunk's checkpoint that it begins from, if any.
    """

    start: int
    stop: int
    trunk: int
    folder: Path
    begins_from: Path | None = None


@dataclass(frozen=True)
class Setting:
    """What all legs of a run share.

    Attributes:
        recipe, seed: of the run.
        rows: of the training part.
        masker: of the tokenizer.
        held: held-out rows of the curve.
        points_every: steps between points of the curve.
        checkpoint_interval_s: seconds between checkpoints.
        curves: where the curves of training go.
        update: advances the progress bar: tokens done, tokens in all, a remark.
    """

    recipe: PretrainRecipe
    seed: int
    rows: Rows
    masker: Masker
    held: HeldOut
    points_every: int
    checkpoint_interval_s: float
    curves: Curves | None
    update: Callable[..., None]

    def batch(self, step: int, leg: Leg) -> Masked:
        """The whole masked batch of a step (from 0): decided by seed and step alone."""
        recipe = self.recipe
        blocks = recipe.batch_tokens // recipe.longest
        ids = self.rows.read(step * blocks, blocks, recipe.row_length(step, leg.trunk))
        generator = np.random.default_rng([self.seed, step, _MASKS])
        return self.masker.mask(ids, recipe.mask_count(step, leg.trunk, leg.stop), generator)
