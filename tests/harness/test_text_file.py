"""Text files are written whole or not at all."""

import pytest

from harness.text_file import write_whole


def test_a_file_is_replaced(tmp_path):
    file = tmp_path / "table.md"
    file.write_text("old")
    assert write_whole(file, "é\n") == file
    assert file.read_text(encoding="utf-8") == "é\n"
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_leaves_the_old_file_and_no_remnant(tmp_path):
    file = tmp_path / "table.md"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "half of a pair: \udc80")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
