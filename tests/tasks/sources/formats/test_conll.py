import pytest

from harness.errors import InputError
from tasks.sources.formats import conll
from tasks.sources.splits import files_identity

GOOD = "Ada\tB-PER\nmet\tO\n\nOslo\tB-LOC\n"


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.conll").write_text(GOOD, encoding="utf-8")
    return tmp_path


def test_sentences_are_read_with_their_tags(folder):
    splits, notes = conll.load(folder)
    assert [sentence.tokens for sentence in splits["dev"]] == [("Ada", "met"), ("Oslo",)]
    assert splits["dev"][0].tags == ("B-PER", "O")
    assert splits["dev"][1].id == "dev.conll:4"
    assert notes == ()


def test_windows_line_ends_a_bom_docstart_and_blank_columns_read_the_same(folder):
    text = "\ufeff-DOCSTART- -X- O O\r\n\r\nAda NNP B-NP B-PER\r\nmet VBD B-VP O\r\n\r\n\r\nOslo NNP B-NP B-LOC"
    (folder / "test.conll").write_bytes(text.encode())
    splits, _ = conll.load(folder)
    assert [(s.tokens, s.tags) for s in splits["test"]] == [(s.tokens, s.tags) for s in splits["dev"]]


def test_iob1_is_converted_and_said(folder):
    (folder / "train.conll").write_text("Ada\tI-PER\nLovelace\tI-PER\nAlan\tB-PER\n\nOslo\tI-LOC\n")
    splits, notes = conll.load(folder)
    assert splits["train"][0].tags == ("B-PER", "I-PER", "B-PER")
    assert splits["train"][1].tags == ("B-LOC",)
    assert notes == ("train.conll is IOB1; 2 tags were converted to IOB2",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no sentence"),
        (b"\n\n\n", "holds no sentence"),
        (b"Ada\tB-PER\nmet\n", r"train.conll:2 has 1 column\(s\) instead of 2"),
        (b"Ada\n", r"train.conll:1 has 1 column\(s\) instead of a token, a tab and a tag"),
        (b"Ada\tB-PER\nmet\tx\tO\n", r"train.conll:2 has 3 column\(s\) instead of 2"),
        (b"Ada\tPER\n", r"train.conll:1 has the tag 'PER', which is not O, B-TYPE or I-TYPE"),
        (b"Ada\tX-PER\n", r"train.conll:1 has the tag 'X-PER', which is not O, B-TYPE or I-TYPE"),
        (b"Ada\tB-PER\nM\xfcller\tI-PER\n", r"train.conll:2 is not UTF-8 \(byte 0xfc\)"),
        (b"Ada\tO\n", "holds no entity"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(folder, content, message):
    (folder / "train.conll").write_bytes(content)
    with pytest.raises(InputError, match=message):
        conll.load(folder)


def test_a_type_that_train_never_has_is_refused(folder):
    (folder / "test.conll").write_text("Ada\tB-PER\nx\tB-DRUG\n")
    with pytest.raises(InputError, match=r"test.conll:2 has the type 'DRUG', which train.conll never has"):
        conll.load(folder)


def test_a_missing_split_is_named(folder):
    (folder / "train.conll").unlink()
    with pytest.raises(InputError, match=r"train.conll is missing"):
        conll.load(folder)


def test_the_identity_follows_the_content(folder):
    before = files_identity(conll.files(folder))
    assert files_identity(conll.files(folder)) == before
    (folder / "dev.conll").write_text(GOOD + "\nBergen\tB-LOC\n")
    assert files_identity(conll.files(folder)) != before


def test_the_real_datasets_have_the_documented_counts(shared):
    splits, notes = conll.load(shared / "data" / "ner" / "wnut17")
    assert {split: len(sentences) for split, sentences in splits.items()} == {"train": 3394, "dev": 1009, "test": 1287}
    entities = {split: sum(tag[0] == "B" for s in sentences for tag in s.tags) for split, sentences in splits.items()}
    assert entities == {"train": 1975, "dev": 836, "test": 1079}
    assert notes == ()
