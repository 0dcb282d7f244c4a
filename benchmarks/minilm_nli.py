"""The harness against a plain run_glue-style script on MultiNLI: the same pretrained encoder, data, steps, learning rate.

    python -m benchmarks.minilm_nli --data-dir DIR           # DIR/nli/taxinli_mnli/{train,dev,test}.jsonl

The peer is what the transformers example for GLUE does by default: pairs padded to 128 tokens, float32, random batches,
BERT's own classification head. Each side runs in a fresh process, in turn, ``--repeats`` times, both on the same files.
The harness also predicts dev, of which it is given a few pairs only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.minilm import Measured, harness_run, peer_run, print_table, weights

LEARNING_RATE, BATCH, MAX_LENGTH = 1e-4, 16, 128
DEV_PAIRS = 64
SCORES = ("accuracy", "macro_f1")


def plain_trainer_script(data_dir: str, seed: int, max_steps: int) -> Measured:
    """Fine-tune and predict as the example does."""
    from datasets import Dataset, disable_progress_bars
    from sklearn.metrics import accuracy_score, f1_score
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        Trainer,
        TrainingArguments,
        default_data_collator,
        set_seed,
    )

    disable_progress_bars()
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(weights())
    folder = Path(data_dir) / "nli" / "taxinli_mnli"
    rows = {
        split: [json.loads(line) for line in (folder / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]
        for split in ("train", "test")
    }
    labels = sorted({row["label"] for row in rows["train"]})

    def encode(batch: dict[str, Any]) -> Any:
        texts = batch["premise"], batch["hypothesis"]
        encoded = tokenizer(*texts, padding="max_length", max_length=MAX_LENGTH, truncation=True)
        encoded["label"] = [labels.index(label) for label in batch["label"]]
        return encoded

    encoded = {
        split: Dataset.from_list(found).map(encode, batched=True, remove_columns=["premise", "hypothesis"])
        for split, found in rows.items()
    }
    model = AutoModelForSequenceClassification.from_pretrained(weights(), num_labels=len(labels))
    with tempfile.TemporaryDirectory() as output:
        arguments = TrainingArguments(
            output, max_steps=max_steps, per_device_train_batch_size=BATCH, learning_rate=LEARNING_RATE, seed=seed,
            save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True, dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = Trainer(model, arguments, train_dataset=encoded["train"], data_collator=default_data_collator)
        began = time.perf_counter()
        trainer.train()
        trained = time.perf_counter()
        output_of_test = trainer.predict(encoded["test"])
        predicted = time.perf_counter()
    gold, found = output_of_test.label_ids, output_of_test.predictions.argmax(axis=-1)
    scores = {"accuracy": accuracy_score(gold, found), "macro_f1": f1_score(gold, found, average="macro")}
    seconds = {"training s": trained - began, "prediction s": predicted - trained}
    return seconds | {"steps": trainer.state.global_step} | {name: float(scores[name]) for name in SCORES}


def limited(data_dir: str, to: Path, train_limit: int | None, test_limit: int | None) -> None:
    """The files that both sides read."""
    from harness.procedure import sample
    from tasks.sources.jsonl import load
    from tasks.sources.writing import write_jsonl

    folder = Path("nli") / "taxinli_mnli"
    splits = load(Path(data_dir) / folder).splits
    limits = {"train": train_limit, "dev": DEV_PAIRS, "test": test_limit}
    (to / folder).mkdir(parents=True)
    write_jsonl({split: sample(splits[split], limit) for split, limit in limits.items()}, to / folder, ("premise", "hypothesis"))  # type: ignore[index,misc]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--train-limit", type=int, help="train on a fixed sample of so many pairs")
    parser.add_argument("--test-limit", type=int, help="predict a fixed sample of so many pairs, not all")
    parser.add_argument("--precision", choices=["fp32", "bf16"], help="of the harness; its own default otherwise")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--max-steps", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        print(json.dumps(plain_trainer_script(options.data_dir, options.seed, options.max_steps)))
        return
    results: dict[str, list[Measured]] = {"plain run_glue-style script": [], "harness": []}
    with tempfile.TemporaryDirectory() as folder:
        limited(options.data_dir, Path(folder), options.train_limit, options.test_limit)
        for seed in range(options.repeats):
            ours = harness_run(
                "nli/taxinli_mnli", folder, seed, SCORES, lr=LEARNING_RATE, batch_size=BATCH, max_length=MAX_LENGTH,
                epochs=options.epochs, precision=options.precision,
            )  # fmt: skip
            same = ["--data-dir", folder, "--seed", str(seed), "--max-steps", str(ours["steps"])]
            results["plain run_glue-style script"].append(peer_run("benchmarks.minilm_nli", same))
            results["harness"].append(ours)
            print(f"seed {seed}: {[rows[-1] for rows in results.values()]}", file=sys.stderr)
    print_table(results)


if __name__ == "__main__":
    main()
