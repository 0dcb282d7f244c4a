"""Fixtures that more than one test folder uses."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import MODELS
from tasks import TASKS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too, as tox does")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests that are marked slow, unless they are asked for."""
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: pytest --slow runs it, and so does tox"))


def pytest_collection_finish() -> None:
    """Keep what the imports made out of garbage collection: transformers collects twice after each training."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _unload_plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is gone after it, so that no test depends on which ran before."""
    for registry in (MODELS, TASKS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("harness_plugin_"):
            del sys.modules[name]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub is not asked, as with HF_HUB_OFFLINE=1, which is read only when its library is imported."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def closed_to_others() -> Iterator[Callable[[Path], set[str]]]:
    """Gives the files and folders below a folder that another user may not read, while new ones may be read by all."""

    def closed(folder: Path) -> set[str]:
        wanted = {path: 0o055 if path.is_dir() else 0o044 for path in folder.rglob("*")}
        return {path.name for path, mode in wanted.items() if path.stat().st_mode & mode != mode}

    before = os.umask(0o022)
    yield closed
    os.umask(before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of golden numbers and real datasets beside the checkout; tests that need it skip where it is missing."""
    folder = Path(os.environ.get("HARNESS_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared folder of golden numbers and datasets, which is not at {folder}")
    return folder


NAMES = {"person": ["Ada", "Grace", "Alan", "Edsger"], "city": ["Paris", "New York", "Oslo", "San Marino"]}
FILLER = ["the", "in", "to", "of", "saw", "met", "near", "with", "a", "train", "left", "river", "and", "then", "said"]


def conll_text(seed: int, sentences: int) -> str:
    """Made-up sentences in which persons and cities stand between filler words."""
    random = np.random.default_rng(seed)
    lines: list[str] = []
    for _ in range(sentences):
        for _ in range(int(random.integers(1, 4))):
            lines += [f"{word}\tO" for word in random.choice(FILLER, size=int(random.integers(1, 5)))]
            kind = str(random.choice(list(NAMES)))
            words = str(random.choice(NAMES[kind])).split()
            lines += [f"{word}\t{'B' if not place else 'I'}-{kind}" for place, word in enumerate(words)]
        lines.append("")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for --data-dir that holds the small dataset ner/cities."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "ner" / "cities"
    folder.mkdir(parents=True)
    for seed, (split, sentences) in enumerate({"train": 200, "dev": 30, "test": 40}.items()):
        (folder / f"{split}.conll").write_text(conll_text(seed, sentences), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """A small tokenizer of the embedded kind."""
    from models.tokenizer import train

    words = [line.split("\t")[0] for line in conll_text(3, 300).splitlines()]
    return train([" ".join(words), "Plain words, some Prose and numb3rs: 1 2 3."])


def save_bert(folder: Path, tokenizer: Any, masked_lm: bool = False, **values: Any) -> Path:
    """Save an untrained BERT of two narrow layers, the same every time, with its tokenizer; returns the folder.

    Args:
        folder: made here.
        tokenizer: decides vocabulary and padding.
        masked_lm: with a masked-LM head.
        **values: of the config, in place of the usual ones.
    """
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertModel

    usual = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "pad_token_id": tokenizer.pad_token_id,
    }
    torch.manual_seed(0)
    config = BertConfig(**(usual | values))
    model = BertForMaskedLM(config) if masked_lm else BertModel(config, add_pooling_layer=False)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def small_bert(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained BERT of two narrow layers and its tokenizer, for --weights."""
    return save_bert(tmp_path_factory.mktemp("weights") / "small-bert", tokenizer)
