"""Checkpoints across the border: one of a plain Trainer script in ``score``, and one of ``run`` in ``pipeline("ner")``.

    python -m benchmarks.minilm_checkpoint --data-dir DIR --steps 60        # DIR/ner/wnut17/{train,dev,test}.conll

Prints the largest difference of any logit, the F1 of both sides, and how many tags of test differ.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.minilm import weights
from benchmarks.minilm_wnut17 import LEARNING_RATE, f1_of, fine_tuned_plainly

if TYPE_CHECKING:
    from transformers.trainer_utils import PredictionOutput

TASK = "ner/wnut17"


def scored_elsewhere(data_dir: str, steps: int, folder: Path) -> None:
    """Fine-tune by the script, save, and score the folder."""
    from transformers import AutoTokenizer

    import harness

    trainer, test, _ = fine_tuned_plainly(data_dir, 0, steps, "fp32")
    trainer.save_model(str(folder))
    AutoTokenizer.from_pretrained(weights()).save_pretrained(folder)
    output = trainer.predict(test)
    ours = harness.score(folder, TASK, data_dir=data_dir, out=folder.parent / "runs", precision="fp32")
    theirs = f1_of(output, list(trainer.model.config.id2label.values()))
    print(f"largest difference of logits: {_largest_difference(folder, data_dir, output):.1e}")
    print(f"F1 of the script {theirs!r}, of score {ours['scores']['test']['entity_f1_strict']!r}")


def _largest_difference(folder: Path, data_dir: str, output: PredictionOutput) -> float:
    from harness.cells.plan import plan
    from harness.cells.request import ScoreRequest
    from harness.nn.inference import predict
    from harness.pipelines.heads import headed
    from harness.pipelines.stages import Parts

    planned = plan(ScoreRequest("", TASK, str(folder), data_dir=data_dir, recipe={"precision": "fp32"}))
    parts = Parts(planned.encoder, planned.weights, planned.task, fine_tuned=planned.fine_tuned)
    data = planned.task.load(planned.cell.dataset, data_dir)
    found = headed(planned.cell, parts, data)
    features = found.task.encode(data.splits["test"], data.labels, found.tokenizer, 256).features
    logits = predict(found.model, features, found.tokenizer, "fp32")
    assert len(logits) == len(output.predictions), "no sentence has several windows"
    pairs = zip(logits, output.predictions, strict=True)
    return max(float(np.abs(ours - theirs[: len(ours)]).max()) for ours, theirs in pairs)


def tagged_by_pipeline(data_dir: str, steps: int, folder: Path) -> None:
    """Fine-tune and save by the harness, and tag test by transformers' own pipeline."""
    from transformers import pipeline

    import harness

    out = folder.parent / "runs"
    recipe = {"max_steps": steps, "learning_rate": LEARNING_RATE, "precision": "fp32"}
    record = harness.run("bert", TASK, weights=weights(), data_dir=data_dir, out=out, save_model=folder, **recipe)
    rows = harness.load_predictions(record, out=out)
    tagger = pipeline("ner", model=str(folder), ignore_labels=[])
    tags = different = 0
    for row in rows[rows["split"] == "test"].to_dict("records"):
        answers = {answer["start"]: answer["entity"] for answer in tagger(" ".join(row["tokens"]))}
        starts = np.cumsum([0, *(len(word) + 1 for word in row["tokens"])])[:-1].tolist()
        tags += len(starts)
        different += sum(answers.get(start) != tag for start, tag in zip(starts, row["predicted"], strict=True))
    print(
        f"F1 of run {record['scores']['test']['entity_f1_strict']:.4f}; {different} of {tags} tags differ in the pipeline"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        scored_elsewhere(options.data_dir, options.steps, Path(work) / "theirs")
        tagged_by_pipeline(options.data_dir, options.steps, Path(work) / "ours")
