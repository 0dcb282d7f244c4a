"""A cell: one encoder's weights on one dataset, with one recipe and one seed. Its key identifies its run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import KW_ONLY, dataclass, fields
from functools import cached_property

from harness.cells.recipe import Recipe

PROTOCOL = 2
"""Increased when a change of the pipeline changes scores, so that old and new runs have different keys."""


@dataclass(frozen=True)
class Cell:
    """One encoder's weights on one dataset, with one recipe and one seed.

    Attributes:
        model, size: names in the registry of models.
        weights: ``scratch``, ``hub``, or a path or hub id.
        task: ``family/dataset``, resolved.
        recipe: resolved: no value depends on the machine that runs it.
        seed: of initialisation, order of examples and dropout.
        weights_identity: digest of the weights and tokenizer, or hub id with commit.
        data_identity: digest or version of the dataset.
        task_options: options of the task, resolved, as pairs of name and text; without paths, whose content decides.
        data_dir: folder of local datasets; not part of the key, because ``data_identity`` covers its content.
        skip_bad: leave malformed examples out instead of refusing the dataset; not part of the key either, because
            the data decide which are left out.
        tests: other datasets whose test split is scored too: pairs of ``family/dataset`` and its identity, sorted.
    """

    model: str
    size: str
    weights: str
    task: str
    recipe: Recipe
    seed: int
    _: KW_ONLY
    weights_identity: str
    data_identity: str
    task_options: tuple[tuple[str, str], ...] = ()
    data_dir: str | None = None
    skip_bad: bool = False
    tests: tuple[tuple[str, str], ...] = ()

    @property
    def dataset(self) -> str:
        """The name of the dataset within the task's family."""
        return self.task.partition("/")[2]

    @cached_property
    def key(self) -> str:
        """sha256 (first 16 hex digits) of everything that decides the score."""
        # `asdict` copies everything deeply, which takes seconds of a large sweep.
        decides = {field.name: getattr(self, field.name) for field in fields(self)}
        decides |= {"recipe": self.recipe.as_record(), "protocol": PROTOCOL}
        del decides["data_dir"], decides["weights"], decides["skip_bad"]
        if not self.tests:
            del decides["tests"]  # keys are older than test sets
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
