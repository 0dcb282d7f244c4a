"""The family `lm`: what its files hold, how it scores, and that statistics can resample its rows."""

import json
import math

import pytest
from datasets import Dataset

from harness.errors import InputError
from tasks.lm import LM
from tasks.lm_measures import PAIRS, TEXT, PairScores, PassageLoss
from tasks.sources.formats import minimal_pairs
from tasks.sources.hub import rows as hub
from tasks.sources.hub.copies import copy_from_hub
from tasks.sources.minimal_pair import MinimalPair
from tasks.sources.passage import Passage
from tasks.task import measured

TABLE = "UID\tfield\tlinguistics_term\tpairs\na\tsyntax\tislands\t2\nb\tsyntax/semantics\tbinding\t1\n"


def line(good, bad, **others):
    return json.dumps({"sentence_good": good, "sentence_bad": bad, **others}) + "\n"


@pytest.fixture
def data(tmp_path):
    """A data folder with two paradigms in BLiMP's format, and texts in the three places where one may be."""
    folder = tmp_path / "blimp"
    folder.mkdir()
    (folder / "b.jsonl").write_text(line("She saw herself.", "She saw himself.", pairID="0"))
    (folder / "a.jsonl").write_text(line("A dog is here.", "A dog are here.") + line("We are here.", "We is here."))
    (folder / "paradigms.tsv").write_text(TABLE)
    (tmp_path / "lm" / "book").mkdir(parents=True)
    (tmp_path / "lm" / "book" / "test.txt").write_text("one\ntwo\n\n\nthree")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "heldout.txt").write_text("four\n")
    (tmp_path / "corpus" / "train.txt").write_text("five\n")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "novel.txt").write_text("six\n")
    return tmp_path


def test_pairs_are_read_by_paradigm_with_field_and_term(data):
    found = LM.for_dataset("blimp", str(data)).load("blimp", str(data)).splits["test"]
    assert [(pair.paradigm, pair.field, pair.term) for pair in found] == [
        ("a", "syntax", "islands"),
        ("a", "syntax", "islands"),
        ("b", "syntax_semantics", "binding"),
    ]
    assert (found[2].good, found[2].bad) == ("She saw herself.", "She saw himself.")


@pytest.mark.parametrize(
    ("dataset", "texts"), [("book", ["one\ntwo", "three"]), ("corpus", ["four"]), ("novel", ["six"])]
)
def test_a_text_is_read_from_each_place(data, dataset, texts):
    task = LM.for_dataset(dataset, str(data))
    assert task.metric == TEXT.metric
    found = task.load(dataset, str(data))
    assert [passage.text for passage in found.splits["test"]] == texts
    before = task.identity(dataset, str(data))
    assert task.identity(dataset, str(data)) == before


def test_a_folder_of_json_lines_is_minimal_pairs(data):
    (data / "blimp").rename(data / "lm" / "mine")
    assert LM.for_dataset("mine", str(data)).metric == PAIRS.metric


def test_the_identity_of_pairs_is_of_all_files_that_decide_them(data):
    task, seen = LM.for_dataset("blimp", str(data)), set()
    for name, text in {
        "a.jsonl": line("x y", "y x"),
        "paradigms.tsv": TABLE + "c\td\te\t1\n",
        "c.jsonl": line("p", "q"),
    }.items():
        seen.add(task.identity("blimp", str(data)))
        (data / "blimp" / name).write_text(text)
    assert len(seen | {task.identity("blimp", str(data))}) == 4


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", r"a\.jsonl:1 is not JSON"),
        ("[1]", r"a\.jsonl:1 is not a JSON object"),
        ('{"sentence_good": "x"}', r"a\.jsonl:1 has no 'sentence_bad'"),
        (line("x", " "), r"a\.jsonl:1 has no text in 'sentence_bad'"),
        (line("x", "\ud800"), r"a\.jsonl:1 has half a surrogate pair in 'sentence_bad'"),
        (line("x", 3), r"a\.jsonl:1 has no text in 'sentence_bad'"),
        (line("x", "y", UID="../a"), r"names its paradigm '\.\./a' in 'UID'"),
        ("", r"a\.jsonl holds no example"),
    ],
)
def test_malformed_pairs_are_named(data, content, sentence):
    (data / "blimp" / "a.jsonl").write_text(content)
    with pytest.raises(InputError, match=sentence):
        LM.for_dataset("blimp", str(data)).load("blimp", str(data))


def test_malformed_pairs_can_be_left_out(data):
    (data / "blimp" / "a.jsonl").write_text("{\n" + line("x", "y"))
    found = LM.for_dataset("blimp", str(data)).load("blimp", str(data), skip_bad=True)
    assert (len(found.splits["test"]), found.n_skipped) == (2, 1)


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("paradigms.tsv", "UID\tfield\n", "has no column 'linguistics_term'"),
        ("paradigms.tsv", TABLE + "c\td\n", r"paradigms\.tsv:4 has 2 columns, the header 4"),
    ],
)
def test_a_table_of_paradigms_that_lacks_something_is_named(data, file, content, sentence):
    (data / "blimp" / file).write_text(content)
    with pytest.raises(InputError, match=sentence):
        LM.for_dataset("blimp", str(data)).load("blimp", str(data))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "is empty"), (b" \n\n", "is empty"), (b"a\0b", "is binary"), (b"\xff\xfe", "is not UTF-8")],
)
def test_a_text_that_is_none_is_named(data, content, sentence):
    (data / "lm" / "book" / "test.txt").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        LM.for_dataset("book", str(data)).load("book", str(data))


def test_a_folder_that_holds_neither_says_what_belongs_there(data):
    (data / "lm" / "nothing").mkdir()
    with pytest.raises(InputError, match=r"holds neither test\.txt nor heldout\.txt nor \*\.jsonl"):
        LM.for_dataset("nothing", str(data))
    with pytest.raises(InputError, match="there is no folder"):
        LM.for_dataset("missing", str(data))
    with pytest.raises(InputError, match="there is no dataset lm/missing"):
        LM.for_dataset("missing", None)


def test_options_belong_to_one_kind_of_dataset(data):
    few = LM.configured({"pairs": "01"})
    assert few.for_dataset("blimp", str(data)).options == {"pairs": "1"}
    assert [pair.paradigm for pair in few.for_dataset("blimp", str(data)).load("blimp", str(data)).splits["test"]] == [
        "a",
        "b",
    ]
    with pytest.raises(InputError, match="lm/book is a text and has no option 'pairs'"):
        few.for_dataset("book", str(data))
    with pytest.raises(InputError, match="lm/blimp is minimal pairs and has no option 'tokens'"):
        LM.configured({"tokens": "all"}).for_dataset("blimp", str(data))
    for value in ("0", "-1", "many", "1.5", "٣"):
        with pytest.raises(InputError, match="takes a whole number from 1, or all"):
            LM.configured({"pairs": value})


def test_the_score_of_pairs_is_the_mean_over_paradigms_and_a_tie_is_wrong():
    examples = [
        MinimalPair("x", "y", name, field, "t", "") for name, field in [("a", "f")] * 4 + [("b", "f")] + [("c", "g")]
    ]
    found = [PairScores(*scores) for scores in [(-1, -2), (-1, -2), (-2, -1), (-1, -1), (-1, -3), (-3, -1)]]
    scores = PAIRS.score(examples, found)
    assert scores["accuracy.a"] == 0.5
    assert scores["accuracy.field.f"] == 0.75
    assert scores["accuracy.field.g"] == scores["accuracy.c"] == 0
    assert scores["accuracy"] == scores["accuracy.term.t"] == pytest.approx(0.5)
    numerators, denominators = zip(*(row["terms"] for row in PAIRS.rows(examples, found)), strict=True)
    assert sum(numerators) / sum(denominators) == pytest.approx(scores["accuracy"])
    assert sum(denominators) == pytest.approx(len(examples))
    assert PAIRS.score([], []) == {}


def test_bits_a_byte_and_the_rows_of_a_text():
    examples = [Passage("one", "0"), Passage("two", "1"), Passage("three", "2")]
    found = [PassageLoss(8 * math.log(2), 1, 2, 4.0), PassageLoss(0.0, 2, 2, 4.0), PassageLoss(0.0, 0, 0, 0.0)]
    scores = TEXT.score(examples, found)
    assert scores == pytest.approx(
        {"bits_saved": 1 - 1 / 8, "bits_per_byte": 1, "loss": 2 * math.log(2), "accuracy": 0.75}
    )
    numerators, denominators = zip(*(row["terms"] for row in TEXT.rows(examples, found)), strict=True)
    assert sum(numerators) / sum(denominators) == pytest.approx(scores["bits_saved"])
    assert TEXT.score([], []) == {}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder in the layout of the hub's repository takes its place."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "hub"
    for name, term in {"passive_1": "argument_structure", "adjunct_island": "island_effects"}.items():
        rows = [
            {
                "sentence_good": f"It is {number}.",
                "sentence_bad": f"It are {number}.",
                "field": "syntax",
                "linguistics_term": term,
                "UID": name,
                "simple_LM_method": True,
                "pair_id": number,
            }
            for number in range(5)
        ]
        (root / name).mkdir(parents=True)
        Dataset.from_list(rows).to_parquet(root / name / "train-00000-of-00001.parquet")
    load = hub.load_rows
    monkeypatch.setattr(hub, "load_rows", lambda info, revision, _=None: load(info, revision, str(root)))
    return root


def test_the_hubs_rows_are_read_and_a_copy_gives_the_same(repository, tmp_path):
    task = measured(LM, "blimp")
    theirs = task.load("blimp", None)
    assert theirs.origin == "nyu-mll/blimp@877fba0801ffb7cbd8c39c1ff314a46f053f6036"
    assert [pair.paradigm for pair in theirs.splits["test"]] == ["adjunct_island"] * 5 + ["passive_1"] * 5
    assert theirs.splits["test"][5] == MinimalPair(
        "It is 0.", "It are 0.", "passive_1", "syntax", "argument_structure", "5"
    )
    done = copy_from_hub(LM, "blimp", tmp_path / "data")
    assert "not quite" not in done.message
    assert sorted(file.name for file in done.folder.glob("*.jsonl")) == ["adjunct_island.jsonl", "passive_1.jsonl"]
    ours = task.load("blimp", str(tmp_path / "data"))
    assert ours.fingerprint == theirs.fingerprint
    assert ours.notes[0].startswith("copied from nyu-mll/blimp@")


def test_blimp_as_it_was_published(shared):
    found = minimal_pairs.load(shared / "data" / "blimp")
    assert len(found.splits["test"]) == 67_000
    assert len({pair.paradigm for pair in found.splits["test"]}) == 67
    assert len({pair.term for pair in found.splits["test"]}) == 13
    assert {pair.field for pair in found.splits["test"]} == {"morphology", "semantics", "syntax", "syntax_semantics"}
    assert [note for note in found.notes if "same sentence as good and as bad" in note]
