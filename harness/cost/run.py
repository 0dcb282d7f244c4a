"""Measure many points: take stored ones from the store, skip those for which a shorter text failed already, run the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.cost.disturbance import DISTURBED
from harness.cost.points import Limits, Point, is_beyond
from harness.cost.results import finished, record_of
from harness.cost.supervise import calibrate_in_child, measure_in_child
from harness.errors import InputError, StoppedError
from harness.machine import provenance
from harness.progress import saved_so_far
from harness.store import Store
from harness.store.record import Calibration, Measured, PointRecord
from models import MODELS

ENDS_A_CURVE = {
    "oom": "out of memory",
    "timeout": "out of time",
    "beyond_max_length": "beyond the model's own length",
}
"""Statuses after which longer texts are skipped, with the words for them."""

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

    def run(self, points: Sequence[Point]) -> list[PointRecord]:
        """Measure the points in their order and keep a record of each; returns the records.

        A full disk does not stop the bench: it tries again after every point to write the records that it could not write.
        `unwritten` counts the records that could not be written at all.

        Raises:
            StoppedError: the user stopped the bench.
        """
        records: list[PointRecord] = []
        ended: dict[str, PointRecord] = {}
        try:
            for point in points:
                record = self._record(point, ended.get(point.model))
                if record["status"] in ENDS_A_CURVE:
                    ended[point.model] = record
                records.append(record)
                self.say(line_of(record))
        except KeyboardInterrupt as stop:
            raise StoppedError(saved_so_far(len(records) - self.unwritten, len(points), "point")) from stop
        return records

    @property
    def unwritten(self) -> int:
        """The number of records that could not be written to the store."""
        return len(self._unwritten)

    def _record(self, point: Point, end: PointRecord | None) -> PointRecord:
        encoder = MODELS[point.model]
        if end is not None:
            shorter, reason = end["point"]["length"], ENDS_A_CURVE[end["status"]]
            skipped: Measured = {"status": "skipped", "error": f"{reason} at {shorter} tokens already"}
            return self._keep(point, record_of(point, encoder, self.limits, skipped, None))
        if is_beyond(point, encoder):
            limit = encoder.size(point.size).max_length
            beyond: Measured = {
                "status": "beyond_max_length",
                "error": f"it takes at most {limit} tokens (--extend-positions measures beyond)",
            }
            return self._keep(point, record_of(point, encoder, self.limits, beyond, None))
        if not self.force and (stored := finished(self.store, point, self.limits)):
            self.outdated += stored["environment"].get("git_revision", self._revision) != self._revision
            return stored
        calibration = self._calibration_for(point.threads)
        measured = self._measure(point, self.limits, self.plugins)
        return self._keep(point, record_of(point, encoder, self.limits, measured, calibration))

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


def line_of(record: PointRecord) -> str:
    """One line about a point for the terminal."""
    point = record["point"]
    name = f"{point['model']} {point['size']} {point['mode']} {point['batch_size']} x {point['length']}"
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
