"""Which lines of CoNLL files are tokens, and which of their columns are the token and its tag."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from tasks.ner import NER
from tasks.sources.columns import numbers_tokens
from tasks.sources.formats import conll

TOKENS = ("Ada", "King", "saw", "New", "York")
TAGS = ("B-PER", "I-PER", "O", "B-LOC", "I-LOC")


def write(folder, *sentences, **splits):
    """The same sentences in every split, unless a split has its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev", "test"):
        text = "\n\n".join(splits.get(split, sentences)) + "\n"
        (folder / f"{split}.conll").write_text(text, encoding="utf-8")
    return folder


def lines(*columns, sep="\t"):
    return "\n".join(sep.join(map(str, row)) for row in zip(*columns, strict=True))


def read(folder, split="test"):
    splits, notes = conll.load(folder)
    return [(one.tokens, one.tags) for one in splits[split]], notes


NONE = ("O",) * 5
LAYOUTS = {
    "number, token, tag": lines(range(1, 6), TOKENS, TAGS),
    "from 0": lines(range(5), TOKENS, TAGS),
    "through the document": lines(range(118, 123), TOKENS, TAGS),
    "blanks": lines(range(1, 6), TOKENS, TAGS, sep="  "),
    "GermEval": "#\thttp://de.wikipedia.org/wiki/Ada [2009-10-17]\n"
    + lines(range(1, 6), TOKENS, TAGS, ("O", "O", "O", "O", "B-LOC")),
    "GermEval without nested entities": lines(range(1, 6), TOKENS, TAGS, NONE),
    "chunks before the tags": lines(range(1, 6), TOKENS, ("B-NP", "I-NP", "B-VP", "B-NP", "I-NP"), TAGS),
    "Universal NER": "# sent_id = x\n# text = Ada King saw New York\n"
    + lines(range(1, 6), TOKENS, TAGS, ["-"] * 5, ["someone"] * 5),
    "CoNLL-U": lines(
        range(1, 6),
        TOKENS,
        *[["_"] * 5] * 7,
        ["NER=B-PER", "A=b|NER=I-PER", "_", "NER=B-LOC|SpaceAfter=No", "NE=I-LOC"],
    ),
    "CoNLL-U with multiword tokens and empty nodes": lines(
        ("1-2", 1, 2, 3, "3.1", 4, 5),
        ("AdaKing", "Ada", "King", "saw", "it", "New", "York"),
        *[["_"] * 7] * 7,
        ("_", "B-PER", "I-PER", "O", "O", "B-LOC", "I-LOC"),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_second_column_is_the_token_where_the_first_numbers_them(tmp_path, layout):
    sentences, notes = read(write(tmp_path, LAYOUTS[layout], LAYOUTS[layout]))
    assert sentences == [(TOKENS, TAGS)] * 2
    assert any(
        note.startswith(
            "the first column of test.conll numbers the tokens, so the second was read as the token (10 lines)"
        )
        for note in notes
    )


def test_the_column_of_tags_is_the_same_in_all_files(tmp_path):
    """Alone, the last column of test would pass for chunks or whatever else has no type of the third."""
    nested = lines(range(1, 6), TOKENS, TAGS, ("O", "O", "O", "O", "B-LOC"))
    alone = lines((1, 2), ("York", "Club"), ("B-PER", "I-PER"), ("B-LOC", "O"))
    sentences, _ = read(write(tmp_path, nested, test=[alone]))
    assert sentences == [(("York", "Club"), ("B-PER", "I-PER"))]


def test_numbers_that_are_tokens_stay_tokens(tmp_path):
    years = [lines(("7", "8", "cats"), NONE[:3]), lines(("In", "1990"), ("O", "B-DATE")), lines(("1",), ("O",))]
    pairs = (("3", "2"), ("1", "2"), ("a", "1"))
    with_pos = [lines(pair, ("CD", "CD"), ("B-DATE", "O")) for pair in pairs]
    assert [tokens for tokens, _ in read(write(tmp_path / "two", *years))[0]] == [
        ("7", "8", "cats"),
        ("In", "1990"),
        ("1",),
    ]
    assert [tokens for tokens, _ in read(write(tmp_path / "three", *with_pos))[0]] == [
        ("3", "2"),
        ("1", "2"),
        ("a", "1"),
    ]


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        (
            lines((1, 2, 4), ("a", "b", "c"), NONE[:3]),
            r"test.conll:11 begins with '4', but the first column .* numbers",
        ),
        (lines((1, "x"), ("a", "b"), NONE[:2]), r"test.conll:10 begins with 'x'"),
        ("x\ta\tO", r"test.conll:9 begins with 'x'"),
    ],
)
def test_a_file_that_loses_count_is_refused_by_line(tmp_path, sentence, message):
    counted = [lines((1, 2), ("Ada", "met"), ("B-PER", "O"))] * 2
    write(tmp_path, *counted, test=[*counted, "1\tOslo\tB-PER", sentence])
    with pytest.raises(InputError, match=message):
        conll.load(tmp_path)


def test_numbers_without_tokens_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"train.conll:1 has a number and a tag, but no token"):
        conll.load(write(tmp_path, lines((1, 2), ("B-PER", "O"))))


def test_several_columns_of_tags_before_the_last_are_refused(tmp_path):
    sentence = lines((1, 2), ("Ada", "met"), ("B-PER", "O"), ("B-NP", "B-VP"), ("x", "y"))
    with pytest.raises(InputError, match=r"train.conll has tags in its columns 3 and 4; leave one of them"):
        conll.load(write(tmp_path, sentence))


def test_numbered_data_are_other_data_than_when_the_numbers_were_tokens(tmp_path):
    plain, numbered = lines(TOKENS, TAGS), lines(range(1, 6), TOKENS, TAGS)
    assert conll.identity(write(tmp_path / "plain", plain)).isalnum()
    assert conll.identity(write(tmp_path / "numbered", "1\tAda\tB-PER", numbered)).endswith(" numbered")
    assert numbers_tokens(tmp_path / "numbered" / "train.conll")
    assert not numbers_tokens(tmp_path / "plain" / "train.conll")


SPACES = ("10\u00a0000", "\u3000", "\u00a0", "a\u2003b", "x\u0085y", "\u2028")


@pytest.mark.parametrize("sep", [" ", "\t", "   "])
def test_only_ascii_blanks_and_tabs_divide_columns(tmp_path, sep):
    tokens = ("Ada", *SPACES)
    sentences, notes = read(write(tmp_path, lines(tokens, ("B-PER", *["O"] * len(SPACES)), sep=sep)))
    assert sentences[0][0] == tokens
    assert notes == ()


COMMENTED = """\
# newdoc id = d
# text = Ada saw # 7
Ada{0}B-PER
#{0}O
#7{0}O

# text = O
#
#{0}O
Oslo{0}B-PER
"""


@pytest.mark.parametrize("sep", ["\t", " "])
def test_comments_are_passed_over_and_counted_and_hashes_stay_tokens(tmp_path, sep):
    sentences, notes = read(write(tmp_path, COMMENTED.format(sep)))
    assert [tokens for tokens, _ in sentences] == [("Ada", "#", "#7"), ("#", "Oslo")]
    assert notes[-1] == "4 comment lines of test.conll were skipped"


def test_marks_of_documents_are_passed_over(tmp_path):
    text = ["-DOCSTART- -X- -X- O", "#begin document (a); part 0\nAda NNP B-NP B-PER", "#end document", "-DOCSTART- O"]
    sentences, notes = read(write(tmp_path, *text, train=["Ada NNP B-NP B-PER"], dev=["Ada NNP B-NP B-PER"]))
    assert sentences == [(("Ada",), ("B-PER",))]
    assert notes == ("2 comment lines of test.conll were skipped",)
    numbered = ["1\t-DOCSTART-\tO", lines(range(1, 6), TOKENS, TAGS)]
    assert read(write(tmp_path, *numbered))[0] == [(TOKENS, TAGS)]


def test_a_comment_within_a_sentence_and_a_file_of_comments_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"train.conll:2 has 3 column\(s\) instead of 2"):
        conll.load(write(tmp_path, "Ada\tB-PER\n# a comment"))
    with pytest.raises(InputError, match=r"train.conll holds no sentence"):
        conll.load(write(tmp_path, "# a comment\n# another"))


def test_what_is_absurdly_long_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"train.conll:1 has a tag of 5,002 characters, 'B-xxx.*at most 256"):
        conll.load(write(tmp_path / "tag", "Ada\tB-" + "x" * 5000))
    with pytest.raises(InputError, match=r"train.conll:1 begins a sentence of 5,000,001 characters.*empty line"):
        conll.load(write(tmp_path / "token", f"{'x' * 2_500_000}\tB-X\n{'y' * 2_500_001}\tO"))


WORDS = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda text: text.strip() and text == text.strip(" ") and not text.startswith(("#", "-DOCSTART-", "\ufeff"))
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=5), min_size=1, max_size=4))
def test_any_words_are_read_back_with_and_without_numbers(tmp_path_factory, sentences):
    folder = tmp_path_factory.mktemp("words")
    sentences.append(["the", "end"])
    tags = [["B-X"] * len(words) for words in sentences]
    plain = [lines(words, marks) for words, marks in zip(sentences, tags, strict=True)]
    numbered = [lines(range(1, len(words) + 1), words, marks) for words, marks in zip(sentences, tags, strict=True)]
    for name, text in (("plain", plain), ("numbered", numbered)):
        read_back, _ = read(write(folder / "ner" / name, *text))
        assert [list(tokens) for tokens, _ in read_back] == sentences
    loaded = [NER.load(name, str(folder)).fingerprint for name in ("plain", "numbered")]
    assert loaded[0] == loaded[1]


@pytest.mark.parametrize("sentence", ["\tO\nAda\tB-PER", "1\tAda\tB-PER\n2\t \tO"])
def test_a_line_without_a_token_is_malformed(tmp_path, sentence):
    number = 1 + sentence.split("\n").index(next(line for line in sentence.split("\n") if line.endswith("\tO")))
    with pytest.raises(InputError, match=rf"train.conll:{number} has no token before the tag 'O'; put"):
        read(write(tmp_path, sentence))


def test_lines_may_end_in_any_usual_way(tmp_path):
    sentences = [lines(TOKENS, TAGS)] * 2
    expected = read(write(tmp_path / "lf", *sentences))
    for name, end in (("cr", b"\r"), ("crlf", b"\r\n")):
        folder = write(tmp_path / name, *sentences)
        for file in folder.iterdir():
            file.write_bytes(file.read_bytes().replace(b"\n", end))
        assert read(folder) == expected
