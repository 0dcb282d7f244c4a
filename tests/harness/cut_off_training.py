"""Training that can be cut off; as a program it trains twice in each of several processes, once undisturbed and once cut off
and begun again, and tells what both came to.

torchrun --nproc-per-node 2 tests/harness/cut_off_training.py WEIGHTS DATA_DIR FOLDER
"""

import contextlib
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.machine import distributed
from harness.nn.determinism import make_repeatable
from harness.nn.heads import with_head
from harness.nn.training import TrainingOptions, fit
from models import loading

RECIPE = {"batch_size": 8, "max_length": 64, "learning_rate": 3e-3, "epochs": 2.0}


class CutOffError(Exception):
    pass


def train(weights, data_dir, recipe, folder, cut_off_at=None, judged=False):
    """Fine-tune in float32 with a checkpoint at every step; what training did, and the weights.

    With ``judged`` the best epoch is the one whose classifier has the least weights.
    """
    planned = plan(Request("bert", "ner/cities", str(weights), data_dir=str(data_dir), recipe=recipe))
    data = planned.task.load("cities", str(data_dir))
    make_repeatable(0)
    encoder, tokenizer = loading.load(planned.encoder, "custom", planned.weights)
    model = with_head("token", encoder, len(data.labels))
    features = planned.task.encode(data.splits["train"], data.labels, tokenizer, 64).features

    def progress(step, steps, loss):
        if step == cut_off_at:
            raise CutOffError

    in_float32 = replace(planned.cell.recipe, precision="fp32")
    judge = (lambda: -float(model.classifier.weight.detach().abs().sum())) if judged else None
    options = TrainingOptions(in_float32, 0, progress, folder, checkpoint_interval_s=0, judge=judge)
    done = fit(model, features, tokenizer, options)
    return done, model.state_dict()


def summary(done, weights):
    content = b"".join(value.numpy().tobytes() for value in weights.values())
    return {"losses": done.losses, "from": done.resumed_from_step, "weights": hashlib.sha256(content).hexdigest()}


def main():
    weights, data_dir, folder = map(Path, sys.argv[1:])
    with distributed.joined():
        whole = train(weights, data_dir, RECIPE, folder / "whole")
        with contextlib.suppress(CutOffError):
            train(weights, data_dir, RECIPE, folder / "cut", cut_off_at=17)
        resumed = train(weights, data_dir, RECIPE, folder / "cut")
        told = distributed.from_all({"whole": summary(*whole), "resumed": summary(*resumed)})
    if distributed.is_first():
        print(json.dumps(told))


if __name__ == "__main__":
    main()
