"""A stored run on one label, a score or several labels, beside a plain run_glue-style script: same encoder, data, steps, learning rate.

    python -m benchmarks.minilm_glue results/runs/RUN --data-dir DIR

The plain script is what the transformers example for GLUE does by default: random batches, BERT's own pooler and head, the loss that
`problem_type` names, AdamW and a linear decay without warm-up. Its scores are computed from its own predictions.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.minilm import train_plainly, weights
from harness.pipelines.sampling import sample
from harness.store import RunRecord, read_record

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

PROBLEMS = {"sts": "regression", "multilabel": "multi_label_classification"}
"""By family; all others have one label."""
ONE_LABEL = "single_label_classification"
SHOWN = ("matthews", "accuracy", "macro_f1", "micro_f1", "pearson", "spearman")

JsonRow = Mapping[str, str | float | list[str]]


def plain_scores(record: RunRecord, data_dir: Path) -> dict[str, float]:
    """Fine-tune and score as the example does, on the examples of the record's run."""
    from datasets import Dataset, disable_progress_bars
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, set_seed

    disable_progress_bars()
    set_seed(record["seed"])
    recipe, task = record["recipe"], record["task"]
    problem = PROBLEMS.get(task["name"], ONE_LABEL)
    rows = {split: _rows(data_dir / task["dataset"] / f"{split}.jsonl") for split in ("train", "dev", "test")}
    labels = _labels(rows["train"])
    tokenizer = AutoTokenizer.from_pretrained(weights())
    encode = partial(_encoded, tokenizer, labels, problem, recipe["max_length"])
    train = list(sample(rows["train"], recipe["train_limit"]))
    made = {
        name: Dataset.from_list([encode(row) for row in part])
        for name, part in (("train", train), ("dev", rows["dev"]), ("test", rows["test"]))
    }
    model = AutoModelForSequenceClassification.from_pretrained(
        weights(), num_labels=max(len(labels), 1), problem_type=problem
    )
    trainer, _ = train_plainly(
        model,
        made["train"],
        DataCollatorWithPadding(tokenizer),
        seed=record["seed"],
        max_steps=recipe["steps"],
        precision="fp32",
        learning_rate=recipe["learning_rate"],
        per_device_train_batch_size=recipe["batch_size"],
    )
    found = {split: trainer.predict(made[split]) for split in ("dev", "test")}
    dev, test = ((found[split].label_ids, found[split].predictions) for split in ("dev", "test"))
    return _scores(problem, dev, test)


def _rows(file: Path) -> list[JsonRow]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _labels(rows: Sequence[JsonRow]) -> list[str]:
    """The names of the outputs; none for a score."""
    if "score" in rows[0]:
        return []
    return sorted({label for row in rows for label in (row["labels"] if "labels" in row else [row["label"]])})


def _encoded(
    tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], problem: str, max_length: int, row: JsonRow
) -> BatchEncoding:
    first, second = ("premise", "hypothesis") if "premise" in row else ("text", "text_pair")
    encoded = tokenizer(row[first], row.get(second), truncation=True, max_length=max_length)
    if problem == ONE_LABEL:
        encoded["labels"] = labels.index(row["label"])
    else:
        encoded["labels"] = row["score"] if "score" in row else [float(label in row["labels"]) for label in labels]
    return encoded


def _scores(problem: str, dev: Sequence[NDArray[np.float32]], test: Sequence[NDArray[np.float32]]) -> dict[str, float]:
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    gold, logits = test
    if problem == "regression":
        return {
            "pearson": float(pearsonr(gold, logits[:, 0]).statistic),
            "spearman": float(spearmanr(gold, logits[:, 0]).statistic),
        }
    if problem == ONE_LABEL:
        found = logits.argmax(axis=-1)
        scores = {"accuracy": accuracy_score(gold, found), "macro_f1": f1_score(gold, found, average="macro")}
        return {name: float(value) for name, value in scores.items()} | {
            "matthews": float(matthews_corrcoef(gold, found))
        }
    cuts = np.log(np.arange(0.01, 1, 0.01) / np.arange(0.99, 0, -0.01))
    macro = partial(f1_score, average="macro", zero_division=0)
    best = max(cuts, key=lambda cut: macro(dev[0], dev[1] > cut))
    return {
        "macro_f1": float(macro(gold, logits > best)),
        "micro_f1": float(f1_score(gold, logits > best, average="micro")),
    }


def main() -> None:
    """Train plainly, and print both sides."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data-dir", type=Path, required=True)
    options = parser.parse_args()
    record = read_record(options.run / "run.json")
    if record["status"] != "ok" or "scores" not in record:
        parser.error(f"{options.run} holds no finished run")
    plain, ours = plain_scores(record, options.data_dir), record["scores"]["test"]
    names = [name for name in SHOWN if name in plain]
    print(f"| {record['task']['dataset']} | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for side, scores in (("plain script", plain), ("harness", ours)):
        print(f"| {side} | {' | '.join(f'{scores[name]:.4f}' for name in names)} |")


if __name__ == "__main__":
    main()
