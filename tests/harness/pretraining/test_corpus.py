"""Corpora: documents, what is held out, tokens on disk, and the baselines that counting gives."""

import math
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest

from harness.errors import InputError
from harness.nn.masking import Masked, Masker
from harness.pretraining.baselines import counting_losses
from harness.pretraining.corpus import TextFiles, find_corpus, held_out_by_digest
from harness.pretraining.docstring_texts import DocstringTexts
from harness.pretraining.tokens import tokenised, tokenizer_identity
from tasks.sources.docstrings import packages as docstrings
from tasks.sources.docstrings.source_texts import comments
from tasks.sources.hub import commit
from tests.harness.pretraining.conftest import texts


def no_update(*_):
    pass


def test_an_empty_line_ends_a_document_and_heldout_txt_is_held_out(tmp_path):
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n \t\r\n\r\nthree")
    (tmp_path / "heldout.txt").write_text("four\n")
    (tmp_path / "notes.md").write_text("not read")
    found = [(document.text, document.held_out) for document in TextFiles("x", tmp_path).documents()]
    assert found == [("one\ntwo", False), ("three", False), ("four", True)]


def test_without_a_held_out_file_about_one_document_in_a_hundred_is_held_out(tmp_path):
    file = tmp_path / "all.txt"
    file.write_text("\n\n".join(f"document {number}" for number in range(5000)))
    held = [document.text for document in TextFiles("x", file).documents() if document.held_out]
    assert 25 < len(held) < 80
    assert held == [document.text for document in TextFiles("x", file).documents() if held_out_by_digest(document.text)]


def test_a_tokenizer_that_saved_a_length_for_batches_still_reads_whole_documents(tmp_path, tokenizer):
    """As many sentence-transformers do: truncation and padding to 128 tokens are in their tokenizer.json."""
    (tmp_path / "a.txt").write_text("the train " * 50 + "\n\na river\n")
    (tmp_path / "heldout.txt").write_text("a river\n")
    set_up = deepcopy(tokenizer)
    set_up.backend_tokenizer.enable_truncation(8)
    set_up.backend_tokenizer.enable_padding(length=8)
    first, other = (tokenised([TextFiles("x", tmp_path)], one, 1, no_update) for one in (set_up, tokenizer))
    assert (first.train == other.train).all()
    assert len(first.train) > 100
    assert tokenizer_identity(set_up) == tokenizer_identity(tokenizer)


def test_tokens_are_the_documents_with_separators_and_special_words_are_text(tmp_path, tokenizer):
    (tmp_path / "a.txt").write_text("the train\n\nit said [MASK] and [SEP]\n")
    (tmp_path / "heldout.txt").write_text("a river\n")
    found = tokenised([TextFiles("x", tmp_path)], tokenizer, 1, no_update)
    assert list(found.train).count(tokenizer.sep_token_id) == 2
    assert tokenizer.mask_token_id not in found.train
    assert tokenizer.decode(found.train).split("[SEP]")[0].strip() == "the train"
    assert "[MASK]" in tokenizer.decode(found.train)
    assert found.meta["documents"] == {"train": 2, "heldout": 1}
    assert found.bytes_a_token == pytest.approx(len("a river") / (len(found.heldout) - 1))


def test_a_token_file_is_built_once_and_again_where_it_was_damaged(tmp_path, tokenizer, cache):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text(texts(7, 50))
    first = tokenised([TextFiles("x", folder)], tokenizer, 1, no_update)
    again = tokenised([TextFiles("x", folder)], tokenizer, 1, lambda *_: pytest.fail("tokenised twice"))
    assert again.fingerprint == first.fingerprint
    assert (again.train == first.train).all()
    expected = np.array(first.train)
    content = bytearray((first.folder / "train.bin").read_bytes())
    content[10] ^= 1
    (first.folder / "train.bin").write_bytes(content)
    mended = tokenised([TextFiles("x", folder)], tokenizer, 1, no_update)
    assert (mended.train == expected).all()
    (folder / "a.txt").write_text(texts(8, 50))
    assert tokenised([TextFiles("x", folder)], tokenizer, 1, no_update).folder != first.folder
    assert not list((cache / "encoder-harness").glob(".tokens-*"))


def test_other_users_may_read_the_tokens(tmp_path, tokenizer, monkeypatch, closed_to_others):
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "a.txt").write_text(texts(7, 50))
    tokenised([TextFiles("x", tmp_path / "a.txt")], tokenizer, 1, no_update)
    assert closed_to_others(tmp_path / "cache") == set()


COMMIT, PINNED = "a" * 40, "b" * 40


@pytest.fixture
def hub(monkeypatch):
    """A hub whose datasets all have these rows; it keeps what `datasets` was asked to load."""
    served = SimpleNamespace(rows=[], asked=[])

    def load_dataset(*names, **options):
        served.asked.append((*names, options["revision"], options["split"], options["streaming"]))
        return served.rows

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    monkeypatch.setattr("huggingface_hub.HfApi.repo_info", lambda *_, **__: SimpleNamespace(sha=COMMIT))
    commit.ask.cache_clear()
    yield served
    commit.ask.cache_clear()


@pytest.mark.parametrize(
    ("name", "config", "revision"),
    [("hf:x/y", None, COMMIT), (f"hf:x/y@{PINNED}", None, PINNED), (f"hf:x/y:small@{PINNED}", "small", PINNED)],
)
def test_a_hub_dataset_is_never_a_folder_of_its_name(hub, tmp_path, monkeypatch, name, config, revision):
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "y" / "part.jsonl").write_text('{"text": "of the folder"}\n')
    monkeypatch.chdir(tmp_path)
    hub.rows = [{"text": "of the hub"}]
    corpus = find_corpus(name)
    assert corpus.identity() == f"hf:x/y:{config or ''}@{revision}"
    assert [document.text for document in corpus.documents()] == ["of the hub"]
    assert hub.asked == [("hf://datasets/x/y", config, revision, "train", True)]


@pytest.mark.parametrize("name", ["hf:x/y", f"hf:x/y@{PINNED}"])
def test_a_hub_that_cannot_be_reached_is_one_sentence(hub, monkeypatch, name):
    def no_network(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.HfApi.repo_info", no_network)
    with pytest.raises(
        InputError, match=r"^x/y could not be read from the hub \(no network\); check name and network, or"
    ):
        list(find_corpus(name).documents())


def test_a_hub_dataset_is_streamed_until_there_is_enough(hub, tokenizer):
    hub.rows = [{"text": f"row {number} of a dataset with words", "url": "x"} for number in range(3000)]
    corpus = find_corpus("hf:x/y")
    found = tokenised([corpus], tokenizer, 2000, no_update)
    everything = tokenised([corpus], tokenizer, 10**9, no_update)
    assert 2000 <= len(found.train) <= len(everything.train)
    assert found.meta["documents"]["heldout"] > 0
    assert everything.meta["documents"]["train"] + everything.meta["documents"]["heldout"] == 3000


def test_a_hub_dataset_without_a_text_column_names_its_columns(hub):
    hub.rows = [{"body": "x"}]
    with pytest.raises(InputError, match="no text in a column 'text'; its columns are body"):
        list(find_corpus("hf:x/y").documents())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hf:HuggingFaceFW/fineweb:sample-10BT@abc", ("HuggingFaceFW/fineweb", "sample-10BT", "abc")),
        ("hf:a/b", ("a/b", None, None)),
        ("hf:a/b@v1", ("a/b", None, "v1")),
    ],
)
def test_names_on_the_hub(name, expected):
    corpus = find_corpus(name)
    assert (corpus.repository, corpus.config, corpus.revision) == expected


@pytest.mark.parametrize("name", ["hf:", "hf:one", "hf:a/b/c", "hf:a/b:"])
def test_names_that_name_nothing_on_the_hub(name):
    with pytest.raises(InputError, match="write hf:OWNER/NAME"):
        find_corpus(name)


SOURCE = '''# Copyright (c) 2020 by somebody, all rights reserved and so on.
"""Title.

# This line of a docstring looks like a comment but is none.
"""
x = f(1)  # this trailing comment is not read, since code stands before it
# The values are sorted here, because the caller
# reads them in this order.
y = sorted(x)
# x = f(1) + g(2) * h(3) and more of it
# short one
#
# A second comment that has words enough to be read.
'''


def test_comments_that_are_prose_are_read_and_others_are_not():
    assert comments(SOURCE) == [
        (7, "The values are sorted here, because the caller reads them in this order."),
        (13, "A second comment that has words enough to be read."),
    ]


def test_no_package_that_a_task_tests_on_is_read(monkeypatch):
    read = []
    package = docstrings.PackageDocuments

    def parsed(*_):
        chosen = ("tqdm", "dill", "filelock", "jinja2", "PIL")
        return {name: package(name, docstrings.PACKAGES[name][1], (), {}) for name in chosen}

    def work_through(function, pieces, progress):
        read.extend(path.partition("/")[0] for piece in pieces for path in piece.paths)
        return [function(piece) for piece in pieces]

    monkeypatch.setattr(docstrings, "documents", parsed)
    monkeypatch.setattr("tasks.sources.docstrings.source_texts.work_through", work_through)
    documents = list(DocstringTexts().documents())
    assert set(read) == {"tqdm", "dill", "filelock"}
    assert [document.held_out for document in documents] == sorted(document.held_out for document in documents)
    assert documents[0].held_out is False
    assert documents[-1].held_out is True


def test_counting_reaches_the_losses_that_the_source_of_the_text_has():
    # Every token follows surely from the one before; tokens are equally frequent.
    stream = np.tile(np.arange(5, 25), 500)
    ids = stream[: 20 * 16].reshape(-1, 16).astype(np.int64)
    special = np.zeros(30, bool)
    special[:5] = True
    masked = Masker(30, 4, range(5), (100, 0, 0)).mask(ids, 1, np.random.default_rng(0))
    found = counting_losses(stream, 30, special, masked)
    assert found["unigram"] == pytest.approx(math.log(20), abs=0.01)
    assert found["bigram"] < 0.1
    blind = Masked(np.full_like(masked.input_ids, 4), masked.positions, masked.labels)
    assert counting_losses(stream, 30, special, blind)["bigram"] == pytest.approx(found["unigram"])


def test_counting_learns_nothing_from_neighbours_that_say_nothing():
    stream = np.random.default_rng(0).integers(5, 25, 400_000)
    ids = np.random.default_rng(1).integers(5, 25, (50, 16))
    special = np.zeros(30, bool)
    special[:5] = True
    masked = Masker(30, 4, range(5)).mask(ids, 4, np.random.default_rng(0))
    found = counting_losses(stream, 30, special, masked)
    assert found["bigram"] == pytest.approx(math.log(20), abs=0.02)
