"""Tables of failed cells."""

from harness.report.files import failures
from tests.records import failure_record


def test_failures_whose_errors_differ_in_numbers_alone_are_one_cause():
    records = [
        failure_record(model, "nli/x", seed, "failed", f"out of memory: tried to allocate {size} MiB at 0x7f{seed}a")
        for seed, (model, size) in enumerate([("bert", 300), ("bert", 1024), ("avey-b", 12.5)])
    ]
    records += [failure_record("bert", "ner/y", 0, "failed", "no such file")]
    found = failures.by_cause(records).frame
    assert list(found["cells"]) == [3, 1]
    assert found["models"][0] == "avey-b tiny, bert tiny"
    assert found["error"][0] == "out of memory: tried to allocate 300 MiB at 0x7f0a"
