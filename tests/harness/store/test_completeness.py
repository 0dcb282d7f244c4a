"""Incomplete records: every command names them and leaves them out, and what is read has all that readers rely on."""

import copy
import json

import pytest

from harness.cli import run_command
from harness.comparison.entries import entries
from harness.exchange.model_index import front_matter
from harness.report.comparable import comparisons
from harness.report.cost import tables as cost_tables
from harness.report.files import failures, imported
from harness.report.page import training_section
from harness.report.pretraining import sections
from harness.report.terminal import run_summary, sweep_table
from harness.store import Store, frame, read_record
from tests.harness.report.conftest import alone
from tests.records import (
    failure_record,
    imported_record,
    point_record,
    predictions_of,
    pretraining_record,
    run_record,
    task_entry,
    write_run,
)

TEST = {"task": task_entry("ner/other"), "scores": {"entity_f1_strict": 0.4}}
ORIGIN = {"key": "k", "group": "g", "seed": 0, "tokens": 10}
NUMBERED = {"bert": 0, "line": 0}


def read_run(record, folder):
    """Make all that is made of a finished run, but for figures and tests."""
    found = comparisons([record], alone)
    training_section.sections(found, NUMBERED)
    sweep_table.results_as_text(entries([record]), lambda entry: len(entry.runs))
    sweep_table.as_json(entries([record]), [])
    sweep_table.threads_note([record])
    run_summary.as_text(record | {"tests": []}, folder)
    front_matter([record])
    frame.runs([record])


def read_point(record, folder):
    cost_tables.write([record], "line", folder, "a command")
    cost_tables.as_text([record], "line")


KINDS = {
    "run": (run_record(model={"pretraining": ORIGIN}, tests=[TEST]), read_run),
    "failure": (failure_record(), lambda record, folder: failures.table([record])),
    "bench": (point_record("line", 128, 5.0, flops={"needed": 10, "executed": 12}), read_point),
    "bench without a result": (point_record("line", 128, None, "oom", error="no memory"), read_point),
    "pretraining": (pretraining_record(), lambda record, folder: sections([record], NUMBERED)),
    "imported": (imported_record(), lambda record, folder: imported.table([record])),
}


def places(value, above=()):
    """The place of every key in a record."""
    if isinstance(value, dict | list):
        for name, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from [(*above, name)] if isinstance(value, dict) else []
            yield from places(below, (*above, name))


def without(record, place):
    record = copy.deepcopy(record)
    parent = record
    for name in place[:-1]:
        parent = parent[name]
    del parent[place[-1]]
    return record


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_that_is_read_lacks_nothing_that_is_made_of_it(tmp_path, kind):
    made, readers = KINDS[kind]
    whole = json.loads(json.dumps(made))
    file = tmp_path / "run.json"
    found = {}
    for place in [(), *places(whole)]:
        file.write_text(json.dumps(without(whole, place) if place else whole))
        found[place] = read_record(file)
        if found[place] is not None:
            readers(found[place], tmp_path)
    assert found[()] == whole
    assert None in found.values()


def incomplete_store(tmp_path, lacking):
    """A store of two encoders, and the record of a third without one key, as people write it."""
    for model, score in (("bert", 0.5), ("roberta", 0.6)):
        run = run_record(model, score=score)
        write_run(tmp_path / "runs", run, predictions_of(run))
    third = run_record("neobert", score=0.9)
    folder = write_run(tmp_path / "runs", third, predictions_of(third))
    (folder / "run.json").write_text(json.dumps(without(third, lacking)))
    return tmp_path / "runs", folder.name


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [(("recipe",), "has no recipe"), (("task", "n_train"), "has no number at task.n_train")],
    ids=["recipe", "n_train"],
)
@pytest.mark.parametrize(
    "command",
    [
        ["compare", "bert", "roberta", "--resamples", "100"],
        ["export", "latex", "--to", "exports"],
        ["export", "results", "--to", "exports"],
        ["report", "--report", "report"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_every_command_names_an_incomplete_record_and_goes_on(tmp_path, monkeypatch, capsys, lacking, reason, command):
    monkeypatch.chdir(tmp_path)
    store, name = incomplete_store(tmp_path, lacking)
    assert run_command([*command, "--out", str(store)]) == 0
    told = capsys.readouterr().err
    assert told.count(name) == 1
    assert f"{reason}; it is left out" in told


def test_an_incomplete_record_is_no_estimate_of_a_sweep(tmp_path, capsys):
    store, _ = incomplete_store(tmp_path, ("recipe",))
    assert run_command(["sweep", "--models", "neobert", "--tasks", "ner", "--dry-run", "--out", str(store)]) == 0
    assert "no estimate" in capsys.readouterr().err


def test_an_incomplete_record_is_no_side_of_a_comparison(tmp_path, capsys):
    store, name = incomplete_store(tmp_path, ("recipe",))
    assert run_command(["compare", str(store / name), "bert", "--out", str(store)]) == 2
    assert "holds no finished run" in capsys.readouterr().err
    assert {record["model"]["name"] for record in Store(store).records()} == {"bert", "roberta"}
