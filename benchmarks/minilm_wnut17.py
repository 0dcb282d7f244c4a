"""The harness against a plain Hugging Face Trainer script: the same pretrained encoder, data, recipe and seed, in one run.

    python -m benchmarks.minilm_wnut17 --data-dir DIR        # DIR/ner/wnut17/{train,dev,test}.conll

The peer follows the tutorial: padding to the longest of a random batch, labels on the first
sub-token. Each side runs in a new process, in turn, ``--repeats`` times, both on the same files. The harness also
predicts dev, of which it gets only a few sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.minilm import Comparison, Measured, Splits, predict_plainly, train_plainly, weights

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import BatchEncoding, PreTrainedTokenizerBase, Trainer
    from transformers.trainer_utils import PredictionOutput

LEARNING_RATE, EPOCHS, BATCH = 1e-4, 3.0, 32
FOLDER = Path("ner") / "wnut17"
SCORES = ("entity_f1_strict",)


def plain_trainer_script(data_dir: str, seed: int, max_steps: int, precision: str) -> Measured:
    """A token-classification script as in the transformers tutorial."""
    trainer, test, measured = fine_tuned_plainly(data_dir, seed, max_steps, precision)
    output = predict_plainly(trainer, test, measured)
    return measured | {SCORES[0]: f1_of(output, list(trainer.model.config.id2label.values()))}


def f1_of(output: PredictionOutput, labels: Sequence[str]) -> float:
    """Strict entity F1 of predictions, by seqeval."""
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    keep, best = output.label_ids != -100, output.predictions.argmax(axis=-1)
    predicted = [[labels[i] for i in row[mask]] for row, mask in zip(best, keep, strict=True)]
    gold = [[labels[i] for i in row[mask]] for row, mask in zip(output.label_ids, keep, strict=True)]
    return float(f1_score(gold, predicted, mode="strict", scheme=IOB2))


def fine_tuned_plainly(data_dir: str, seed: int, max_steps: int, precision: str) -> tuple[Trainer, Dataset, Measured]:
    """The Trainer after training, the encoded test split, and what was measured."""
    from datasets import disable_progress_bars
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        set_seed,
    )

    disable_progress_bars()
    set_seed(seed)
    splits = {split: _read(Path(data_dir) / FOLDER / f"{split}.conll") for split in ("train", "test")}
    labels = sorted({tag for tags in splits["train"]["tags"] for tag in tags})
    ids = {label: number for number, label in enumerate(labels)}
    tokenizer = AutoTokenizer.from_pretrained(weights())
    encode = partial(_encoded, tokenizer, ids)
    train, test = (split.map(encode, batched=True, remove_columns=["tokens", "tags"]) for split in splits.values())
    model = AutoModelForTokenClassification.from_pretrained(
        weights(), num_labels=len(labels), id2label=dict(enumerate(labels)), label2id=ids
    )
    trainer, measured = train_plainly(
        model,
        train,
        DataCollatorForTokenClassification(tokenizer),
        seed=seed,
        max_steps=max_steps,
        precision=precision,
        learning_rate=LEARNING_RATE,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=BATCH,
    )
    return trainer, test, measured


def _read(file: Path) -> Dataset:
    from datasets import Dataset

    blocks = file.read_text(encoding="utf-8").strip().split("\n\n")
    rows = [[line.split("\t") for line in block.splitlines()] for block in blocks]
    return Dataset.from_list([{"tokens": [w for w, _ in row], "tags": [t for _, t in row]} for row in rows])


def _encoded(
    tokenizer: PreTrainedTokenizerBase, ids: Mapping[str, int], batch: Mapping[str, Sequence[Sequence[str]]]
) -> BatchEncoding:
    encoded = tokenizer(batch["tokens"], is_split_into_words=True, truncation=True, max_length=256)
    encoded["labels"] = []
    for row, tags in enumerate(batch["tags"]):
        words = encoded.word_ids(row)
        first = [word is not None and word not in words[:place] for place, word in enumerate(words)]
        encoded["labels"].append([ids[tags[w]] if f else -100 for w, f in zip(words, first, strict=True)])
    return encoded


def load(data_dir: Path) -> Splits:
    from tasks.sources.formats import conll

    splits, _ = conll.load(data_dir / FOLDER)
    return splits


def write(splits: Splits, data_dir: Path) -> None:
    from tasks.sources.formats.writing import write_conll

    (data_dir / FOLDER).mkdir(parents=True)
    write_conll(splits, data_dir / FOLDER)


COMPARISON = Comparison(
    "benchmarks.minilm_wnut17",
    __doc__.splitlines()[0],
    "plain Trainer script",
    "ner/wnut17",
    SCORES,
    {"lr": LEARNING_RATE, "batch_size": BATCH},
    plain_trainer_script,
    "sentences",
    load,
    write,
    EPOCHS,
    repeats=3,
)

if __name__ == "__main__":
    COMPARISON.main()
