"""Measure many points: take stored ones from the store, skip those for which a shorter text failed already, run the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from harness.cost.disturbance import DISTURBED
from harness.cost.points import Growing, Limits, Point, is_beyond
from harness.cost.results import finished, record_of
from harness.cost.supervise import calibrate_in_child, measure_in_child
from harness.errors import InputError, StoppedError
from harness.machine import provenance
from harness.progress import saved_so_far
from harness.store import Store
from harness.store.record import OWN_SIZE, Calibration, Measured, PointRecord, series_name

ENDS_A_CURVE = {
    "oom": "out of memory",
    "timeout": "out of time",
    "beyond_max_length": "beyond the model's own length",
    "unsupported": "not supported by the engine",
}
"""Statuses after which longer texts are skipped, with the words for them."""

MOST_TEXTS = 4096
"""Batches do not grow beyond it."""
GROWS = 1.05
"""A batch that doubles must give at least this much more throughput; half of the disturbed points differ by less."""

Say = Callable[[str], None]


class Bench:
    """A bench that is running.

    Args:
        store: holds finished points and receives new ones.
        limits: of every point.
        force: measure stored points again.
        plugins: Python files that register models.
        say: prints one line about each point.
        measure, calibrate: replaced in tests.
    """

    def __init__(
        self,
        store: Store,
        limits: Limits,
        *,
        force: bool = False,
        plugins: Sequence[str] = (),
        say: Say = print,
        measure: Callable[..., Measured] = measure_in_child,
        calibrate: Callable[[int], Calibration | None] = calibrate_in_child,
    ) -> None:
        self.store, self.limits, self.force, self.plugins, self.say = store, limits, force, plugins, say
        self._measure, self._calibrate = measure, calibrate
        self._calibration: Calibration | None = None
        self._calibrated = False
        self._unwritten: list[tuple[Point, PointRecord]] = []
        self._revision = provenance.git_revision()
        self.outdated = 0
        """Points taken from the store that an earlier revision of the code measured."""

    def run(self, points: Sequence[Point | Growing]) -> list[PointRecord]:
        """Measure the points in their order and keep a record of each; returns the records.

        A `Growing` point becomes one point for each batch that is tried; a batch that was measured already counts as tried.

        A full disk does not stop the bench: it tries again after every point to write the records that it could not write.
        `unwritten` counts the records that could not be written at all.

        Raises:
            StoppedError: the user stopped the bench.
        """
        records: list[PointRecord] = []
        done: dict[str, tuple[Point, PointRecord]] = {}
        try:
            for asked in points:
                for point in [asked] if isinstance(asked, Point) else self._growing(asked, done):
                    if point.key in done:
                        continue
                    record = self._record(point, _end_before(point, done.values()))
                    done[point.key] = point, record
                    records.append(record)
                    self.say(line_of(record))
        except KeyboardInterrupt as stop:
            raise StoppedError(saved_so_far(len(records) - self.unwritten, len(points), "point")) from stop
        return records

    def _growing(self, growing: Growing, done: Mapping[str, tuple[Point, PointRecord]]) -> Iterator[Point]:
        """The points of growing batches; each must be in ``done`` when the next is asked for."""
        point, best = growing.first, 0.0
        while point.batch_size <= (len(point.texts) or MOST_TEXTS):
            yield point
            record = done[point.key][1]
            if record["status"] != "ok" or record["tokens_per_s"]["median"] < GROWS * best:
                return
            best = record["tokens_per_s"]["median"]
            point = growing.after(point)

    @property
    def unwritten(self) -> int:
        """The number of records that could not be written to the store."""
        return len(self._unwritten)

    def _record(self, point: Point, end: PointRecord | None) -> PointRecord:
        if end is not None:
            shorter, reason = end["point"]["length"], ENDS_A_CURVE[end["status"]]
            skipped: Measured = {"status": "skipped", "error": f"{reason} at {shorter} tokens already"}
            return self._keep(point, record_of(point, self.limits, skipped, None))
        if is_beyond(point):
            limit = point.limit
            beyond: Measured = {
                "status": "beyond_max_length",
                "error": f"it takes at most {limit} tokens (--extend-positions measures beyond)",
            }
            return self._keep(point, record_of(point, self.limits, beyond, None))
        if not self.force and (stored := finished(self.store, point, self.limits)):
            self.outdated += stored["environment"].get("git_revision", self._revision) != self._revision
            return stored
        calibration = self._calibration_for(point.threads)
        measured = self._measure(point, self.limits, self.plugins)
        return self._keep(point, record_of(point, self.limits, measured, calibration))

    def _calibration_for(self, threads: int) -> Calibration | None:
        if not self._calibrated:
            self._calibrated = True
            self._calibration = self._calibrate(threads)
            self.say(calibration_line(self._calibration))
        return self._calibration

    def _keep(self, point: Point, record: PointRecord) -> PointRecord:
        waiting, self._unwritten = [*self._unwritten, (point, record)], []
        for kept_point, kept in waiting:
            try:
                self.store.write(kept_point, kept, None)
            except InputError as error:
                if kept is record:
                    self.say(f"{error}; the bench continues and will try again to write it")
                self._unwritten.append((kept_point, kept))
        return record


def _end_before(point: Point, done: Iterable[tuple[Point, PointRecord]]) -> PointRecord | None:
    """The record that says that this point cannot be measured: one of a shorter text that ended the curve, if there is one."""

    def curve_of(point: Point) -> tuple[object, ...]:
        return point.model, point.name, point.size, point.weights, point.choice

    for other, record in done:
        # All batches of own texts hold the same texts, so that a larger batch can fit into the time.
        same_rule = other.batching == point.batching or (other.batch_size <= point.batch_size and not point.texts)
        batch_matters = record["status"] in ("oom", "timeout")
        shorter = other.length <= point.length and (same_rule or not batch_matters)
        if curve_of(other) == curve_of(point) and record["status"] in ENDS_A_CURVE and shorter:
            return record
    return None


def line_of(record: PointRecord) -> str:
    """One line about a point for the terminal."""
    point = record["point"]
    size = "" if point["size"] == OWN_SIZE else f"{point['size']} "
    name = f"{series_name(point)} {size}{point['mode']} {point['batch_size']} x {point['length']}"
    others = record["processor_taken_by_others"] or 0.0
    disturbed = [f"DISTURBED: other work took {others:.0%} of the processor"] if others >= DISTURBED else []
    if record["status"] != "ok":
        return f"{name}: {', '.join([record['status'], str(record['error']), *disturbed])}"
    latency, memory = record["latency_ms"], (record["memory"] or {}).get("peak_above_loaded_mib")
    parts = [
        f"{record['tokens_per_s']['median']:,.0f} tokens/s",
        f"{latency['median']:,.1f} ms ({latency['p10']:,.1f} to {latency['p90']:,.1f}, n {len(latency['samples'])})",
        *([f"{memory:,.0f} MiB"] if memory is not None else []),
        *([f"{record['fraction_of_peak']:.0%} of peak"] if record["fraction_of_peak"] is not None else []),
        *(["positions extended"] if point["extended"] else []),
        *disturbed,
    ]
    return f"{name}: {', '.join(parts)}"


def calibration_line(calibration: Calibration | None) -> str:
    """One line about the machine for the terminal."""
    if calibration is None:
        return "the machine could not be calibrated; points have no fraction of its peak"
    rates = calibration["matmul_flops_per_s"]
    return (
        f"this machine: matrix products at {rates['fp32'] / 1e9:,.0f} GFLOP/s in fp32 and {rates['bf16'] / 1e9:,.0f} "
        f"GFLOP/s in bf16, memory at {calibration['memory_bytes_per_s'] / 1e9:,.1f} GB/s"
    )
