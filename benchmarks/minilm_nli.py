"""The harness against a plain run_glue-style script on MultiNLI: the same pretrained encoder, data, steps, learning rate.

    python -m benchmarks.minilm_nli --data-dir DIR           # DIR/nli/taxinli_mnli/{train,dev,test}.jsonl

The peer is what the transformers example for GLUE does by default: pairs padded to 128 tokens, random batches,
BERT's own classification head. Each side runs in a new process, in turn, ``--repeats`` times, both on the same files.
The harness also predicts dev, of which it gets only a few pairs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.minilm import Comparison, Measured, Splits, predict_plainly, train_plainly, weights

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

LEARNING_RATE, BATCH, MAX_LENGTH = 1e-4, 16, 128
FOLDER = Path("nli") / "taxinli_mnli"
SCORES = ("accuracy", "macro_f1")


def plain_trainer_script(data_dir: str, seed: int, max_steps: int, precision: str) -> Measured:
    """Fine-tune and predict as the example does."""
    from datasets import Dataset, disable_progress_bars
    from sklearn.metrics import accuracy_score, f1_score
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, default_data_collator, set_seed

    disable_progress_bars()
    set_seed(seed)
    rows = {split: _rows(Path(data_dir) / FOLDER / f"{split}.jsonl") for split in ("train", "test")}
    labels = sorted({row["label"] for row in rows["train"]})
    encode = partial(_encoded, AutoTokenizer.from_pretrained(weights()), labels)
    train, test = (
        Dataset.from_list(found).map(encode, batched=True, remove_columns=["premise", "hypothesis"])
        for found in rows.values()
    )
    model = AutoModelForSequenceClassification.from_pretrained(weights(), num_labels=len(labels))
    trainer, measured = train_plainly(
        model,
        train,
        default_data_collator,
        seed=seed,
        max_steps=max_steps,
        precision=precision,
        learning_rate=LEARNING_RATE,
        per_device_train_batch_size=BATCH,
    )
    output = predict_plainly(trainer, test, measured)
    gold, found = output.label_ids, output.predictions.argmax(axis=-1)
    scores = {"accuracy": accuracy_score(gold, found), "macro_f1": f1_score(gold, found, average="macro")}
    return measured | {name: float(scores[name]) for name in SCORES}


def _rows(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _encoded(
    tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], batch: Mapping[str, Sequence[str]]
) -> BatchEncoding:
    encoded = tokenizer(
        batch["premise"], batch["hypothesis"], padding="max_length", max_length=MAX_LENGTH, truncation=True
    )
    encoded["label"] = [labels.index(label) for label in batch["label"]]
    return encoded


def load(data_dir: Path) -> Splits:
    from tasks.sources.formats import jsonl

    return jsonl.load(data_dir / FOLDER).splits


def write(splits: Splits, data_dir: Path) -> None:
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
