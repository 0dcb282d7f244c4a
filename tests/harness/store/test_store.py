import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cells.cell import Cell
from harness.cells.recipe import Recipe
from harness.errors import InputError
from harness.store import Key, Store, read_record
from harness.store.record_file import is_finished, sealed
from tests.records import failure_record, run_record

CELL = Cell(
    "avey-b", "tiny", "scratch", "ner/docstrings", Recipe(), 0, weights_identity="weights", data_identity="data"
)


def as_read(record):
    """A record as its file gives it back: lists where it has tuples."""
    return json.loads(json.dumps(record))


RECORD = as_read(run_record(CELL.model, CELL.task, key=CELL.key, score=1.0))


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


@pytest.mark.parametrize(
    "model", ["../../evil", "..", ".hidden", "/etc/passwd", "a\0b", "x" * 5000, "\udc80", "-", " "]
)
def test_names_cannot_leave_the_folder_nor_hide_in_it(tmp_path, model):
    cell = Cell(model, "tiny", "scratch", "ner/../../x", Recipe(), 0, weights_identity="w", data_identity="d")
    record = as_read(run_record(model, cell.task, key=cell.key))
    folder = Store(tmp_path).write(cell, record, [{"id": model}])
    assert folder.parent == tmp_path
    assert folder == Store(tmp_path).folder_of(record)
    assert list(Store(tmp_path).records()) == [record]
    assert Store(tmp_path).predictions(record) == [{"id": model}]


def test_what_is_damaged_is_named_and_left_out(tmp_path):
    store = Store(tmp_path)
    cells = [replace(CELL, seed=seed) for seed in range(6)]
    files = [store.write(cell, RECORD | {"key": cell.key, "seed": cell.seed}, []) / "run.json" for cell in cells]
    whole = files[0].read_bytes()
    files[1].write_bytes(whole[: len(whole) // 2])
    files[2].write_bytes(files[2].read_bytes().replace(b'_strict": 1.0', b'_strict": 2.0'))
    newer = json.loads(files[3].read_text()) | {"schema_version": 2}
    files[3].write_text(json.dumps({name: value for name, value in newer.items() if name != "sha256"}))
    files[4].write_bytes(b"\0" * 4096)
    files[5].unlink()
    problems = []
    assert [record["seed"] for record in store.records(on_problem=problems.append)] == [0]
    reasons = [next((p.partition(" ")[2] for p in problems if p.startswith(str(file))), None) for file in files]
    assert [reason and re.sub(r"JSON:.*;", "JSON;", reason) for reason in reasons] == [
        None,
        "is cut off or damaged: it is not JSON; it is left out",
        "was changed since it was written: its digest does not match; it is left out",
        "is of a newer harness: schema 2, and this one reads 1; it is left out",
        "is cut off or damaged: it is not JSON; it is left out",
        None,
    ]
    readable = [cell for cell in cells if cell.seed != 3]
    assert [store.has(cell) for cell in readable] == [True, False, False, False, False]
    assert [store.find(cell) is not None for cell in readable] == [store.has(cell) for cell in readable]


@pytest.mark.parametrize("name", ["{} (copy)", "Copy of {}", "0-{}"])
def test_a_copied_folder_is_named_and_the_original_counts_with_its_predictions(tmp_path, name):
    store = Store(tmp_path)
    folder = store.write(CELL, RECORD, [{"id": "old"}])
    shutil.copytree(folder, tmp_path / name.format(folder.name))
    again = RECORD | {"seed": 7}
    store.write(CELL, again, [{"id": "new"}])
    problems = []
    assert list(store.records(on_problem=problems.append)) == [again]
    assert store.predictions(again) == [{"id": "new"}]
    copied = tmp_path / name.format(folder.name) / "run.json"
    assert problems == [f"{copied} repeats the record in {folder.name}; it is left out"]


def test_of_copies_without_an_original_one_counts(tmp_path):
    store = Store(tmp_path)
    folder = store.write(CELL, RECORD, [])
    for name in ("b", "a"):
        shutil.copytree(folder, tmp_path / name)
    (folder / "run.json").write_text("{")
    problems = []
    assert list(store.records(on_problem=problems.append)) == [RECORD]
    assert [problem.partition(" ")[0] for problem in problems] == [
        str(tmp_path / name / "run.json") for name in (folder.name, "b")
    ]


def test_a_failure_that_was_copied_before_its_cell_was_run_again_is_no_failure(tmp_path):
    store = Store(tmp_path)
    failure = failure_record(CELL.model, CELL.task, key=CELL.key)
    folder = store.write(CELL, failure, None)
    shutil.copytree(folder, tmp_path / f"Copy of {folder.name}")
    assert list(store.records("failure")) == [failure]
    store.write(CELL, RECORD, [])
    assert list(store.records("failure")) == []
    assert list(store.records()) == [RECORD]


def test_a_record_of_a_newer_harness_is_refused_and_not_run_over(tmp_path):
    store = Store(tmp_path)
    store.training_folder(CELL).mkdir()
    file = store.write(CELL, RECORD | {"schema_version": 2}, []) / "run.json"
    content = file.read_bytes()
    for ask in (store.has, store.find, store.read):
        with pytest.raises(
            InputError, match=r"newer harness: schema 2, .*; update the harness, or choose another folder"
        ):
            ask(CELL)
    store.tidy()
    assert file.read_bytes() == content


@given(st.data())
@settings(deadline=None)
def test_any_flipped_bit_and_any_cut_is_seen(data):
    content = sealed(RECORD | {"seed": 3, "error": "ü"}, "digest")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.json"
        if data.draw(st.booleans()):
            changed = content[: data.draw(st.integers(0, len(content) - 2))]  # the last newline alone says nothing
        else:
            place = data.draw(st.integers(0, len(content) * 8 - 1))
            flipped = bytearray(content)
            flipped[place // 8] ^= 1 << place % 8
            changed = bytes(flipped)
        file.write_bytes(changed)
        found = read_record(file)
        # A flip in the name of the digest leaves a record without one, and all of the run as it was.
        assert found is None or {name: found.get(name) for name in RECORD} == RECORD
        assert is_finished(file) == (found is not None)


def test_predictions_that_changed_or_are_missing_are_refused_by_name(tmp_path):
    store = Store(tmp_path)
    rows = [{"id": "a", "text": "\u2028 and \udc80"}, {"id": "b"}]
    folder = store.write(CELL, RECORD, rows)
    assert store.predictions(RECORD) == rows
    file = folder / "predictions.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"b"', b'"c"'))
    with pytest.raises(InputError, match=r"predictions.jsonl is missing, or was changed.*--force"):
        store.predictions(RECORD)
    file.unlink()
    with pytest.raises(InputError, match="is missing, or was changed"):
        store.predictions(RECORD)
    store.write(CELL, RECORD | {"predictions": None}, None)
    assert store.predictions(RECORD | {"predictions": None}) == []


@pytest.mark.parametrize("killed_at", range(1, 8))
def test_at_every_step_of_replacing_a_run_one_of_both_is_there_as_a_whole(tmp_path, killed_at):
    """The writer ends at each of its changes to the disk in turn, as a kill would end it."""
    versions = [(RECORD | {"seed": seed}, [{"id": f"of {seed}"}] * 3) for seed in (1, 2)]
    store = Store(tmp_path)
    store.write(CELL, *versions[0])
    child = os.fork()
    if child == 0:
        steps = 0

        def stop(event, arguments):
            nonlocal steps
            if event in ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir") and str(tmp_path) in str(
                arguments[0]
            ):
                steps += 1
                if steps == killed_at:
                    os._exit(0)

        sys.addaudithook(stop)
        store.write(CELL, *versions[1])
        os._exit(7)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == (0 if killed_at < 7 else code)
    (record,) = store.records(on_problem=pytest.fail)
    assert (record, store.predictions(record)) in versions
    store.write(CELL, *versions[1])
    assert (store.find(CELL), store.predictions(versions[1][0])) == versions[1]
    assert sorted(path.name for path in store.path_of(CELL).iterdir()) == ["predictions.jsonl", "run.json"]


def test_a_full_disk_loses_no_earlier_run(small_disk):
    store = Store(small_disk / "out")
    store.write(CELL, RECORD, [{"id": "a"}])
    with pytest.raises(InputError, match="No space left on device"):
        store.write(CELL, RECORD | {"seed": 9}, ({"id": "x" * 2**20} for _ in range(30)))
    assert store.find(CELL) == RECORD
    assert sorted(path.name for path in store.path_of(CELL).iterdir()) == ["predictions.jsonl", "run.json"]
    with pytest.raises(InputError, match="No space left on device"):
        store.write(replace(CELL, seed=1), RECORD, ({"id": "x" * 2**20} for _ in range(30)))
    assert len(list(store.folder.iterdir())) == 1
    (small_disk / "ballast").write_bytes(bytes(3 * 2**20))
    with pytest.raises(InputError, match="has only 14 MiB left"):
        store.check_writable()


def test_one_process_holds_a_cell_until_it_ends_however_it_ends(tmp_path):
    store = Store(tmp_path)
    assert not store.is_being_run(CELL)
    reading, writing = os.pipe()
    holder = os.fork()
    if holder == 0:
        with store.lock(CELL):
            os.write(writing, b"x")
            time.sleep(600)
        os._exit(0)
    os.read(reading, 1)
    assert store.is_being_run(CELL)
    assert not store.is_being_run(replace(CELL, seed=1))
    with store.lock(CELL, wait=False) as free:
        assert not free
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    with store.lock(CELL, wait=False) as free:
        assert free
    assert list(tmp_path.iterdir()) == []


def _count_up(folder, times):
    store, file = Store(folder / "store"), folder / "count"
    for _ in range(times):
        with store.lock(CELL):
            count = int(file.read_text())
            time.sleep(0.0005)
            file.write_text(str(count + 1))


def test_holders_of_a_cell_never_meet(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "count").write_text("0")
    context = multiprocessing.get_context("fork")
    holders = [context.Process(target=_count_up, args=(tmp_path, 100)) for _ in range(4)]
    for holder in holders:
        holder.start()
    for holder in holders:
        holder.join()
    assert (tmp_path / "count").read_text() == "400"
    assert list((tmp_path / "store").iterdir()) == []


def left_training(store, cell, days_ago):
    """What a killed run leaves: a checkpoint, and the file of its lock."""
    checkpoint = store.training_folder(cell) / "checkpoint-5"
    checkpoint.mkdir(parents=True)
    (store.folder / f".lock-{store.path_of(cell).name}").touch()
    then = time.time() - days_ago * 24 * 3600
    for path in (checkpoint, store.training_folder(cell)):
        os.utime(path, (then, then))
    return store.training_folder(cell)


def hidden(folder):
    return {path.name for path in folder.iterdir() if path.name.startswith(".")}


def test_tidying_removes_what_killed_processes_left_and_nothing_of_use(tmp_path):
    store = Store(tmp_path)
    left_training(store, CELL, days_ago=1)
    store.write(CELL, RECORD, [])
    cut_off = left_training(store, replace(CELL, seed=1), days_ago=29)
    left_training(store, replace(CELL, seed=2), days_ago=31)
    store.tidy()
    assert hidden(tmp_path) == {cut_off.name}
    assert (cut_off / "checkpoint-5").is_dir()
    assert store.find(CELL) == RECORD


def test_tidying_keeps_the_checkpoints_of_a_finished_cell_that_is_run_anew(tmp_path):
    store = Store(tmp_path)
    folder = store.write(CELL, RECORD, [])
    os.utime(folder / "run.json", (0, 0))
    training = left_training(store, CELL, days_ago=1)
    store.tidy()
    assert hidden(tmp_path) == {training.name}


def test_tidying_keeps_old_checkpoints_that_are_in_use(tmp_path):
    store = Store(tmp_path)
    training = left_training(store, CELL, days_ago=400)
    with store.lock(CELL):
        store.tidy()
        assert (training / "checkpoint-5").is_dir()
    store.tidy()
    assert hidden(tmp_path) == set()


def test_tidying_keeps_checkpoints_of_which_the_last_is_recent(tmp_path):
    store = Store(tmp_path)
    training = left_training(store, CELL, days_ago=400)
    (training / "checkpoint-5" / "complete").touch()
    store.tidy()
    assert hidden(tmp_path) == {training.name}


def test_twenty_thousand_decisions_take_seconds(tmp_path):
    """`benchmarks/large_store.py` measures the whole of it; here a twentieth, with ample room for a busy machine."""
    store = Store(tmp_path)
    record = RECORD | {"losses": [[step, 1 / (step + 1)] for step in range(100)]}
    cells = [replace(CELL, seed=seed) for seed in range(1000)]
    for cell in cells:
        folder = store.path_of(cell)
        folder.mkdir()
        (folder / "run.json").write_bytes(sealed(record | {"key": cell.key}, None))
    began = time.process_time()
    assert all(store.has(cell) for cell in cells)
    assert time.process_time() - began < 0.5


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX")
def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot be written.*--out"):
        Store(tmp_path / "file" / "runs").check_writable()


RUN = as_read(run_record())


def _write_forever(folder):
    while True:
        Store(folder).write(Key.of(RUN), RUN, ({"id": str(number)} for number in range(300)))


def test_a_killed_writer_leaves_a_whole_record_or_none(tmp_path):
    context = multiprocessing.get_context("fork")
    for delay in (0.01, 0.03, 0.05, 0.08):
        writer = context.Process(target=_write_forever, args=(tmp_path,))
        writer.start()
        writer.join(delay)
        writer.kill()
        writer.join()
        found = Store(tmp_path).find(Key.of(RUN))
        if found is not None:
            assert found == RUN
            # Right after the record they may still have their temporary name, under which the store finds them.
            assert Store(tmp_path).all_predictions(found) == [{"id": str(number)} for number in range(300)]
        assert all(record == RUN for record in Store(tmp_path).records())
