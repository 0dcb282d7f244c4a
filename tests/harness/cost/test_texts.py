"""A user's own texts: what is read, and how much padding their batches need."""

import json

import pytest

from harness.cost.texts import Texts, cut_lengths, padding_share, read_texts, told
from harness.errors import InputError
from models.tokenizer import embedded


def test_texts_are_lines_or_objects_with_a_text(tmp_path):
    plain, rows = tmp_path / "a.txt", tmp_path / "b.jsonl"
    plain.write_text("one text\n\nanother\n", encoding="utf-8")
    rows.write_text("\n".join(json.dumps({"text": text, "stars": 5}) for text in ("one text", "another")))
    assert read_texts(str(plain)) == Texts("a.txt", ("one text", "another"), 2)
    assert read_texts(str(rows)).texts == ("one text", "another")


@pytest.mark.parametrize("sign", ["\u2028", "\u0085", "\f", "\x1c"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_only_line_ends_divide_texts_and_a_byte_order_mark_is_none(tmp_path, sign, end, mark):
    expected = (f"one{sign}text", "another")
    plain, rows = tmp_path / "a.txt", tmp_path / "b.jsonl"
    plain.write_bytes(f"{mark}{end.join(expected)}{end}".encode())
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in expected]
    rows.write_bytes(f"{mark}{end.join(lines)}{end}".encode())
    assert read_texts(str(plain)).texts == read_texts(str(rows)).texts == expected


def test_a_large_file_is_represented_by_some_of_its_texts(tmp_path):
    file = tmp_path / "many.txt"
    file.write_text("\n".join(f"text {number}" for number in range(2000)))
    texts = read_texts(str(file))
    assert (len(texts.texts), texts.in_file) == (512, 2000)
    assert texts == read_texts(str(file))
    assert max(int(text.split()[1]) for text in texts.texts) > 1900


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", b"", "holds no texts"),
        ("a.txt", b"\n  \n", "holds no texts"),
        ("a.txt", b"\xff\xfe\x00\x01", "is not text in UTF-8"),
        ("a.txt", b"a\x00b", "is not text"),
        ("a.jsonl", b'{"text": "a"}\n{"txt": "b"}', 'line 2 of .* has no "text"'),
        ("a.jsonl", b'{"text": 3}', 'line 1 of .* has no "text"'),
        ("a.jsonl", b"a text", "line 1 of .* is not JSON"),
        ("a.jsonl", b"[1]", "line 1 of .* is not a JSON object"),
        ("a.jsonl", b"\xff", "line 1 of .* is not UTF-8"),
    ],
)
def test_what_is_no_file_of_texts_is_one_sentence(name, content, sentence, tmp_path):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError, match=sentence) as error:
        read_texts(str(file))
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="there is no file"):
        read_texts(str(tmp_path / "missing"))


def test_lengths_are_those_of_the_tokenizer_and_longest_first():
    texts = Texts("a", ("the", "the file is read", "a " * 100), 3)
    ids = [len(embedded()(text)["input_ids"]) for text in texts.texts]
    assert cut_lengths(texts, embedded(), None) == tuple(sorted(ids, reverse=True))
    assert cut_lengths(texts, embedded(), 16)[0] == 16


def test_padding_is_the_share_of_positions_without_a_token():
    assert padding_share([10, 10, 5, 1], 2) == pytest.approx(1 - 26 / 30)
    assert padding_share([10, 1, 10, 5], 1) == 0
    line = told(Texts("mine.txt", ("a", "b"), 900), "bert", [10, 10, 5, 1], [1, 2])
    assert "mine.txt: 900 texts, 4 of them drawn; bert: 8 tokens at the median" in line
    assert "padding 13% at batch 2" in line
