import json
import multiprocessing
import os

import pytest

from harness.config import Cell, Recipe
from harness.errors import InputError
from harness.store import Store, read_record

CELL = Cell("avey-b", "tiny", "scratch", "ner/docstrings", Recipe(), 0, "weights", "data")
RECORD = {"schema_version": 1, "key": CELL.key, "status": "ok", "model": {}, "task": {}, "scores": {"test": {"f": 1.0}}}


def test_a_written_run_is_found_with_its_predictions(tmp_path):
    store = Store(tmp_path / "runs")
    assert store.find(CELL) is None
    folder = store.write(CELL, RECORD, [{"id": "a", "gold": ["ü"]}, {"id": "b"}])
    assert store.find(CELL) == RECORD
    first = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()[0]
    assert json.loads(first)["gold"] == ["ü"]
    assert list(store.records()) == [RECORD]


def test_writing_again_replaces_and_leaves_nothing_else(tmp_path):
    store = Store(tmp_path)
    store.write(CELL, RECORD, [])
    store.write(CELL, RECORD | {"seed": 7}, [])
    assert store.find(CELL)["seed"] == 7
    assert [path.name for path in tmp_path.iterdir()] == [store.path_of(CELL).name]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"schema_version": 99}', '{"schema_version": 1}', "\udcff"]
)
def test_a_record_that_is_not_whole_is_no_record(tmp_path, content):
    file = tmp_path / "run.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert read_record(file) is None


def test_a_failure_while_writing_leaves_nothing(tmp_path):
    def rows():
        yield {"id": "a"}
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"No space left on device.*--out"):
        Store(tmp_path).write(CELL, RECORD, rows())
    assert list(tmp_path.iterdir()) == []


def test_names_cannot_leave_the_folder(tmp_path):
    cell = Cell("../../evil", "tiny", "scratch", "ner/../../x", Recipe(), 0, "w", "d")
    assert Store(tmp_path).path_of(cell).parent == tmp_path


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX")
def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot be written.*--out"):
        Store(tmp_path / "file" / "runs").check_writable()


def _write_forever(folder):
    while True:
        Store(folder).write(CELL, RECORD, ({"id": str(number)} for number in range(300)))


def test_a_killed_writer_leaves_a_whole_record_or_none(tmp_path):
    context = multiprocessing.get_context("fork")
    for delay in (0.01, 0.03, 0.05, 0.08):
        writer = context.Process(target=_write_forever, args=(tmp_path,))
        writer.start()
        writer.join(delay)
        writer.kill()
        writer.join()
        found = Store(tmp_path).find(CELL)
        if found is not None:
            assert found == RECORD
            assert len((Store(tmp_path).path_of(CELL) / "predictions.jsonl").read_text().splitlines()) == 300
        assert all(record == RECORD for record in Store(tmp_path).records())
