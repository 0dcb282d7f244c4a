"""The harness against a plain run_qa-style script on SQuAD: the same pretrained encoder, data, steps and learning rate.

    python -m benchmarks.minilm_squad --data-dir DIR         # DIR/qa/squad_v1/{train,dev,test}.json

The peer is what the transformers example for question answering does: windows of at most 384 tokens, a stride of 128,
random batches, the twenty best starts and ends. Of its two ways to pad, to 384 and to the longest of a batch, it takes
the second, which is the faster one here. Each side runs in a new process, in turn, ``--repeats`` times, both on the
same files. The harness also predicts dev, of which it gets only a few questions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.minilm import Comparison, Measured, Splits, train_plainly, weights

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset
    from numpy.typing import NDArray
    from transformers import BatchEncoding, PreTrainedTokenizerBase, Trainer

Batch = Mapping[str, Sequence[Any]]
"""Columns of SQuAD."""

LEARNING_RATE, BATCH, MAX_LENGTH, STRIDE = 1e-4, 16, 384, 128
N_BEST, LONGEST_ANSWER = 20, 30
FOLDER = Path("qa") / "squad_v1"
SCORES = ("exact_match", "answer_f1")


def plain_trainer_script(data_dir: str, seed: int, max_steps: int, precision: str) -> Measured:
    """Fine-tune and predict as the example does; the scores are those of the official script."""
    from datasets import Dataset, disable_progress_bars
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer, DataCollatorWithPadding, set_seed

    from tasks.metrics import answer_scores

    disable_progress_bars()
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(weights())
    train, test = (Dataset.from_list(_questions(Path(data_dir), split)) for split in ("train", "test"))
    trainer, measured = train_plainly(
        AutoModelForQuestionAnswering.from_pretrained(weights()),
        train.map(partial(_to_train_on, tokenizer), batched=True, remove_columns=train.column_names),
        DataCollatorWithPadding(tokenizer),
        seed=seed,
        max_steps=max_steps,
        precision=precision,
        learning_rate=LEARNING_RATE,
        per_device_train_batch_size=BATCH,
    )
    windows = test.map(partial(_to_predict, tokenizer), batched=True, remove_columns=test.column_names)
    began = time.perf_counter()
    answers = _predicted(trainer, windows, dict(zip(test["id"], test["context"], strict=True)))
    measured["prediction s"] = time.perf_counter() - began
    gold = [[answer["text"] for answer in right] for right in test["answers"]]
    scores = answer_scores([answers.get(question, "") for question in test["id"]], gold)
    return measured | {name: scores[name] for name in SCORES}


def _windows(tokenizer: PreTrainedTokenizerBase, batch: Mapping[str, Sequence[str]]) -> BatchEncoding:
    return tokenizer(
        batch["question"],
        batch["context"],
        truncation="only_second",
        max_length=MAX_LENGTH,
        stride=STRIDE,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )


def _to_train_on(tokenizer: PreTrainedTokenizerBase, batch: Batch) -> BatchEncoding:
    encoded = _windows(tokenizer, batch)
    offsets, example_of = encoded.pop("offset_mapping"), encoded.pop("overflow_to_sample_mapping")
    encoded["start_positions"], encoded["end_positions"] = [], []
    for row, spans in enumerate(offsets):
        answers = batch["answers"][example_of[row]]
        first = last = 0
        if answers:
            start, end = answers[0]["answer_start"], answers[0]["answer_start"] + len(answers[0]["text"])
            context = [place for place, part in enumerate(encoded.sequence_ids(row)) if part == 1]
            if spans[context[0]][0] <= start and end <= spans[context[-1]][1]:
                first = max(place for place in context if spans[place][0] <= start)
                last = min(place for place in context if spans[place][1] >= end)
        encoded["start_positions"].append(first)
        encoded["end_positions"].append(last)
    return encoded


def _to_predict(tokenizer: PreTrainedTokenizerBase, batch: Batch) -> BatchEncoding:
    encoded = _windows(tokenizer, batch)
    encoded["question_id"] = [batch["id"][example] for example in encoded.pop("overflow_to_sample_mapping")]
    encoded["offset_mapping"] = [
        [span if part == 1 else None for span, part in zip(spans, encoded.sequence_ids(row), strict=True)]
        for row, spans in enumerate(encoded["offset_mapping"])
    ]
    return encoded


def _predicted(trainer: Trainer, windows: Dataset, contexts: Mapping[str, str]) -> dict[str, str]:
    """The best answer to each question over its windows, by the question's id."""
    starts, ends = trainer.predict(windows.remove_columns(["question_id", "offset_mapping"])).predictions[:2]
    answers: dict[str, tuple[float, str]] = {}
    for row, (question, spans) in enumerate(zip(windows["question_id"], windows["offset_mapping"], strict=True)):
        unpadded = slice(len(spans))  # the Trainer pads to the longest of all windows
        found = _best(starts[row][unpadded], ends[row][unpadded], spans, contexts[question])
        if question not in answers or found[0] > answers[question][0]:
            answers[question] = found
    return {question: text for question, (_, text) in answers.items()}


def _best(
    starts: NDArray[np.float32], ends: NDArray[np.float32], spans: Sequence[Sequence[int] | None], context: str
) -> tuple[float, str]:
    """The best answer, with its score, among the pairs of the twenty best starts and ends."""
    best = -float("inf"), ""
    last_ones = ends.argsort()[: -N_BEST - 1 : -1]
    for first in starts.argsort()[: -N_BEST - 1 : -1]:
        for last in last_ones:
            if spans[first] is None or spans[last] is None or not first <= last < first + LONGEST_ANSWER:
                continue
            if starts[first] + ends[last] > best[0]:
                best = float(starts[first] + ends[last]), context[spans[first][0] : spans[last][1]]
    return best


def _questions(data_dir: Path, split: str) -> list[dict[str, object]]:
    data = json.loads((data_dir / FOLDER / f"{split}.json").read_text(encoding="utf-8"))["data"]
    return [
        {"id": qa["id"], "question": qa["question"].lstrip(), "context": paragraph["context"], "answers": qa["answers"]}
        for article in data
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


def load(data_dir: Path) -> Splits:
    from tasks.sources.formats import squad

    return squad.load(data_dir / FOLDER).splits


def write(splits: Splits, data_dir: Path) -> None:
    from tasks.sources.formats.writing import write_squad

    (data_dir / FOLDER).mkdir(parents=True)
    write_squad(splits, data_dir / FOLDER)


COMPARISON = Comparison(
    "benchmarks.minilm_squad",
    __doc__.splitlines()[0],
    "plain run_qa-style script",
    "span/squad_v1",
    SCORES,
    {"lr": LEARNING_RATE, "batch_size": BATCH, "max_length": MAX_LENGTH},
    plain_trainer_script,
    "questions",
    load,
    write,
)

if __name__ == "__main__":
    COMPARISON.main()
