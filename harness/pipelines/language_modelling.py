"""Probes of pretrained encoders by their masked-LM head; nothing is trained, and the seed decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.cells.cell import Cell
from harness.errors import InputError
from harness.machine import distributed
from harness.machine.device import device
from harness.nn.masked_lm import Scorer, load_scorer
from harness.nn.pseudo_likelihood import Tokens, pseudo_log_likelihoods, tokens_of
from harness.nn.text_loss import document_losses, masked_text
from harness.pipelines.stages import Parts, Result, Stages, limited, rows_of, scores_of
from harness.store.record import ExampleCounts
from models import loading
from models.encoder import Encoder, refuse_longer
from models.parameters import count_parameters
from tasks.data import Data, Split
from tasks.lm import LanguageModelling
from tasks.lm_measures import EVERY, PairScores, PassageLoss
from tasks.sources.minimal_pair import MinimalPair

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def text_loss(cell: Cell, parts: Parts[Encoder, LanguageModelling], stage: Stages) -> Result | None:
    """Score a text: its documents are cut to rows as in pretraining, and masked tokens are predicted.

    Returns:
        The result; ``None`` in a second process, since this run uses one (see `harness.machine.distributed`).

    Raises:
        InputError: the text or the weights are wrong, the weights have no masked-LM head, or rows are longer than the encoder takes.
    """
    with stage("load"):
        data = limited(parts.task.load(cell.dataset, cell.data_dir, cell.skip_bad), cell.recipe)
        scorer, encoder, tokenizer = _loaded(cell, parts)
    if not distributed.is_first():
        return None
    documents = [passage.text for passage in data.splits["test"]]
    with stage("encode"):
        at_most = parts.task.options["tokens"]
        text = masked_text(tokenizer, documents, cell.recipe.max_length, None if at_most == EVERY else int(at_most))
    with stage("predict"):
        found = document_losses(scorer, text, len(documents), cell.recipe.precision, stage.report("test"))
    if not found.masked.sum():
        raise InputError(f"no token of {cell.task} can be masked; give more text")
    losses = [
        PassageLoss(float(nats), int(right), int(masked), float(masked * text.bytes_a_token))
        for nats, right, masked in zip(found.nats, found.right, found.masked, strict=True)
    ]
    return _result(parts.task, data, losses, encoder, stage)


def minimal_pairs(cell: Cell, parts: Parts[Encoder, LanguageModelling], stage: Stages) -> Result | None:
    """Score minimal pairs by the pseudo-log-likelihoods of their sentences.

    Returns:
        The result; ``None`` in a second process, since this run uses one (see `harness.machine.distributed`).

    Raises:
        InputError: the pairs or the weights are wrong, the weights have no masked-LM head, or a sentence is too long.
    """
    with stage("load"):
        data = limited(parts.task.load(cell.dataset, cell.data_dir, cell.skip_bad), cell.recipe)
        scorer, encoder, tokenizer = _loaded(cell, parts)
    if not distributed.is_first():
        return None
    pairs: Sequence[MinimalPair] = data.splits["test"]
    sentences = [sentence for pair in pairs for sentence in (pair.good, pair.bad)]
    with stage("encode"):
        tokens = tokens_of(tokenizer, sentences)
        _refuse_too_long(cell, tokens, sentences)
    with stage("predict"):
        found = pseudo_log_likelihoods(scorer, tokens, tokenizer, cell.recipe.precision, stage.report("test"))
    scores = [PairScores(good, bad) for good, bad in found.reshape(-1, 2).tolist()]
    return _result(parts.task, data, scores, encoder, stage)


def _loaded(cell: Cell, parts: Parts[Encoder, Any]) -> tuple[Scorer, PreTrainedModel, PreTrainedTokenizerBase]:
    scorer, encoder, tokenizer = load_scorer(parts.model, cell.size, parts.weights)
    refuse_longer(cell.model, cell.recipe.max_length, loading.max_length(encoder, parts.model, cell.size))
    return scorer.to(device()), encoder, tokenizer


def _refuse_too_long(cell: Cell, tokens: Sequence[Tokens], sentences: Sequence[str]) -> None:
    for one, sentence in zip(tokens, sentences, strict=True):
        if len(one.ids) > cell.recipe.max_length:
            raise InputError(
                f"the sentence {sentence[:60]!r} of {cell.task} has {len(one.ids)} tokens and would be cut at {cell.recipe.max_length}; "
                "raise --max-length, or take the sentence out where the encoder takes no more"
            )


def _result(
    task: LanguageModelling, data: Data, predictions: Sequence[Any], encoder: PreTrainedModel, stage: Stages
) -> Result:
    with stage("score"):
        of_split: dict[Split, Sequence[Any]] = {"dev": [], "test": predictions}
        scores, rows = scores_of(task, data, of_split), rows_of(task, data, of_split)
    counts: ExampleCounts = {"n_train": 0, "n_windowed": 0, "n_truncated": 0}
    return Result(data, scores, rows, counts, count_parameters(encoder))
