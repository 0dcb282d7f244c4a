"""A small corpus and small runs of pretraining."""

import functools
import json
import random

import pytest

from harness.machine import calibration

WORDS = [
    "the",
    "a",
    "train",
    "river",
    "met",
    "saw",
    "left",
    "near",
    "then",
    "said",
    "house",
    "green",
    "tall",
    "dog",
    "cat",
    "under",
    "over",
    "of",
    "and",
    "to",
]


def texts(seed, documents):
    """Documents of made-up sentences, of which every second word follows from the one before."""
    chance = random.Random(seed)
    follows = {word: WORDS[(place * 7 + 3) % len(WORDS)] for place, word in enumerate(WORDS)}

    def sentence():
        words = [chance.choice(WORDS) for _ in range(6)]
        return " ".join(f"{word} {follows[word]}" for word in words) + "."

    return "\n\n".join("\n".join(sentence() for _ in range(chance.randint(1, 6))) for _ in range(documents)) + "\n"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A folder of texts with a held-out file."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "a.txt").write_text(texts(0, 250), encoding="utf-8")
    (folder / "b.txt").write_text(texts(1, 250), encoding="utf-8")
    (folder / "heldout.txt").write_text(texts(2, 60), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def small_tokenizer(tokenizer, tmp_path_factory):
    """The folder of a small tokenizer."""
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    """Token files of made-up corpora do not go into the user's cache."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(cache))


@pytest.fixture(scope="session")
def matmul_rates():
    """The machine's rates, each measured once: that takes longer than a small run."""
    return functools.cache(calibration.matmul_rate)


@pytest.fixture(autouse=True)
def measured_once(matmul_rates, monkeypatch):
    monkeypatch.setattr("harness.pretraining.run.matmul_rate", matmul_rates)


SMALL = {
    "bert": {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64},
    "roberta": {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64},
    "modernbert": {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64},
    "neobert": {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64},
    "avey-b": {"n_layers": 2, "d_embed": 32, "chunk_size": 8, "k": 2},
}


@pytest.fixture
def words(corpus, small_tokenizer, tmp_path):
    """The words of a small command: ``words(model="bert", tokens="16K", **options)``."""

    def of(out="out", model="bert", tokens="16K", corpora=(corpus,), **options):
        given = {
            "tokenizer": small_tokenizer,
            "batch-tokens": 512,
            "rows": "32:64",
            "eval-tokens": 2048,
            "points": 4,
            "store": tmp_path / "store",
            "precision": "fp32",
            "lr": "3e-3",
            **options,
        }
        found = ["pretrain", "--model", model, "--tokens", tokens, "--out", tmp_path / out]
        for name, value in SMALL[model].items():
            found += ["--model-option", f"{name}={value}"]
        for one in corpora:
            found += ["--corpus", one]
        for name, value in given.items():
            found += [f"--{name.replace('_', '-')}", value]
        return [str(word) for word in found]

    return of


def record_of(folder):
    return json.loads((folder / "pretraining.json").read_text())


def weights_of(folder):
    return (folder / "model.safetensors").read_bytes()
