"""The result of a pretraining: the scored checkpoint, its record and its card, in their place at once or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.machine import distributed, provenance
from harness.nn.masked_lm import MaskedLM
from harness.pretraining import export
from harness.pretraining.baselines import counting_losses
from harness.pretraining.heldout import HeldOut, evaluate
from harness.pretraining.journal import Journal, tokens_to
from harness.pretraining.planned import PROTOCOL, Pretraining
from harness.pretraining.tokens import tokenizer_identity
from harness.progress import short_count, stderr
from harness.store.pretrained import PRETRAINING_FILE
from harness.store.record import PretrainingRecipe, PretrainingRecord, pretraining_record
from harness.store.record.pretraining import CorpusEntry, HeldOutScores, PretrainedModel, Throughput
from models.parameters import count_parameters
from models.weights import find_weights

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


@dataclass(frozen=True)
class Trained:
    """An encoder at the end of its schedule.

    Attributes:
        steps: the optimiser steps of the schedule.
        journal: of all of them.
        model: with its final weights.
        config: for the checkpoint.
        matmul_flops_per_s: of this machine, in the run's precision.
    """

    steps: int
    journal: Journal
    model: MaskedLM
    config: PreTrainedConfig
    matmul_flops_per_s: float


def write_result(planned: Pretraining, trained: Trained, staged: Path, target: Path) -> PretrainingRecord | None:
    """Score the result and write it; every process scores, the first one writes.

    Args:
        planned: the run.
        trained: its encoder.
        staged: a folder of the same file system, in which the result is made.
        target: the folder to which it moves when it is complete.

    Returns:
        The record, or ``None`` in a process that is not the first.
    """
    from harness.pretraining.card import write_card

    held = _held_out(planned)
    by_rows = _scores(planned, trained.model, held)
    if not distributed.is_first():
        return None
    shutil.rmtree(staged, ignore_errors=True)
    export.save(trained.model, trained.config, planned.tokenizer, staged)
    weights = find_weights(planned.encoder, "custom", str(staged)).identity
    record = _record(planned, trained, held[0], by_rows, weights)
    write_card(staged, record)
    (staged / PRETRAINING_FILE).write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    target.mkdir(parents=True, exist_ok=True)
    # The record moves last, since a folder that has it counts as complete.
    for file in sorted(staged.iterdir(), key=lambda file: file.name == PRETRAINING_FILE):
        file.replace(target / file.name)
    staged.rmdir()
    return record


def _held_out(planned: Pretraining) -> list[HeldOut]:
    """Held-out rows of each length at which the result is scored; first those of the curve."""
    recipe = planned.request.recipe
    return [planned.held(length) for length in dict.fromkeys((*sorted(recipe.rows), *planned.request.eval_rows))]


def _scores(planned: Pretraining, model: MaskedLM, held: list[HeldOut]) -> dict[int, HeldOutScores]:
    """Held-out scores by the length of the rows."""
    from harness.nn.inference import autocast

    device = next(model.parameters()).device
    model.eval()
    with autocast(device, planned.request.recipe.precision):
        return {one.length: evaluate(model, one, device) for one in held}


def _record(
    planned: Pretraining, trained: Trained, held: HeldOut, by_rows: dict[int, HeldOutScores], weights: str
) -> PretrainingRecord:
    request, journal = planned.request, trained.journal
    counting = counting_losses(planned.tokens.train, len(planned.tokenizer), planned.masker.is_special, held.masked)
    return pretraining_record(
        key=planned.digest(branch_at=trained.steps)[:16],
        identity=planned.identity,
        model=_model(planned, trained.model, weights),
        task=_task(planned),
        recipe=_recipe(planned, trained.steps),
        seed=request.seed,
        scores={
            "heldout": by_rows[held.length],
            "heldout_by_rows": {str(rows): found for rows, found in by_rows.items()},
        },
        baselines={name: held.scores(loss) for name, loss in counting.items()},
        tokens_to_5_nats=tokens_to(journal.curve),
        curve=journal.curve,
        losses=journal.losses,
        flops=journal.flops,
        seconds=journal.seconds,
        throughput=_throughput(planned, trained),
        resumed_from=journal.resumed_from,
        peak_memory_mib=provenance.peak_memory_mib(),
        environment=provenance.environment() | {"processes": distributed.processes()},
        command=request.command(),
    )


def _model(planned: Pretraining, model: MaskedLM, weights: str) -> PretrainedModel:
    request = planned.request
    return {
        "name": request.model,
        "size": request.size,
        "options": dict(request.model_options),
        "weights": "scratch",
        "identity": weights,
        **count_parameters(model.encoder),
    }


def _task(planned: Pretraining) -> CorpusEntry:
    tokens = planned.tokens
    return {
        "name": "pretraining",
        "dataset": "pretraining/" + "+".join(Path(corpus.name).name for corpus in planned.corpora),
        "fingerprint": tokens.fingerprint,
        "corpora": tokens.meta["corpora"],
        "tokenizer": {
            "name": planned.request.tokenizer,
            "identity": tokenizer_identity(planned.tokenizer),
            "vocabulary": len(planned.tokenizer),
        },
        "tokens": tokens.meta["tokens"],
        "documents": tokens.meta["documents"],
        "bytes_per_token": tokens.bytes_a_token,
        "metric": "bits_per_byte",
    }


def _recipe(planned: Pretraining, steps: int) -> PretrainingRecipe:
    request, recipe = planned.request, planned.request.recipe
    tokens, n_train = steps * recipe.batch_tokens, len(planned.tokens.train)
    result = {
        "protocol": PROTOCOL,
        "tokens": tokens,
        "trunk_tokens": recipe.tokens,
        "steps": steps,
        "warmup_steps": recipe.warmup_steps,
        "trunk_steps": recipe.trunk_of(steps),
        "passes_read": tokens / (n_train // recipe.longest * recipe.longest),
        "eval_tokens": request.eval_tokens,
        "points": request.points,
    }
    return cast(PretrainingRecipe, recipe.values() | result)


def _throughput(planned: Pretraining, trained: Trained) -> Throughput:
    train_s, rate = trained.journal.seconds["train"], trained.matmul_flops_per_s
    utilisation = trained.journal.flops / train_s / rate if train_s else None
    return {
        "tokens_per_s": trained.steps * planned.request.recipe.batch_tokens / train_s if train_s else None,
        "mfu": utilisation if utilisation and utilisation <= 1 else None,
        "matmul_flops_per_s": rate,
    }


def say(record: PretrainingRecord) -> None:
    """One line about a result on stderr."""
    heldout, baselines = record["scores"]["heldout"], record["baselines"]
    reached = record["tokens_to_5_nats"]
    stderr.print(
        f"{record['model']['name']} {record['model']['size']} after {short_count(record['recipe']['tokens'])} tokens: held-out "
        f"{heldout['loss']:.3f} nats a token, {heldout['bits_per_byte']:.3f} bits a byte, accuracy {heldout['accuracy']:.3f}; "
        f"counting: unigram {baselines['unigram']['loss']:.3f}, bigram {baselines['bigram']['loss']:.3f}; "
        + (f"5 nats after {short_count(int(reached))} tokens" if reached else "5 nats never reached")
        + ("; still on the plateau: no better than the bigram" if record["on_plateau"] else "")
    )
