"""Show why a model's curve ends: measure memory and time at lengths that it can run, and extrapolate them to one it cannot.

    python -m benchmarks.out_of_reach
    python -m benchmarks.out_of_reach --model modernbert --attn sdpa --lengths 2048 4096 8192 --target 98304

Each length is a point of `harness bench` (a new process, peak resident memory above the loaded model). Memory and seconds are
fitted by a part proportional to the tokens and one proportional to their pairs, neither negative. The fit at the target is
printed with the memory of the machine. With `--attn sdpa`, transformers' masks of the local window are tables of token pairs, so that
ModernBERT's memory is quadratic although most of its layers look only 64 tokens far; with the default kernel it is linear.
"""

import argparse
import statistics

import numpy as np
from scipy.optimize import nnls

from harness.cost.points import points_of
from harness.cost.settings import limits_of, settings_of
from harness.cost.supervise import measure_in_child
from harness.machine.memory import available_mib
from models.attention.names import BEST, CHOICES


def fitted(lengths: list[int], values: list[float]) -> tuple[float, float]:
    """Coefficients (per token, per pair of tokens) with the best relative fit to the values."""
    tokens, scale = np.array(lengths, dtype=float), np.array(values)
    coefficients, _ = nnls(np.stack([tokens, tokens**2], axis=1) / scale[:, None], np.ones(len(values)))
    return float(coefficients[0]), float(coefficients[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="modernbert")
    parser.add_argument("--lengths", type=int, nargs="+", default=[2048, 4096, 8192])
    parser.add_argument("--target", type=int, default=98304)
    parser.add_argument("--attn", choices=CHOICES, default=BEST)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    settings = settings_of(attention=options.attn, threads=options.threads, extend_positions=True)
    points = points_of([options.model], options.lengths, settings)
    limits = limits_of(timeout_s=120, memory_mib=None, min_repetitions=3, min_seconds=0.0)
    print(f"{options.model} tiny, {settings.precision}, {points[0].threads} threads, one text; the target is a fit.\n")
    print("| tokens | peak MiB | seconds |\n| --- | --- | --- |")
    peaks, seconds = [], []
    for point in points:
        reply = measure_in_child(point, limits)
        if reply["status"] != "ok":
            raise SystemExit(f"{point.length} tokens: {reply['error']}; use shorter --lengths")
        peaks.append(reply["memory"]["peak_above_loaded_mib"])
        seconds.append(statistics.median(reply["samples_ms"]) / 1e3)
        print(f"| {point.length:,} | {peaks[-1]:,.0f} | {seconds[-1]:.2f} |", flush=True)
    target = options.target
    (mib_token, mib_pair), (s_token, s_pair) = fitted(options.lengths, peaks), fitted(options.lengths, seconds)
    peak, time = mib_token * target + mib_pair * target**2, s_token * target + s_pair * target**2
    print(f"| {target:,} | {peak:,.0f} | {time:,.0f} |\n")
    print(f"{mib_pair * 2**20:.1f} bytes per pair of tokens; this machine has {available_mib():,} MiB free.")


if __name__ == "__main__":
    main()
