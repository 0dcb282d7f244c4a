"""Compare zero and live padding rows of Avey-B trained from scratch: the score on `ner/docstrings` after equal steps.

    python -m benchmarks.avey_b_padding
    python -m benchmarks.avey_b_padding --train-limit 6000 --epochs 1 --seeds 0 1 2

Both are avey-b tiny with the recipe of `harness run`, the same seeds, batches and steps; only `padding` in the config differs
(see `models.avey_b.AveyBConfig`). `tiny` has "zero"; the published model has "live". The table has test entity_f1_strict and
the seconds of training, one row per seed.
"""

import argparse
import statistics
from dataclasses import replace

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.pipelines.pipeline import run
from models.catalogue import AVEY_B
from models.encoder import MODELS, Encoder

PADDINGS = ("live", "zero")


def variant(padding: str) -> Encoder:
    """avey-b tiny with this padding."""
    tiny = AVEY_B.sizes["tiny"]
    size = replace(tiny, options={**tiny.options, "padding": padding})
    return replace(AVEY_B, name=f"avey-b-{padding}", sizes={"tiny": size})


def trained(encoder: Encoder, seed: int, recipe: dict[str, float | str]) -> tuple[float, float]:
    """Test F1 and the seconds of training."""
    planned = plan(Request(encoder.name, "ner/docstrings", seed=seed, recipe=recipe))
    done = run(planned)
    assert done is not None
    return done.record["scores"]["test"]["entity_f1_strict"], done.record["seconds"]["fit"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=float)
    parser.add_argument("--train-limit", type=int)
    parser.add_argument("--batch-size", type=int)
    options = parser.parse_args()
    recipe = {"epochs": options.epochs, "train_limit": options.train_limit, "batch_size": options.batch_size}

    encoders = {padding: variant(padding) for padding in PADDINGS}
    for encoder in encoders.values():
        MODELS.register(encoder.name)(encoder)
    print("| seed | F1, live | F1, zero | seconds, live | seconds, zero |\n| --- | --- | --- | --- | --- |")
    rows = []
    for seed in options.seeds:
        (live, live_s), (zero, zero_s) = (trained(encoders[padding], seed, recipe) for padding in PADDINGS)
        rows.append((live, zero, live_s, zero_s))
        print(f"| {seed} | {live:.3f} | {zero:.3f} | {live_s:.0f} | {zero_s:.0f} |", flush=True)
    live, zero, live_s, zero_s = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"| median | {live:.3f} | {zero:.3f} | {live_s:.0f} | {zero_s:.0f} |")


if __name__ == "__main__":
    main()
