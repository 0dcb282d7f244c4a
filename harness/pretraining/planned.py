"""A pretraining whose names and data are resolved: encoder, tokenizer, corpora, tokens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.machine import distributed
from harness.nn.determinism import make_repeatable
from harness.nn.masked_lm import MaskedLM
from harness.nn.masking import Masker
from harness.pretraining.corpus import Corpus, find_corpus
from harness.pretraining.heldout import HeldOut, check_has_row, held_out
from harness.pretraining.model import build
from harness.pretraining.recipe import PretrainRecipe
from harness.pretraining.request import PretrainRequest
from harness.pretraining.tokens import TokenFile, tokenised, tokenizer_identity
from harness.progress import Reporter, silent
from harness.values import no_folder
from models import MODELS, checkpoint, loading
from models.encoder import Encoder
from models.own_architecture import architecture_digest
from models.weights import Weights

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

PROTOCOL = 1
"""Raised when a change of the code changes the weights that a command gives."""


@dataclass(frozen=True)
class Pretraining:
    """A run whose names and data are resolved.

    Attributes:
        request: what was asked for.
        encoder, tokenizer, corpora, tokens: what its names mean.
    """

    request: PretrainRequest
    encoder: Encoder
    tokenizer: PreTrainedTokenizerBase
    corpora: Sequence[Corpus]
    tokens: TokenFile

    @cached_property
    def identity(self) -> dict[str, object]:
        """Everything that decides the weights and the curve; checkpoints of another identity are never mixed in.

        The recipe's ``passes`` decides neither: it only refuses a corpus that is too short. It stays, because keys and groups of
        stored records were made with it; `harness.pretraining.folder` does not compare it.
        """
        request = self.request
        architecture = architecture_digest(self.encoder, request.size)
        return {
            "protocol": PROTOCOL,
            "model": {"name": request.model, "size": request.size, "options": dict(request.model_options)}
            | ({"architecture": architecture} if architecture else {}),
            "corpus": self.tokens.fingerprint,
            "tokenizer": tokenizer_identity(self.tokenizer),
            "recipe": json.loads(json.dumps(request.recipe.values())),
            "seed": request.seed,
            "branch_at": sorted(request.branch_at),
            "curve": {"eval_tokens": request.eval_tokens, "points": request.points}
            | ({"eval_rows": sorted(request.eval_rows)} if request.eval_rows else {}),
        }

    def digest(self, **changed: object) -> str:
        """sha256 of the identity, with some values in place of its own."""
        return hashlib.sha256(json.dumps(self.identity | changed, sort_keys=True).encode()).hexdigest()

    @cached_property
    def masker(self) -> Masker:
        """Masks rows of the run's tokenizer."""
        tokenizer = self.tokenizer
        corruption = self.request.recipe.corruption
        return Masker(len(tokenizer), tokenizer.mask_token_id, tokenizer.all_special_ids, corruption)

    def held(self, length: int) -> HeldOut:
        """The held-out rows of this length, always corrupted 80/10/10; made once."""
        if length not in self._held:
            request, tokenizer = self.request, self.tokenizer
            masker = Masker(len(tokenizer), tokenizer.mask_token_id, tokenizer.all_special_ids)
            batch = min(request.recipe.batch_tokens, 8192)
            self._held[length] = held_out(
                self.tokens, masker, tokenizer.cls_token_id, length, request.eval_tokens, batch
            )
        return self._held[length]

    @cached_property
    def _held(self) -> dict[int, HeldOut]:
        return {}

    def model(self) -> tuple[MaskedLM, PreTrainedConfig]:
        """The model with the weights of the run's start, and its config for the checkpoint."""
        make_repeatable(self.request.seed)
        request = self.request
        return build(self.encoder, request.size, request.model_options, self.tokenizer, request.recipe.positions)


def resolve(request: PretrainRequest, report: Reporter = silent) -> Pretraining:
    """Resolve names and read the corpus.

    Raises:
        InputError: a name, the corpus, or a row length is not usable, or the corpus would be read too often.
    """
    encoder, recipe = MODELS[request.model], request.recipe
    if not isinstance(encoder, Encoder):
        raise InputError(f"{request.model} has no weights to pretrain; choose an encoder (see harness list)")
    encoder.size(request.size)
    tokenizer = find_tokenizer(request.tokenizer)
    _check_model(request, encoder, tokenizer)
    corpora = [find_corpus(name) for name in request.corpora]
    update = report("tokenise")
    distributed.from_first(lambda: bool(tokenised(corpora, tokenizer, recipe.tokens, update)))
    tokens = tokenised(corpora, tokenizer, recipe.tokens, update)
    _check_corpus(tokens, request)
    return Pretraining(request, encoder, tokenizer, corpora, tokens)


def resolve_like(other: Pretraining, request: PretrainRequest) -> Pretraining:
    """Resolve a request that has the model, corpus, tokenizer and number of tokens of a resolved one.

    Raises:
        InputError: its config or its row length is not usable, or the corpus would be read too often.
    """
    _check_model(request, other.encoder, other.tokenizer)
    _check_corpus(other.tokens, request)
    return Pretraining(request, other.encoder, other.tokenizer, other.corpora, other.tokens)


def _check_model(request: PretrainRequest, encoder: Encoder, tokenizer: PreTrainedTokenizerBase) -> None:
    """See that the model can be built and takes the rows."""
    recipe = request.recipe
    request.ends()
    distributed.batch_share(recipe.batch_tokens // recipe.longest)
    model, _ = build(encoder, request.size, request.model_options, tokenizer, recipe.positions)
    limit = loading.max_length(model.encoder, encoder, request.size)
    if limit is not None and _longest_row(request) > limit:
        raise InputError(
            f"{request.model} takes at most {limit} tokens, not rows of {_longest_row(request)}; use shorter --rows"
        )


def _longest_row(request: PretrainRequest) -> int:
    return max(request.recipe.longest, *request.eval_rows, 0)


def _check_corpus(tokens: TokenFile, request: PretrainRequest) -> None:
    """See that the corpus has enough text to train and to evaluate on."""
    _check_enough(tokens, request.recipe)
    check_has_row(tokens, _longest_row(request))


def _check_enough(tokens: TokenFile, recipe: PretrainRecipe) -> None:
    n_tokens = len(tokens.train) // recipe.longest * recipe.longest
    if n_tokens < recipe.batch_tokens:
        raise InputError(
            f"the corpus has {len(tokens.train)} training tokens, less than one batch of {recipe.batch_tokens}; give more text "
            "or a smaller --batch-tokens"
        )
    passes = recipe.steps * recipe.batch_tokens / n_tokens
    if passes > recipe.passes + 1e-9:
        raise InputError(
            f"{recipe.tokens} tokens would read the corpus of {n_tokens} tokens {passes:.1f} times, and more than "
            f"{recipe.passes:g} passes teach little; give more text, fewer --tokens, or --passes {int(passes) + 1}"
        )


def find_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer that ``--tokenizer`` names.

    Raises:
        InputError: there is none, or it has no mask token or separator.
    """
    if name == "embedded":
        from models import tokenizer as embedded_tokenizer

        return embedded_tokenizer.embedded()
    folder = Path(name).expanduser()
    if folder.is_dir():
        place = Weights("folder", str(folder), None, "")
    elif checkpoint.may_be_hub_id(name):
        place = Weights("hub", *checkpoint.hub_id_and_revision(name), "")
    else:
        raise InputError(f"{no_folder(name)}; --tokenizer takes embedded, a folder or a hub id OWNER/NAME[@REVISION]")
    found = loading.load_tokenizer(place)
    for what, value in (("mask token", found.mask_token_id), ("separator", found.sep_token_id)):
        if value is None:
            raise InputError(f"the tokenizer {name} has no {what}, which pretraining needs; choose another --tokenizer")
    return found
