"""Foul JSON and TOML: every reader answers with a reason in words, whatever the file holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import run_command
from harness.json_file import LONGEST_INTEGER, MOST_NESTED, JsonError, parse_json
from harness.store import Store
from harness.store.record_file import DamagedError, read_sealed
from tests.records import run_record, write_run

DEEP = "[" * 100_000
DEEP_BUT_READ_BY_PYTHON = "[" * 500 + "]" * 500
FOUL = {
    "deep": DEEP.encode(),
    "deep and closed": DEEP_BUT_READ_BY_PYTHON.encode(),
    "deep objects": b'{"a":' * 100_000,
    "integer": b"[" + b"9" * 5000 + b"]",
    "integer without a float": b"[" + b"9" * 400 + b"]",
    "bytes": b'{"a": "\xff\xfe"}',
    "cut": b'{"a": [1,',
}


@pytest.mark.parametrize("content", FOUL.values(), ids=FOUL)
def test_what_is_no_usable_json_is_one_error_with_a_reason(content):
    with pytest.raises(JsonError, match=r"^(is not JSON|is not UTF-8|nests brackets more than|holds an integer of)"):
        parse_json(content)


def test_the_place_of_a_defect_is_named_once():
    with pytest.raises(JsonError, match=r"^is not JSON: Unterminated string starting at column 7$"):
        parse_json('{"a": "cut')


def test_what_people_write_is_read():
    nested = "[" * MOST_NESTED + "]" * MOST_NESTED
    assert json.dumps(parse_json(nested)) == nested
    long = int("9" * LONGEST_INTEGER)
    assert parse_json(f'{{"a": [1, -2, 1.5, null, "é"], "b": {long}}}') == {"a": [1, -2, 1.5, None, "é"], "b": long}
    with pytest.raises(JsonError):
        parse_json("[" + nested + "]")


@given(st.binary() | st.text('[]{}":,0123456789e.-tfn \\u').map(str.encode))
def test_any_bytes_are_a_value_or_an_error(content):
    try:
        value = parse_json(content)
    except JsonError:
        return
    assert json.loads(content) == value or value != value  # NaN


@pytest.mark.parametrize("content", FOUL.values(), ids=FOUL)
def test_a_foul_record_is_named_and_left_out_and_the_others_are_read(content, tmp_path):
    whole = run_record()
    write_run(tmp_path, whole)
    foul = tmp_path / "foul"
    foul.mkdir()
    (foul / "run.json").write_bytes(content)
    problems: list[str] = []
    assert [record["key"] for record in Store(tmp_path).records(on_problem=problems.append)] == [whole["key"]]
    assert len(problems) == 1
    assert str(foul / "run.json") in problems[0]
    with pytest.raises(DamagedError):
        read_sealed(foul / "run.json")


@pytest.mark.parametrize("content", FOUL.values(), ids=FOUL)
def test_foul_files_of_others_are_one_sentence_and_exit_code_2(content, tmp_path, capsys):
    file, weights = tmp_path / "foul.json", tmp_path / "weights"
    weights.mkdir()
    for target in (file, weights / "config.json", weights / "run.json"):
        target.write_bytes(content)
    commands = (
        ["import", "encodeval", str(file), "--model", "m", "--dataset", "d"],
        ["import", "mteb", str(file), "--model", "m"],
        ["regress", "--baseline", str(file)],
        ["run", "--model", "bert", "--task", "ner", "--weights", str(weights)],
        ["export", str(weights)],
    )
    for command in commands:
        out = ["--out", str(tmp_path / "out")]
        assert run_command([*command, *out]) == 2, command
        error = capsys.readouterr().err
        assert error.startswith("harness: ")
        assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content", [b"models = " + DEEP.encode(), b"seeds = " + b"9" * 5000, b'models = "\xff"', b"\x00"]
)
def test_a_foul_toml_file_is_one_sentence_and_exit_code_2(content, tmp_path, capsys):
    (tmp_path / "grid.toml").write_bytes(content)
    assert run_command(["sweep", str(tmp_path / "grid.toml"), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"harness: {tmp_path / 'grid.toml'} ")
    assert error.count("\n") == 1
