"""Questions from local JSON and from hub rows: what is read, and what a malformed one is told."""

import json
from dataclasses import replace

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from tasks.catalogue.span import SPAN_DATASETS
from tasks.sources.formats import squad
from tasks.sources.question import Answer
from tasks.sources.splits import fingerprint
from tasks.span import SPAN

CONTEXT = "Ada lived in London. Alan lived in London too."


def paragraph(*qas, context=CONTEXT):
    return {"context": context, "qas": list(qas)}


def qa(id_="q1", text="London", start=13, **changes):
    return {"id": id_, "question": "Where? ", "answers": [{"text": text, "answer_start": start}]} | changes


def write(folder, **splits):
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev", "test"):
        content = splits.get(split, [paragraph(qa())])
        document = (
            content if isinstance(content, str) else json.dumps({"data": [{"title": "T", "paragraphs": content}]})
        )
        (folder / f"{split}.json").write_text(document, encoding="utf-8")
    return folder


def test_questions_are_read_with_all_their_answers(tmp_path):
    both = qa(answers=[{"text": "London", "answer_start": 13}, {"text": "in London", "answer_start": 32}] * 2)
    impossible = qa("q2", answers=[], is_impossible=True)
    data = squad.load(write(tmp_path, test=[paragraph(both, impossible)]))
    first, second = data.splits["test"]
    assert first.answers == (Answer("London", 13), Answer("in London", 32))
    assert (first.question, first.context, first.title) == ("Where?", CONTEXT, "T")
    assert second.answers == ()
    assert data.n_skipped == 0
    assert data.notes == []


BAD = {
    "does not match": (
        [paragraph(qa(), qa("q2", start=14))],
        "question 'q2' has the answer 'London', but at its answer_start 14 the context says 'ondon.'",
    ),
    "negative": ([paragraph(qa(), qa("q2", start=-6))], "answer_start -6 the context says ''"),
    "beyond": ([paragraph(qa(), qa("q2", start=4000))], "answer_start 4000"),
    "empty answer": ([paragraph(qa(), qa("q2", text=" ", start=3))], "question 'q2' has an empty answer"),
    "no question": ([paragraph(qa(), {"id": "q2", "answers": []})], "question 'q2' has no text 'question'"),
    "no id": (
        [paragraph(qa(), {"question": "?", "answers": []})],
        r"data\[0\].paragraphs\[0\].qas\[1\] has no text 'id'",
    ),
    "true as id": ([paragraph(qa(), qa(True))], r"data\[0\].paragraphs\[0\].qas\[1\] has no text 'id'"),
    "number twice": ([paragraph(qa(7), qa("7"))], "the id '7' occurs twice"),
    "deep": ([paragraph(qa()), json.loads("[" * 90 + "]" * 90)], r"paragraphs\[1\] is not an object but '\[\[\["),
    "long context": (
        [paragraph(qa()), paragraph(qa("q2"), context="x " * 2_500_001)],
        "has a context of 5,000,002 characters",
    ),
    "no answers": ([paragraph(qa(), {"id": "q2", "question": "?"})], "question 'q2' has no list 'answers'"),
    "no start": (
        [paragraph(qa(), qa("q2", answers=[{"text": "London"}]))],
        "an answer of question 'q2' has no number 'answer_start'",
    ),
    "no context": ([paragraph(qa()), {"qas": []}], r"data\[0\].paragraphs\[1\] has no text 'context'"),
    "no qas": ([paragraph(qa()), {"context": "x"}], r"paragraphs\[1\] has no list 'qas'"),
    "not an object": ([paragraph(qa()), 7], r"paragraphs\[1\] is not an object but '7'"),
    "empty context": ([paragraph(qa()), paragraph(qa("q2"), context=" \n")], r"paragraphs\[1\] has an empty context"),
    "duplicate": ([paragraph(qa(), qa())], "the id 'q1' occurs twice"),
    "contradiction": ([paragraph(qa(), qa("q2", is_impossible=True))], "'q2' is marked impossible and has answers"),
    "surrogate in a question": (
        [paragraph(qa(), qa("q2") | {"question": "\ud800 x"})],
        "question 'q2' has half a surrogate pair in 'question'",
    ),
    "surrogate": ([paragraph(qa()), paragraph(context="\ud800 x")], "half a surrogate pair"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_malformed_is_named_and_can_be_left_out_and_counted(tmp_path, name):
    content, sentence = BAD[name]
    folder = write(tmp_path / "qa" / "mine", train=content)
    with pytest.raises(InputError, match=f"train.json: .*{sentence}.*--skip-bad"):
        SPAN.load("mine", str(tmp_path))
    data = SPAN.load("mine", str(tmp_path), skip_bad=True)
    assert len(data.splits["train"]) == 1
    assert data.n_skipped == 1
    assert data.notes[0].startswith("1 malformed entries of train.json were left out, the first: ")
    assert data.fingerprint == fingerprint(data.splits)
    assert folder.is_dir()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"data": [', "test.json:1 is not JSON"),
        ("[]", "has no list 'data'"),
        ('{"data": 3}', "has no list 'data'"),
        ("[" * 100_000, "test.json:1 nests brackets more than 100 deep"),
        ('{"data": ' + "9" * 5000 + "}", "test.json:1 holds an integer of"),
        ('{"data": []}', "holds no example"),
        ('{"data": [{"title": "T"}]}', r"data\[0\] has no list 'paragraphs'"),
    ],
)
def test_a_file_that_is_no_squad_file_is_refused(tmp_path, content, sentence):
    write(tmp_path, test=content)
    with pytest.raises(InputError, match=sentence):
        squad.load(tmp_path)


def test_a_file_where_everything_is_malformed_is_refused_even_when_skipping(tmp_path):
    write(tmp_path, dev=[paragraph(qa(start=0))])
    with pytest.raises(InputError, match=r"holds no example that is not malformed; the first: .*question 'q1'"):
        squad.load(tmp_path, skip_bad=True)


def test_a_missing_file_is_named(tmp_path):
    write(tmp_path / "qa" / "mine")
    (tmp_path / "qa" / "mine" / "train.json").unlink()
    with pytest.raises(InputError, match=r"train.json is missing; .* train.json, dev.json, test.json"):
        SPAN.identity("mine", str(tmp_path))
    with pytest.raises(InputError, match=r"there is no folder .*span/mina; did you mean 'mine'"):
        SPAN.identity("mina", str(tmp_path))


def test_the_folder_may_be_called_as_the_task(tmp_path):
    write(tmp_path / "span" / "mine")
    assert len(SPAN.load("mine", str(tmp_path)).splits["train"]) == 1


def test_ids_that_are_numbers_are_taken_as_text(tmp_path):
    data = squad.load(write(tmp_path, test=[paragraph(qa(316), qa("317"))]))
    assert [question.id for question in data.splits["test"]] == ["316", "317"]


KEYS = st.sampled_from(["data", "paragraphs", "context", "qas", "id", "question", "answers", "text", "answer_start"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(JSON)
def test_no_json_ends_in_anything_but_questions_and_sentences(document):
    data = document if isinstance(document, list) else [document]
    for one in squad._questions([*data, {"paragraphs": [*data, {"context": "x", "qas": [*data, qa(answers=data)]}]}]):
        assert isinstance(one, str) or one.context


def to_parquet(tmp_path, info, rows_of):
    for split, names in info.hub_options["files"].items():
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Dataset.from_list(rows_of(split)).to_parquet(tmp_path / name)
    return str(tmp_path)


def squad_rows(split):
    found, none = {"text": ["London"], "answer_start": [13]}, {"text": [], "answer_start": []}
    return [
        {
            "id": f"{split}{n}",
            "title": f"T{n // 4}",
            "context": CONTEXT,
            "question": "?",
            "answers": found if n % 3 else none,
        }
        for n in range(40 if split == "train" else 10)
    ]


@pytest.mark.parametrize("name", ["squad", "squad_v2"])
def test_hub_rows_are_read_and_dev_is_cut_from_train_by_document(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    root = to_parquet(tmp_path, SPAN_DATASETS[name], squad_rows)
    data = squad.load_hub(SPAN_DATASETS[name], root=root)
    assert (len(data.splits["train"]), len(data.splits["dev"]), len(data.splits["test"])) == (36, 4, 10)
    titles = {split: {question.title for question in data.splits[split]} for split in ("train", "dev")}
    assert not titles["train"] & titles["dev"]
    assert squad.load_hub(SPAN_DATASETS[name], root=root).splits == data.splits
    assert data.splits["test"][1].answers == (Answer("London", 13),)
    assert "dev was cut from train by document" in data.notes[0]


def record_rows(split, start=0):
    return [
        {
            "passage": "Ada met Alan. Ada left.",
            "query": "@placeholder left.",
            "entities": ["Ada", "Alan"],
            "answers": ["Ada"],
            "entity_spans": {"text": ["Ada", "Alan", "Ada"], "start": [start, 8, 14], "end": [3, 12, 17]},
            "idx": {"passage": number, "query": 7},
        }
        for number in range(20)
    ]


def test_record_answers_are_all_mentions_of_the_right_entity(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    info = SPAN_DATASETS["record"]
    data = squad.load_hub(info, root=to_parquet(tmp_path, info, record_rows))
    question = data.splits["test"][0]
    assert question.answers == (Answer("Ada", 0), Answer("Ada", 14))
    assert (question.id, question.question) == ("0-7", "@placeholder left.")


def test_hub_ids_that_are_numbers_are_taken_as_text(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    info = SPAN_DATASETS["squad"]
    root = to_parquet(tmp_path, info, lambda split: [row | {"id": n} for n, row in enumerate(squad_rows(split))])
    assert [question.id for question in squad.load_hub(info, root=root).splits["test"]] == list(map(str, range(10)))


def test_hub_rows_that_are_not_as_declared_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    info = SPAN_DATASETS["record"]
    root = to_parquet(tmp_path, info, lambda split: record_rows(split, start=1))
    with pytest.raises(
        InputError, match=r"aps/super_glue \(train\): question '0-7' has the answer 'Ada', but at its answer_start 1"
    ):
        squad.load_hub(info, root=root)
    other = replace(info, hub_options={**info.hub_options, "columns": "squad"})
    with pytest.raises(InputError, match="row 0 is not as declared"):
        squad.load_hub(other, root=root)


def test_the_shared_sets_are_read_whole(shared):
    data = SPAN.load("squad_v1", str(shared / "data"))
    assert {split: len(questions) for split, questions in data.splits.items()} == {
        "train": 10072,
        "dev": 1805,
        "test": 10570,
    }
    data = SPAN.load("squad_v2", str(shared / "data"))
    assert sum(not question.answers for question in data.splits["test"]) == 736
