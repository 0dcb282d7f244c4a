"""A panel: which measured cost belongs to which encoder."""

import pytest

from harness.report.comparable import comparisons
from harness.report.page import panels
from harness.report.spanning import spanning
from tests.harness.report.conftest import alone
from tests.records import point_record, run_record

DIGEST = "0123456789" * 6 + "abcd"


def saved(deployment: str):
    """A fine-tuned checkpoint as an engine runs it."""
    by = f" by {deployment}" if deployment else ""
    model = {"size": "custom", "weights": "saved/mine", "identity": f"{DIGEST} as fine-tuned{by}"}
    trained = {"where": "harness", "deployment": deployment}
    return run_record("bert", model=model, recipe={"trained": "saved"}, trained=trained)


def point(milliseconds, **settings):
    changes = {"size": "custom", "name": "mine", "weights": DIGEST, **settings}
    return point_record("bert", 512, milliseconds, point=changes)


def test_a_deployed_model_has_the_throughput_of_its_engine():
    bench = [point(8.0), point(1.0, engine="openvino", quantize="int8")]
    (comparison,) = comparisons([saved(""), saved("openvino int8"), saved("torch int8")], alone)
    rates, source = panels.throughput(comparison, bench)
    assert rates == {"bert (mine)": pytest.approx(64_000), "bert (mine, openvino int8)": pytest.approx(512_000)}
    assert source.startswith("inference at 512 tokens, batch 1")
    assert panels.costs(comparison, rates)["tokens/s of inference"] == rates
    numbered = {standing.label: 0 for standing in comparison.standings}
    rows = panels.panel(comparison, numbered, bench)["rows"]
    assert {row["standing"].label: row["tokens_per_s"] for row in rows} == {**rates, "bert (mine, torch int8)": None}


def test_sizes_that_are_compared_have_their_own_throughput():
    runs = [run_record("bert", model={"size": size, "identity": size}) for size in ("tiny", "base")]
    bench = [point_record("bert", 512, ms, point={"size": size}) for size, ms in (("tiny", 1.0), ("base", 8.0))]
    (across,) = spanning(comparisons(runs, alone), alone)
    rates, _ = panels.throughput(across, bench)
    assert rates == {"bert tiny": pytest.approx(512_000), "bert base": pytest.approx(64_000)}


def test_what_no_bench_measured_has_no_throughput():
    (comparison,) = comparisons([run_record("bert")], alone)
    assert panels.throughput(comparison, [point_record("avey-b", 512, 1.0)]) == ({}, "")
