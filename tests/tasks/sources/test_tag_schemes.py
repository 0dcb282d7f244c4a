"""Every tag scheme gives the same entities, and so the same dataset, as IOB2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from harness.errors import InputError
from tasks.ner import NER
from tasks.sources.formats import conll
from tasks.sources.sentence import Sentence
from tasks.sources.splits import fingerprint
from tasks.sources.tag_schemes import entities, fits, written

SCHEMES = ["IOB2", "IOB1", "BIOES", "BILOU", "BMES", "BMEWO", "IOE2", "IO"]
KINDS = st.sampled_from(["PER", "LOC", "creative-work", "B"])


def tags_of(spans, length, scheme):
    """The tags of a sentence, written token by token; by no code of the reader."""
    tags = ["O"] * length
    for start, end, kind in spans:
        for place in range(start, end):
            first, last = place == start, place == end - 1
            touches = (start, kind) in {(other_end, other) for _, other_end, other in spans}
            if scheme == "IO":
                letter = "I"
            elif scheme == "IOB1":
                letter = "B" if first and touches else "I"
            elif scheme == "IOB2":
                letter = "B" if first else "I"
            elif scheme == "IOE2":
                letter = "E" if last else "I"
            else:
                begin, inner, end_, only = {"BIOES": "BIES", "BILOU": "BILU", "BMES": "BMES", "BMEWO": "BMEW"}[scheme]
                letter = only if first and last else begin if first else end_ if last else inner
            tags[place] = f"{letter}-{kind}"
    return tags


@st.composite
def sentences(draw, apart=False):
    """Entities that do not overlap, and the length of the sentence; `apart` keeps those of one type from touching."""
    spans, place = [], 0
    for gap, length, kind in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), KINDS), max_size=6)):
        if apart and spans and gap == 0 and spans[-1][2] == kind:
            gap = 1
        spans.append((place + gap, place + gap + length, kind))
        place += gap + length
    return spans, place + draw(st.integers(0, 2))


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme != "IO"])
@given(sentences())
def test_entities_are_read_from_every_scheme(scheme, sentence):
    spans, length = sentence
    assert entities(tags_of(spans, length, scheme)) == spans
    assert written(spans, length, scheme) == tags_of(spans, length, scheme)


@given(sentences(apart=True))
def test_entities_of_io_are_read_where_those_of_a_type_do_not_touch(sentence):
    spans, length = sentence
    assert entities(tags_of(spans, length, "IO")) == spans


@given(
    st.lists(st.sampled_from(["O", *(f"{letter}-{kind}" for letter in "BIELMSUW" for kind in ("X", "Y"))]), max_size=12)
)
def test_any_tags_give_entities_that_cover_every_token_with_a_tag_once(tags):
    found = entities(tags)
    covered = [place for start, end, _ in found for place in range(start, end)]
    assert covered == [place for place, tag in enumerate(tags) if tag != "O"]
    assert all({tag[2:] for tag in tags[start:end]} == {kind} for start, end, kind in found)


@given(st.lists(st.sampled_from(["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in ("X", "Y"))]), max_size=12))
def test_irregular_tags_are_read_as_the_successors_of_conlleval_read_them(tags):
    assert entities(tags) == [(start, end + 1, kind) for kind, start, end in get_entities(tags)]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_scheme_of_a_file_is_recognised(scheme):
    spans = [[(0, 1, "X"), (2, 5, "X"), (5, 6, "Y"), (7, 9, "X")]]
    if scheme != "IO":
        spans.append([(0, 2, "X"), (2, 4, "X")])
    tags = [tags_of(one, 10, scheme) for one in spans]
    assert fits({"train": tags})["train"].scheme == scheme
    assert not fits({"train": tags})["train"].irregular


def test_a_file_that_fits_several_schemes_is_of_that_which_fits_the_dataset_best():
    touching = [["I-X", "B-X"]]
    assert fits({"train": touching, "test": [["I-X"]]})["test"].scheme == "IOB1"
    assert fits({"train": [["I-X", "I-X"]], "test": [["I-X"]]})["test"].scheme == "IO"
    assert fits({"train": [["B-X", "M-X", "E-X"]], "test": [["S-X"]]})["test"].scheme == "BMES"
    assert fits({"train": [["U-X"], ["B-X", "L-X"]], "test": [["B-X", "I-X"]]})["test"].scheme == "IOB2"


def write(folder, scheme, sentences):
    folder.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        blocks = []
        for tokens, tags in sentences[split]:
            new = tags_of(entities(tags), len(tags), scheme)
            blocks.append("".join(f"{token}\t{tag}\n" for token, tag in zip(tokens, new, strict=True)))
        (folder / f"{split}.conll").write_text("\n".join(blocks), encoding="utf-8")


SMALL = [
    (
        ("Ada", "King", "met", "Alan", "in", "New", "York", "City"),
        ("B-PER", "I-PER", "O", "B-PER", "O", "B-LOC", "I-LOC", "I-LOC"),
    ),
    (("Oslo", "Rome", "Ada"), ("B-LOC", "B-LOC", "B-PER")),
    (("Nothing", "here"), ("O", "O")),
]


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme != "IO"])
def test_a_dataset_is_the_same_in_every_scheme(tmp_path, scheme):
    sentences = dict.fromkeys(("train", "dev", "test"), SMALL)
    write(tmp_path / "ner" / "iob2", "IOB2", sentences)
    write(tmp_path / "ner" / "copy", scheme, sentences)
    original, copy = (NER.load(name, str(tmp_path)) for name in ("iob2", "copy"))
    assert (copy.fingerprint, copy.labels) == (original.fingerprint, original.labels)
    assert len(copy.notes) == (0 if scheme == "IOB2" else 3)
    if scheme == "BIOES":
        assert copy.notes[0] == "train.conll is BIOES; 6 tags were converted to IOB2"
    strict = NER.with_strict_tags().load("copy", str(tmp_path))
    assert strict.fingerprint == original.fingerprint


@pytest.fixture(scope="module")
def uner_ewt(shared):
    """Dev and test of a real dataset, and every fourth sentence of its train."""
    data = NER.load("uner_ewt", str(shared / "data"))
    splits = data.splits | {"train": data.splits["train"][::4]}
    pairs = {split: [(one.tokens, one.tags) for one in sentences] for split, sentences in splits.items()}
    return fingerprint(splits), pairs


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme != "IOB2"])
def test_a_real_dataset_is_the_same_in_every_scheme(tmp_path, uner_ewt, scheme):
    fingerprint_, real = uner_ewt
    if scheme == "IO":  # which cannot say where one of two touching entities ends
        real = {
            split: [
                (tokens, written(entities(["I" + tag[1:] if tag != "O" else tag for tag in tags]), len(tags)))
                for tokens, tags in sentences
            ]
            for split, sentences in real.items()
        }
        splits = {split: [Sentence(*pair, "") for pair in sentences] for split, sentences in real.items()}
        fingerprint_ = fingerprint(splits)
    write(tmp_path / "ner" / "copy", scheme, real)
    copy = NER.load("copy", str(tmp_path))
    assert copy.fingerprint == fingerprint_
    assert all(f"{split}.conll is {scheme}; " in note for split, note in zip(real, copy.notes, strict=True))


CONLL_2003 = "EU\tI-ORG\nrejects\tO\n\n" * 40 + "Ada\tI-PER\nAlan\tB-PER\n\nOslo\tB-LOC\nat\tO\nRome\tB-LOC\n"
"""IOB1 with two tags, in lines 124 and 126, that IOB1 would not have."""


def test_irregular_tags_are_read_as_conlleval_does_and_counted(tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.conll").write_text(CONLL_2003)
    splits, notes = conll.load(tmp_path)
    assert notes[0] == (
        "train.conll is IOB1 except for 2 irregular tags of 85, read as by conlleval (the first in line 124); "
        "41 tags were converted to IOB2"
    )
    assert [one.tags for one in splits["train"][-2:]] == [("B-PER", "B-PER"), ("B-LOC", "O", "B-LOC")]
    with pytest.raises(
        InputError, match=r"train.conll:124 has the tag 'B-LOC' where IOB1.* has 'I-LOC'.*--strict-tags"
    ):
        conll.load(tmp_path, strict_tags=True)


def test_an_entity_of_iob2_that_begins_with_i_is_an_entity(tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.conll").write_text("Ada\tB-PER\nKing\tI-PER\n\nOslo\tO\nat\tI-PER\nRome\tI-PER\n")
    splits, notes = conll.load(tmp_path)
    assert splits["test"][1].tags == ("O", "B-PER", "I-PER")
    assert notes[2] == (
        "test.conll is IOB2 except for 1 irregular tags of 5, read as by conlleval (the first in line 5); "
        "1 tags were converted to IOB2"
    )
