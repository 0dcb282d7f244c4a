"""The hub's code path on small repositories that the tests make."""

import json
import shutil
from dataclasses import replace

import pytest
from datasets import Dataset

from harness.errors import InputError
from tasks.catalogue.ner import NER_DATASETS
from tasks.data import SPLITS
from tasks.sources.hub import commit
from tasks.sources.hub import rows as hub

ROWS = {"tokens": [["Ada", "slept"], [], ["Oslo"]], "ids": [[1, 0], [], [5]], "names": [["B-PER", "O"], [], ["B-LOC"]]}


@pytest.fixture
def repository(tmp_path):
    """Writes a repository in the declared layout and returns its root."""

    def write(info, tags):
        options = info.hub_options
        rows = [
            dict(zip((options["tokens"], options["tags"]), pair, strict=True))
            for pair in zip(ROWS["tokens"], tags, strict=True)
        ]
        for split in SPLITS:
            for name in options["files"][split]:
                file = tmp_path / name
                file.parent.mkdir(parents=True, exist_ok=True)
                if options["format"] == "parquet":
                    Dataset.from_list(rows).to_parquet(file)
                else:
                    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(tmp_path)

    return write


@pytest.mark.parametrize("name", [name for name, info in NER_DATASETS.items() if info.source == "hub"])
def test_every_declared_hub_dataset_is_read_by_its_declared_columns(name, repository, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    info = NER_DATASETS[name]
    ids = [[min(tag, len(info.hub_options["labels"]) - 1) for tag in tags] for tags in ROWS["ids"]]
    splits, _ = hub.load_sentences(info, root=repository(info, ids))
    parts = len(info.hub_options["files"]["train"])
    assert len(splits["train"]) == 2 * parts
    assert len(splits["test"]) == 2  # the empty sentence is none
    labels = info.hub_options["labels"]
    assert splits["test"][0].tags == tuple(labels[tag] for tag in ids[0])
    assert splits["test"][0].tokens == ("Ada", "slept")


def test_tags_may_be_names(repository):
    info = NER_DATASETS["wnut17"]
    splits, _ = hub.load_sentences(info, root=repository(info, ROWS["names"]))
    assert splits["dev"][1].tags == ("B-LOC",)


def test_an_undeclared_label_or_column_is_named(repository):
    info = NER_DATASETS["wnut17"]
    root = repository(info, [[99, 0], [], [1]])
    with pytest.raises(InputError, match="label id 99, but only 13 are declared"):
        hub.load_sentences(info, root=root)
    other = replace(info, hub_options={**info.hub_options, "tags": "no_such"})
    with pytest.raises(InputError, match="does not hold equally many 'tokens' and 'no_such'"):
        hub.load_sentences(other, root=root)


def test_without_network_the_error_says_how_to_get_the_files(offline):
    with pytest.raises(
        InputError,
        match=r"leondz/wnut_17 could not be read.*hf download leondz/wnut_17 --repo-type dataset.*--data-dir",
    ):
        hub.load_sentences(replace(NER_DATASETS["wnut17"], revision="0" * 40))


def test_without_network_the_hubs_cache_is_read(repository, tmp_path_factory, monkeypatch, offline):
    info = replace(NER_DATASETS["wnut17"], revision="0" * 40)
    root, cache = repository(info, ROWS["names"]), tmp_path_factory.mktemp("cache")
    shutil.copytree(root, cache / "datasets--leondz--wnut_17" / "snapshots" / info.revision)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    commit.ask.cache_clear()
    assert hub.load_sentences(info) == (hub.load_sentences(info, root=root)[0], info.revision)
    commit.ask.cache_clear()


def test_pins_are_full_commits():
    for info in NER_DATASETS.values():
        assert info.revision is None or len(info.revision) == 40
