"""How texts become vectors: by the user's choice, else the checkpoint's declaration, else mean pooling."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.errors import InputError, UnsuitedError
from models.declared import NOTHING, Declared, declared
from models.weights import Weights
from tasks.task import DECLARED

HEADS = ("embedding", "mteb")
"""The heads of tasks that need vectors of texts."""

BY_USER = ("declared", "truncate_dim", "each_token")
"""Attributes that the checkpoint does not decide; options of the task are in a cell's key anyway."""


@dataclass(frozen=True)
class Vectors:
    """How a text becomes a vector, apart from the encoder and the recipe.

    Attributes:
        pooling: names from `tasks.retrieval.POOLINGS`; the vectors of several are concatenated.
        query_prompt, document_prompt, other_prompt: the declared prompts that go before queries, documents and other
            texts; empty if the user chose a prefix.
        unit: whether vectors are scaled to unit length, so that inner products are cosines.
        lower: whether texts are converted to lower case before the tokenizer reads them.
        chosen: whether the user chose the pooling.
        truncate_dim: number of leading values of a vector to use, as the user chose; ``None`` for all.
        each_token: whether texts are compared by the vectors of all their tokens, as the user chose.
        declared: everything that the checkpoint declares.
    """

    pooling: tuple[str, ...] = ("mean",)
    query_prompt: str = ""
    document_prompt: str = ""
    other_prompt: str = ""
    unit: bool = True
    lower: bool = False
    chosen: bool = False
    truncate_dim: int | None = None
    each_token: bool = False
    declared: Declared = NOTHING

    @property
    def identity(self) -> str:
        """A digest of what the checkpoint decides here; empty if that is the default."""
        pooling = ("mean",) if self.chosen else self.pooling
        decided = replace(self, declared=NOTHING, pooling=pooling, chosen=False, truncate_dim=None, each_token=False)
        if decided == PLAIN:
            return ""
        values = {name: value for name, value in vars(decided).items() if name not in BY_USER}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

    def notes(self, max_length: int) -> list[str]:
        """Notes for the record, for inputs that are cut at ``max_length`` tokens."""
        said, name = self.declared, "+".join(self.pooling)
        prompts = {"queries": self.query_prompt, "documents": self.document_prompt, "other texts": self.other_prompt}
        before = ", ".join(f"{text!r} before {of}" for of, text in prompts.items() if text)
        length = said.max_length
        notes = {
            "texts are compared by the vectors of all their tokens (MaxSim), as asked for": self.each_token,
            f"vectors are cut to their first {self.truncate_dim} values, as asked for": self.truncate_dim is not None,
            f"texts are pooled by {name}, as asked for": self.chosen and self.pooling != said.pooling,
            f"{said.unsupported}, which the checkpoint declares, is not used": self.chosen and bool(said.unsupported),
            f"texts are pooled by {name}, as the checkpoint declares": not (self.chosen or self.each_token)
            and name != "mean",
            f"the checkpoint's prompts: {before}": bool(before),
            "vectors are compared by inner products, as the checkpoint declares": not (self.unit or self.each_token),
            "texts are converted to lower case, as the checkpoint declares": self.lower,
            f"texts are cut at {max_length} tokens (--max-length); the checkpoint declares {length}": length is not None
            and length != max_length,
            "the hub could not be asked whether the checkpoint declares a pooling or prompts: none were used": said.unread,
        }
        return [note for note, holds in notes.items() if holds]


PLAIN = Vectors()
"""The default: the mean of the states, scaled to unit length."""


def vectors_of(weights: Weights, head: str, options: Mapping[str, str]) -> Vectors:
    """How a task with this head (one of `HEADS`) and these options makes vectors with these weights.

    A pooling that the user chose replaces all declared modules after the encoder; vectors are then scaled to unit length. The
    checkpoint's prompts still apply, unless the option ``prompts`` is ``none`` or the user gives a prefix.

    Raises:
        InputError: a file of the checkpoint is malformed; or its declaration could not be read and would be used.
        UnsuitedError: the checkpoint declares something unsupported, and the user chose no pooling.
    """
    said = declared(weights)
    pooling = options.get("pooling", DECLARED)
    chosen = pooling != DECLARED
    if said.unsupported and not chosen:
        instead = "; --task-option pooling=mean scores the encoder without it" if "pooling" in options else ""
        raise UnsuitedError(f"{weights.location} declares {said.unsupported}, which is not supported{instead}")
    prompted = options.get("prompts", DECLARED) == DECLARED
    if said.unread and (prompted or not chosen):
        ways = "go online, or give the folder of a complete download in its place"
        if "pooling" in options:
            ways += ", or choose --task-option pooling=mean --task-option prompts=none"
        raise InputError(
            f"the pooling and prompts that {weights.location} declares could not be read from the hub; {ways}"
        )
    return Vectors(
        tuple(pooling.split("+")) if chosen else said.pooling,
        said.query_prompt if prompted and not options.get("query_prefix") else "",
        said.document_prompt if prompted and not options.get("document_prefix") else "",
        said.prompt() if head == "mteb" else "",
        chosen or said.unit,
        said.lower,
        chosen,
        None if (most := options.get("truncate_dim", DECLARED)) == DECLARED else int(most),
        options.get("scoring") == "maxsim",
        said,
    )


def identified(weights: Weights, head: str, options: Mapping[str, str]) -> Weights:
    """The weights with an identity that includes how their checkpoint turns texts into vectors, unless that is plain mean pooling.

    A hub id with its commit decides the declaration, so planning does not read it.

    Raises:
        InputError: a declaration is malformed, or the harness does not support it.
    """
    if weights.kind == "hub":
        return replace(weights, identity=f"{weights.identity} vectors as declared")
    found = vectors_of(weights, head, options).identity
    return replace(weights, identity=f"{weights.identity} {found}") if found else weights
