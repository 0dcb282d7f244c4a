"""The harness against a plain run_glue-style script on MultiNLI: the same pretrained encoder, data, steps, learning rate.

    python -m benchmarks.minilm_nli --data-dir DIR           # DIR/nli/taxinli_mnli/{train,dev,test}.jsonl

The peer is what the transformers example for GLUE does by default: pairs padded to 128 tokens, random batches,
BERT's own classification head. Each side runs in a fresh process, in turn, ``--repeats`` times, both on the same files.
The harness also predicts dev, of which it is given a few pairs only.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.minilm import Comparison, Measured, peer_arguments, weights

LEARNING_RATE, BATCH, MAX_LENGTH = 1e-4, 16, 128
FOLDER = Path("nli") / "taxinli_mnli"
SCORES = ("accuracy", "macro_f1")


def plain_trainer_script(data_dir: str, seed: int, max_steps: int, precision: str) -> Measured:
    """Fine-tune and predict as the example does."""
    from datasets import Dataset, disable_progress_bars
    from sklearn.metrics import accuracy_score, f1_score
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        Trainer,
        default_data_collator,
        set_seed,
    )

    disable_progress_bars()
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(weights())
    folder = Path(data_dir) / FOLDER
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
        arguments = peer_arguments(
            output,
            seed,
            max_steps,
            precision,
            learning_rate=LEARNING_RATE,
            per_device_train_batch_size=BATCH,
        )
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


def load(data_dir: Path) -> Any:
    from tasks.sources.formats import jsonl

    return jsonl.load(data_dir / FOLDER).splits


def write(splits: Any, data_dir: Path) -> None:
    from tasks.sources.formats.writing import write_jsonl

    (data_dir / FOLDER).mkdir(parents=True)
    write_jsonl(splits, data_dir / FOLDER, ("premise", "hypothesis"))


COMPARISON = Comparison(
    "benchmarks.minilm_nli",
    __doc__.splitlines()[0],
    "plain run_glue-style script",
    "nli/taxinli_mnli",
    SCORES,
    {"lr": LEARNING_RATE, "batch_size": BATCH, "max_length": MAX_LENGTH},
    plain_trainer_script,
    "pairs",
    load,
    write,
)

if __name__ == "__main__":
    COMPARISON.main()
