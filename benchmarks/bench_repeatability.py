"""Measure how repeatable `harness bench` is: the same points several times, each in a new process, on an idle machine.

    python -m benchmarks.bench_repeatability --models avey-b,modernbert --lengths 512,2048 --times 5

Prints for every point the spread of its medians, the time it takes besides its repetitions, and the share of the processor
that other work used; then one JSON line. One more process per point repeats it for longer: the spread of the medians of its
windows is the noise of the machine itself (neighbours of a virtual machine, clock rates), which no measurement can beat.
"""

import argparse
import json
import math
import statistics
from dataclasses import replace

from harness.cost.points import Limits, Point, parse_lengths, parse_models, points_of
from harness.cost.settings import limits_of, settings_of
from harness.cost.supervise import measure_in_child


def machine_deviation(point: Point, limits: Limits, times: int) -> float:
    """Largest relative distance of a window's median from their median, in one process; a window lasts as long as a measurement."""
    reply = measure_in_child(point, replace(limits, min_seconds=3 * times * limits.min_seconds))
    windows: list[list[float]] = [[]]
    for sample in reply["samples_ms"]:
        windows[-1].append(sample)
        if sum(windows[-1]) >= 1e3 * limits.min_seconds and len(windows[-1]) >= limits.min_repetitions:
            windows.append([])
    medians = [statistics.median(window) for window in windows[:-1]]
    if len(medians) < 2:  # a call takes too long for windows within the time limit
        return math.nan
    middle = statistics.median(medians)
    return max(abs(median - middle) for median in medians) / middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="all")
    parser.add_argument("--lengths", default="128,512,2048")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    settings = settings_of(extend_positions=True)
    points = points_of(parse_models(options.models), parse_lengths(options.lengths), settings)
    limits = limits_of(timeout_s=120, memory_mib=None, min_repetitions=5, min_seconds=1.0)
    rows = []
    for point in points:
        replies = [measure_in_child(point, limits) for _ in range(options.times)]
        replies = [reply for reply in replies if reply["status"] == "ok"]
        if len(replies) < 2:
            print(f"{point.model} {point.length}: not measured")
            continue
        medians = [statistics.median(reply["samples_ms"]) for reply in replies]
        overheads = [reply["wall_s"] - (sum(reply["samples_ms"]) + sum(reply["warm_up_ms"])) / 1e3 for reply in replies]
        middle = statistics.median(medians)
        row = {
            "model": point.model,
            "length": point.length,
            "medians_ms": medians,
            "spread": (max(medians) - min(medians)) / middle,
            "largest_deviation": max(abs(median - middle) for median in medians) / middle,
            "overhead_s": statistics.median(overheads),
            "processor_taken_by_others": max(reply["processor_taken_by_others"] or 0.0 for reply in replies),
            "machine_deviation": machine_deviation(point, limits, options.times),
        }
        rows.append(row)
        print(
            f"{point.model} {point.length}: {middle:.1f} ms, within {row['largest_deviation']:.1%} of the middle one, "
            f"within {row['machine_deviation']:.1%} in one process, overhead {row['overhead_s']:.1f} s, "
            f"others took {row['processor_taken_by_others']:.0%}",
            flush=True,
        )
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
