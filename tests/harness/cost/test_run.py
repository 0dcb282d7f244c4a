"""A bench from point to point with children that are made up: what stands, what is skipped, what is tried again."""

import dataclasses

import pytest

from harness.cost.points import Limits, Settings, points_of
from harness.cost.run import Bench
from harness.engines import Choice
from harness.errors import InputError, StoppedError
from harness.store import Store

LIMITS = Limits(timeout_s=60, memory_mib=1000, min_repetitions=5, min_seconds=1.0)
RATES = {"matmul_flops_per_s": {"fp32": 1e11, "bf16": 5e11}, "memory_bytes_per_s": 1e10}


def points(*models, lengths=(128, 512, 2048, 8192), extend=False):
    settings = Settings(size="tiny", precision="fp32", machine="m", threads=1, extend_positions=extend)
    return points_of(models, lengths, settings)


class Children:
    """Answers as real children would: one millisecond a token, or what a test says for (model, length)."""

    def __init__(self, **special):
        self.special = special
        self.asked: list[tuple[str, int]] = []
        self.calibrations = 0

    def measure(self, point, limits, plugins):
        self.asked.append((point.model, point.length))
        samples = [float(point.length)] * 5
        flops = {"needed": 10**6 * point.length, "executed": 10**6 * point.length}
        reply = {"status": "ok", "error": None, "samples_ms": samples, "flops": flops, "wall_s": 9.0, "load_s": 2.0}
        return reply | self.special.get(f"{point.model}_{point.length}", {})

    def calibrate(self, threads):
        self.calibrations += 1
        return RATES


def bench(store, children, limits=LIMITS, force=False, said=None):
    say = (said if said is not None else []).append
    return Bench(store, limits, force=force, say=say, measure=children.measure, calibrate=children.calibrate)


def statuses(records, model):
    return [record["status"] for record in records if record["point"]["model"] == model]


def test_every_point_is_measured_and_kept(tmp_path):
    children, store = Children(), Store(tmp_path)
    records = bench(store, children).run(points("modernbert"))
    assert statuses(records, "modernbert") == ["ok"] * 4
    assert sorted(store.records("bench"), key=lambda record: record["point"]["length"]) == records
    assert list(store.records()) == []
    assert children.calibrations == 1
    first = records[0]
    assert first["latency_ms"] == {"median": 128.0, "p10": 128.0, "p90": 128.0, "samples": [128.0] * 5}
    assert first["tokens_per_s"]["median"] == pytest.approx(1000)
    assert first["fraction_of_peak"] == pytest.approx(1e6 * 128 / 0.128 / 1e11)
    assert first["seconds"]["overhead"] == pytest.approx(9 - 5 * 0.128)


def test_ctrl_c_says_how_many_points_are_saved(tmp_path):
    def measure(point, limits, plugins):
        if point.length == 2048:
            raise KeyboardInterrupt
        return children.measure(point, limits, plugins)

    children, store = Children(), Store(tmp_path)
    stopped = Bench(store, LIMITS, measure=measure, calibrate=children.calibrate, say=lambda line: None)
    with pytest.raises(StoppedError, match="2 of 4 points are saved; run the same command to continue"):
        stopped.run(points("modernbert"))
    assert len(list(store.records("bench"))) == 2


@pytest.mark.parametrize("status", ["oom", "timeout"])
def test_longer_texts_of_a_model_that_ended_are_skipped_and_others_go_on(tmp_path, status):
    children = Children(modernbert_512={"status": status, "error": "it ended", "samples_ms": []})
    records = bench(Store(tmp_path), children).run(points("modernbert", "avey-b"))
    assert statuses(records, "modernbert") == ["ok", status, "skipped", "skipped"]
    assert statuses(records, "avey-b") == ["ok"] * 4
    assert ("modernbert", 2048) not in children.asked
    skipped = records[3]
    assert skipped["error"].endswith(" at 512 tokens already")
    assert skipped["latency_ms"] is None


def test_a_models_own_length_ends_its_curve_unless_positions_are_extended(tmp_path):
    children = Children()
    records = bench(Store(tmp_path), children).run(points("bert"))
    assert statuses(records, "bert") == ["ok", "ok", "beyond_max_length", "skipped"]
    assert "at most 512 tokens" in records[2]["error"]
    extended = bench(Store(tmp_path), children).run(points("bert", extend=True))
    assert statuses(extended, "bert") == ["ok"] * 4
    assert [record["point"]["extended"] for record in extended] == [False, False, True, True]
    assert children.asked.count(("bert", 128)) == 1


def test_a_failed_point_ends_nothing(tmp_path):
    children = Children(modernbert_512={"status": "failed", "error": "the child was ended", "samples_ms": []})
    records = bench(Store(tmp_path), children).run(points("modernbert"))
    assert statuses(records, "modernbert") == ["ok", "failed", "ok", "ok"]


def test_finished_points_stand_and_failed_ones_are_measured_again(tmp_path):
    children, store = Children(modernbert_512={"status": "failed", "error": "?", "samples_ms": []}), Store(tmp_path)
    bench(store, children).run(points("modernbert"))
    children.special.clear()
    children.asked.clear()
    records = bench(store, children).run(points("modernbert"))
    assert children.asked == [("modernbert", 512)]
    assert statuses(records, "modernbert") == ["ok"] * 4
    children.asked.clear()
    bench(store, children).run(points("modernbert"))
    assert (children.asked, children.calibrations) == ([], 2)
    bench(store, children, force=True).run(points("modernbert"))
    assert len(children.asked) == 4


@pytest.mark.parametrize(
    ("status", "changes", "again"),
    [
        ("timeout", {}, False),
        ("timeout", {"timeout_s": 600.0}, True),
        ("timeout", {"memory_mib": 9000}, False),
        ("oom", {"timeout_s": 600.0}, False),
        ("oom", {"memory_mib": 9000}, True),
        ("oom", {"memory_mib": 1050}, False),
        ("ok", {"timeout_s": 600.0, "memory_mib": 9000}, False),
        ("ok", {"min_repetitions": 50}, True),
    ],
)
def test_an_end_stands_until_the_limit_that_made_it_is_raised(tmp_path, status, changes, again):
    children, store = Children(modernbert_128={"status": status, "error": "an end"}), Store(tmp_path)
    one = points("modernbert", lengths=(128,))
    bench(store, children).run(one)
    bench(store, children, dataclasses.replace(LIMITS, **changes)).run(one)
    assert len(children.asked) == 1 + again


class FullDisk(Store):
    """A store that cannot write so many times."""

    def __init__(self, folder, times):
        super().__init__(folder)
        self.left = times

    def write(self, cell, record, predictions):
        self.left -= 1
        if self.left >= 0:
            raise InputError("the run could not be written (No space left on device); choose another folder with --out")
        return super().write(cell, record, predictions)


def test_a_disk_that_fills_in_the_middle_loses_nothing_once_there_is_space_again(tmp_path):
    said: list[str] = []
    store = FullDisk(tmp_path, times=2)
    under_way = bench(store, Children(), said=said)
    records = under_way.run(points("modernbert"))
    assert statuses(records, "modernbert") == ["ok"] * 4
    assert under_way.unwritten == 0
    assert len(list(store.records("bench"))) == 4
    assert any("No space left on device" in line for line in said)


def test_a_disk_that_stays_full_is_told(tmp_path):
    under_way = bench(FullDisk(tmp_path, times=10**6), Children())
    assert statuses(under_way.run(points("modernbert")), "modernbert") == ["ok"] * 4
    assert under_way.unwritten == 4


def test_without_calibration_points_carry_no_fraction(tmp_path):
    children, said = Children(), []
    children.calibrate = lambda threads: None
    (record,) = bench(Store(tmp_path), children, said=said).run(points("bert", lengths=(128,)))
    assert record["fraction_of_peak"] is None
    assert "could not be calibrated" in said[0]


def test_one_line_a_point_tells_what_a_user_came_for(tmp_path):
    said: list[str] = []
    noisy = {"memory": {"peak_above_loaded_mib": 12.3}, "processor_taken_by_others": 0.4}
    bench(Store(tmp_path), Children(bert_128=noisy), said=said).run(points("bert", lengths=(128,)))
    assert said[1] == (
        "bert tiny inference 1 x 128: 1,000 tokens/s, 128.0 ms (128.0 to 128.0, n 5), 12 MiB, 1% of peak, "
        "DISTURBED: other work took 40% of the processor"
    )


def test_points_of_another_revision_of_the_code_are_counted(tmp_path):
    old = Children(bert_128={"environment": {"git_revision": "0" * 40}})
    one = points("bert", lengths=(128, 512))
    bench(Store(tmp_path), old).run(one)
    again = bench(Store(tmp_path), Children())
    again.run(one)
    assert again.outdated == 1


class Saturating(Children):
    """Twice the batch gives twice the throughput up to 8 texts, and more than 32 do not fit."""

    def measure(self, point, limits, plugins):
        self.asked.append((point.model, point.batch_size))
        if point.batch_size > 32:
            return {"status": "oom", "error": "no memory"}
        return {"status": "ok", "error": None, "samples_ms": [10.0 * max(1, point.batch_size / 8)] * 5}


def batches(*sizes, lengths=(128,)):
    settings = Settings(size="tiny", precision="fp32", machine="m", threads=1, batch_sizes=sizes)
    return points_of(("bert",), lengths, settings)


def test_auto_doubles_the_batch_until_throughput_stops_growing(tmp_path):
    children = Saturating()
    records = bench(Store(tmp_path), children).run(batches(None))
    assert [record["point"]["batch_size"] for record in records] == [1, 2, 4, 8, 16]
    again = Saturating()
    assert bench(Store(tmp_path), again).run(batches(None)) == records
    assert again.asked == []


def test_auto_measures_no_batch_twice(tmp_path):
    children = Saturating()
    records = bench(Store(tmp_path), children).run(batches(1, 8, None))
    assert [record["point"]["batch_size"] for record in records] == [1, 8, 2, 4, 16]


def test_a_batch_that_does_not_fit_is_a_row_and_smaller_ones_go_on(tmp_path):
    children = Saturating()
    records = bench(Store(tmp_path), children).run(batches(1, 64, 128, 8, lengths=(128, 256)))
    found = [(record["point"]["length"], record["point"]["batch_size"], record["status"]) for record in records]
    assert found == [
        (128, 1, "ok"), (128, 64, "oom"), (128, 128, "skipped"), (128, 8, "ok"),
        (256, 1, "ok"), (256, 64, "skipped"), (256, 128, "skipped"), (256, 8, "ok"),
    ]  # fmt: skip


class NotExportable(Children):
    """Models that torch alone can run."""

    def measure(self, point, limits, plugins):
        if point.engine == "onnxruntime":
            return {"status": "unsupported", "error": "BertModel cannot be exported"}
        return super().measure(point, limits, plugins)


def test_a_model_that_an_engine_cannot_run_is_a_row_and_other_engines_go_on(tmp_path):
    settings = Settings("tiny", "fp32", "m", 1, choices=(Choice("onnxruntime"), Choice()))
    said: list[str] = []
    records = bench(Store(tmp_path), NotExportable(), said=said).run(points_of(("bert",), (128, 256), settings))
    assert [record["status"] for record in records] == ["unsupported", "skipped", "ok", "ok"]
    assert records[0]["point"]["engine"] == "onnxruntime"
    assert "engine" not in records[2]["point"]
    assert "bert (onnxruntime) tiny inference 1 x 128: unsupported, BertModel cannot be exported" in said
