"""The harness against a plain run_qa-style script on SQuAD: the same pretrained encoder, data, steps and learning rate.

    python -m benchmarks.minilm_squad --data-dir DIR         # DIR/qa/squad_v1/{train,dev,test}.json

The peer is what the transformers example for question answering does: windows of at most 384 tokens, a stride of 128,
random batches, the twenty best starts and ends. Of its two ways to pad, to 384 and to the longest of a batch, it takes
the second, which is the faster one here. Each side runs in a fresh process, in turn, ``--repeats`` times, both on the
same files. The harness also predicts dev, of which it is given a few questions only.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.minilm import Comparison, Measured, peer_arguments, weights

LEARNING_RATE, BATCH, MAX_LENGTH, STRIDE = 1e-4, 16, 384, 128
N_BEST, LONGEST_ANSWER = 20, 30
FOLDER = Path("qa") / "squad_v1"
SCORES = ("exact_match", "answer_f1")


def plain_trainer_script(data_dir: str, seed: int, max_steps: int, precision: str) -> Measured:
    """Fine-tune and predict as the example does; the scores are those of the official script."""
    import numpy as np
    from datasets import Dataset, disable_progress_bars
    from transformers import (
        AutoModelForQuestionAnswering,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        set_seed,
    )

    from tasks.metrics import answer_scores

    disable_progress_bars()
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(weights())
    splits = {split: Dataset.from_list(_questions(Path(data_dir), split)) for split in ("train", "test")}

    def windows(batch: dict[str, Any]) -> Any:
        return tokenizer(
            batch["question"],
            batch["context"],
            truncation="only_second",
            max_length=MAX_LENGTH,
            stride=STRIDE,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )

    def to_train_on(batch: dict[str, Any]) -> Any:
        encoded = windows(batch)
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

    def to_predict(batch: dict[str, Any]) -> Any:
        encoded = windows(batch)
        encoded["question_id"] = [batch["id"][example] for example in encoded.pop("overflow_to_sample_mapping")]
        encoded["offset_mapping"] = [
            [span if part == 1 else None for span, part in zip(spans, encoded.sequence_ids(row), strict=True)]
            for row, spans in enumerate(encoded["offset_mapping"])
        ]
        return encoded

    train = splits["train"].map(to_train_on, batched=True, remove_columns=splits["train"].column_names)
    test = splits["test"].map(to_predict, batched=True, remove_columns=splits["test"].column_names)
    model = AutoModelForQuestionAnswering.from_pretrained(weights())
    with tempfile.TemporaryDirectory() as folder:
        arguments = peer_arguments(
            folder,
            seed,
            max_steps,
            precision,
            learning_rate=LEARNING_RATE,
            per_device_train_batch_size=BATCH,
        )
        trainer = Trainer(model, arguments, train_dataset=train, data_collator=DataCollatorWithPadding(tokenizer))
        began = time.perf_counter()
        trainer.train()
        trained = time.perf_counter()
        inputs = test.remove_columns(["question_id", "offset_mapping"])
        starts, ends = trainer.predict(inputs).predictions[:2]
        answers: dict[str, tuple[float, str]] = {}
        contexts = dict(zip(splits["test"]["id"], splits["test"]["context"], strict=True))
        for row, (question, spans) in enumerate(zip(test["question_id"], test["offset_mapping"], strict=True)):
            padded = slice(len(spans))  # what the Trainer filled up to the longest of all windows goes
            score, text = _best(starts[row][padded], ends[row][padded], spans, contexts[question])
            if score > answers.get(question, (-np.inf, ""))[0]:
                answers[question] = score, text
        predicted = time.perf_counter()
    gold = [[answer["text"] for answer in answers] for answers in splits["test"]["answers"]]
    scores = answer_scores([answers.get(question, (0.0, ""))[1] for question in splits["test"]["id"]], gold)
    seconds = {"training s": trained - began, "prediction s": predicted - trained}
    return seconds | {"steps": trainer.state.global_step} | {name: scores[name] for name in SCORES}


def _best(starts: Any, ends: Any, spans: Any, context: str) -> tuple[float, str]:
    """The best of the pairs of the twenty best starts and ends that make an answer."""
    best = -float("inf"), ""
    last_ones = ends.argsort()[: -N_BEST - 1 : -1]
    for first in starts.argsort()[: -N_BEST - 1 : -1]:
        for last in last_ones:
            if spans[first] is None or spans[last] is None or not first <= last < first + LONGEST_ANSWER:
                continue
            if starts[first] + ends[last] > best[0]:
                best = float(starts[first] + ends[last]), context[spans[first][0] : spans[last][1]]
    return best


def _questions(data_dir: Path, split: str) -> list[dict[str, Any]]:
    data = json.loads((data_dir / FOLDER / f"{split}.json").read_text(encoding="utf-8"))["data"]
    return [
        {"id": qa["id"], "question": qa["question"].lstrip(), "context": paragraph["context"], "answers": qa["answers"]}
        for article in data
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


def load(data_dir: Path) -> Any:
    from tasks.sources.formats import squad

    return squad.load(data_dir / FOLDER).splits


def write(splits: Any, data_dir: Path) -> None:
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
