"""Trains twice in each of several processes: once undisturbed, once cut off and begun again; tells what both came to.

torchrun --nproc-per-node 2 tests/harness/cut_off_training.py WEIGHTS DATA_DIR FOLDER
"""

import contextlib
import hashlib
import json
import sys
from pathlib import Path

from harness import distributed
from harness.heads import with_head
from harness.pipeline import make_repeatable
from harness.plan import plan
from harness.request import Request
from harness.training import fit
from models import loading


class CutOffError(Exception):
    pass


def train(weights, data_dir, folder, cut_off_at=None):
    recipe = {"batch_size": 8, "max_length": 64, "learning_rate": 3e-3, "epochs": 2.0, "precision": "fp32"}
    planned = plan(Request("bert", "ner/cities", weights, data_dir=data_dir, recipe=recipe))
    data = planned.task.load("cities", data_dir)
    make_repeatable(0)
    encoder, tokenizer = loading.load(planned.encoder, "custom", planned.weights)
    model = with_head("token", encoder, len(data.labels))
    features = planned.task.encode(data.splits["train"], data.labels, tokenizer, 64).features

    def progress(step, steps, loss):
        if step == cut_off_at:
            raise CutOffError

    done = fit(model, features, tokenizer, planned.cell.recipe, 0, progress, folder, checkpoint_interval_s=0)
    content = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    return {"losses": done.losses, "from": done.resumed_from_step, "weights": hashlib.sha256(content).hexdigest()}


def main():
    weights, data_dir, folder = sys.argv[1:]
    distributed.join()
    whole = train(weights, data_dir, Path(folder) / "whole")
    with contextlib.suppress(CutOffError):
        train(weights, data_dir, Path(folder) / "cut", cut_off_at=17)
    told = distributed.from_all({"whole": whole, "resumed": train(weights, data_dir, Path(folder) / "cut")})
    if distributed.is_first():
        print(json.dumps(told))
    distributed.leave()


main()
