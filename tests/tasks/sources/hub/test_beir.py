"""The hub's path to test collections, on small repositories that the tests make."""

import json
from dataclasses import replace

import pytest
from datasets import Dataset

from harness.errors import InputError
from tasks.catalogue.retrieval import RETRIEVAL_DATASETS
from tasks.sources.hub import beir as beir_hub

CORPUS = [
    {"_id": "d1", "title": "Ada", "text": "wrote the first program"},
    {"_id": "d2", "title": "", "text": "a river in Norway"},
    {"_id": "d3", "title": "Never judged", "text": "and still in the corpus"},
]
QUERIES = [{"_id": f"q{number}", "title": "", "text": f"question {number}"} for number in range(4)]
BEIR = [name for name, info in RETRIEVAL_DATASETS.items() if "qrels" in info.hub_options]
MLDR_LAYOUT = """---
configs:
- config_name: corpus
  data_files: [{split: corpus, path: corpus.jsonl}]
- config_name: default
  data_files:
  - {split: train, path: train.jsonl}
  - {split: dev, path: dev.jsonl}
  - {split: test, path: test.jsonl}
---
"""


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))


def write_beir(root, info, head="query-id\tcorpus-id\tscore", rows=("q0\td1\t1", "q1\td2\t2", "q1\td1\t0")):
    options = info.hub_options
    for name, content in (("corpus", CORPUS), ("queries", QUERIES)):
        file = root / info.hub_id / options[name]
        file.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_list(content).to_parquet(file)
    for name in options["qrels"].values():
        file = root / options["qrels_id"] / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([head, *rows]) + "\n")
    return str(root)


@pytest.mark.parametrize("name", BEIR)
def test_every_declared_collection_is_read_as_declared(name, tmp_path):
    info = RETRIEVAL_DATASETS[name]
    collection, _ = beir_hub.load(info, root=write_beir(tmp_path, info))
    assert list(collection.documents) == ["d1", "d2", "d3"]
    assert collection.documents["d1"].content == "Ada wrote the first program"
    found = {split: [query.id for query in queries] for split, queries in collection.queries.items()}
    assert sorted(found["test"]) == ["q0", "q1"]
    graded = next(query for query in collection.queries["test"] if query.id == "q1")
    assert graded.judgements == {"d2": 2, "d1": 0}
    assert graded.relevant == ["d2"]


def test_grades_of_the_hub_are_read_as_those_of_files(tmp_path):
    info = RETRIEVAL_DATASETS["trec-covid"]  # its published judgements have two grades of -1
    rows = ("q0\td1\t2", "q0\td2\t-1", "q1\td2\t1")
    collection, _ = beir_hub.load(info, root=write_beir(tmp_path / "whole", info, rows=rows))
    assert collection.queries["test"][0].judgements == {"d1": 2, "d2": 0}
    rows = ("q0\td1\t2.0", "q0\td2\t1.0")
    collection, _ = beir_hub.load(info, root=write_beir(tmp_path / "floats", info, rows=rows))
    assert collection.queries["test"][0].judgements == {"d1": 2, "d2": 1}
    with pytest.raises(InputError, match=r"has the score '0.5'"):
        beir_hub.load(info, root=write_beir(tmp_path / "half", info, rows=("q0\td1\t0.5",)))


def test_what_is_wrong_in_a_repository_is_named(tmp_path):
    info = RETRIEVAL_DATASETS["scifact"]
    with pytest.raises(InputError, match=r"row 0 of BeIR/scifact-qrels \(train\) has no column 'corpus-id'"):
        beir_hub.load(info, root=write_beir(tmp_path / "a", info, head="query-id\tdocument\tscore"))
    with pytest.raises(InputError, match="d9"):
        beir_hub.load(info, root=write_beir(tmp_path / "b", info, rows=("q0\td9\t1",)))
    moved = replace(info, hub_options={**info.hub_options, "corpus": "no/such.parquet"})
    with pytest.raises(InputError, match="scifact"):
        beir_hub.load(moved, root=write_beir(tmp_path / "c", info))


def write_mldr(root, info):
    folder = root / info.hub_id
    folder.mkdir(parents=True)
    passages = [{"docid": one["_id"], "text": one["text"]} for one in CORPUS]
    rows = {"corpus": passages}
    for split in ("train", "dev", "test"):
        rows[split] = [
            {
                "query_id": f"{split}-1",
                "query": "who wrote it?",
                "positive_passages": passages[:1],
                "negative_passages": [passages[2], {"docid": "gone", "text": "no longer in the corpus"}],
            }
        ]
    for name, content in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content))
    (folder / "README.md").write_text(MLDR_LAYOUT)


def test_mldr_names_hard_negatives(tmp_path):
    info = RETRIEVAL_DATASETS["mldr_en"]
    write_mldr(tmp_path, info)
    collection, _ = beir_hub.load(info, root=str(tmp_path))
    assert len(collection.documents) == 3
    (train,), (test,) = collection.queries["train"], collection.queries["test"]
    assert train.relevant == test.relevant == ["d1"]
    assert train.negatives == ("d3",)


def test_a_folder_of_the_name_of_a_repository_is_never_read_in_its_place(tmp_path, monkeypatch, offline):
    for name, write in (("mldr_en", write_mldr), ("scifact", write_beir)):
        info = replace(RETRIEVAL_DATASETS[name], revision="0" * 40)
        if "qrels_id" in info.hub_options:
            info = replace(info, hub_options={**info.hub_options, "qrels_revision": "0" * 40})
        write(tmp_path, info)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InputError, match="could not be read from the hub"):
            beir_hub.load(info)


def test_without_network_the_error_says_how_to_get_the_files(offline):
    info = replace(RETRIEVAL_DATASETS["scifact"], revision="0" * 40)
    with pytest.raises(InputError, match="scifact"):
        beir_hub.load(info)
