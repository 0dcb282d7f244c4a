"""How a checkpoint of sentence-transformers says that its encoder's states become the vectors of texts.

Its folder holds ``modules.json``, which names the modules and where each has its config; ``config_sentence_transformers.json``
has prompts and the similarity. A folder without ``modules.json`` declares nothing. These files are read here and not by
sentence-transformers, since every planned cell needs them and importing that library takes seconds; the vectors themselves are made
by its modules (`harness.nn.embedding`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import InputError
from models.loading import Weights
from tasks.retrieval import POOLINGS

_LEGACY = ("cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")
"""The ends of the keys ``pooling_mode_...`` that checkpoints had before version 6, in the order of `tasks.retrieval.POOLINGS`."""
_SUPPORTED = ("Transformer", "Pooling", "Normalize")
_CONFIG = "config_sentence_transformers.json"
_VECTOR = "sentence_embedding"
"""What sentence-transformers calls the vector of a text, as against the states of its tokens."""
_DOCUMENT = ("document", "passage", "corpus")
"""What sentence-transformers calls the prompt of documents; the first that is not empty counts."""


@dataclass(frozen=True)
class Declared:
    """What a checkpoint says; the defaults are those of one that says nothing.

    Attributes:
        pooling: names of `tasks.retrieval.POOLINGS`, concatenated where there are several.
        prompts: the prompts by name.
        default_prompt: name of the prompt for texts that have none of their own.
        unit: whether vectors are compared by their cosine, so that they are scaled to unit length; else by inner products.
        lower: whether texts are put into lower case, whatever the tokenizer does.
        max_length: tokens of the longest input.
        unsupported: what the harness cannot do of it, after "the checkpoint declares "; empty where it can do all.
        unread: nothing is known: neither the hub nor its local cache could be asked.
    """

    pooling: tuple[str, ...] = ("mean",)
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    unit: bool = True
    lower: bool = False
    max_length: int | None = None
    unsupported: str = ""
    unread: bool = False

    def prompt(self, *names: str) -> str:
        """The first prompt of these names that is not empty; the default one where none of them is declared."""
        declared = [self.prompts[name] for name in names if name in self.prompts]
        default = self.prompts.get(self.default_prompt or "", "")
        return next((text for text in declared if text), "") if declared else default

    @property
    def query_prompt(self) -> str:
        """What goes before a query."""
        return self.prompt("query")

    @property
    def document_prompt(self) -> str:
        """What goes before a document."""
        return self.prompt(*_DOCUMENT)


NOTHING = Declared()
"""What a checkpoint declares that has no ``modules.json``."""


def declared(weights: Weights) -> Declared:
    """What the checkpoint of these weights declares.

    Raises:
        InputError: one of its files is not what sentence-transformers writes; the file is named.
    """
    if weights.kind not in ("folder", "hub"):
        return NOTHING
    try:
        modules = _read(weights, "modules.json", list)
        if modules is None:
            return NOTHING
        return _declared(weights, modules)
    except _UnreadError:
        return Declared(unread=True)


def _declared(weights: Weights, modules: Sequence[Any]) -> Declared:
    paths: dict[str, str] = {}
    for module in modules:
        if not isinstance(module, dict) or not all(isinstance(module.get(key), str) for key in ("type", "path")):
            raise _malformed(weights, "modules.json", "does not list modules by type and path")
        package, _, name = module["type"].rpartition(".")
        known = package.partition(".")[0] == "sentence_transformers" and name in _SUPPORTED
        paths.setdefault(name if known else module["type"], module["path"])
    config = _read(weights, _CONFIG, dict) or {}
    transformer = _of_module(weights, paths.get("Transformer"), "sentence_bert_config.json")
    pooling, normalize = (_of_module(weights, paths.get(name), "config.json") for name in ("Pooling", "Normalize"))
    prompts, similarity = _prompts(weights, config), config.get("similarity_fn_name") or "cosine"
    scaled, length = "Normalize" in paths, transformer.get("max_seq_length")
    foreign = next((name for name in paths if name not in _SUPPORTED), None)
    normalised = normalize.get("module_input_name", _VECTOR)
    if foreign is not None:
        unsupported = f"the module {foreign}"
    elif "Pooling" not in paths:
        unsupported = "modules without a Pooling"
    elif normalised != _VECTOR:
        unsupported = f"that {normalised} are normalised"
    elif similarity not in ("cosine", "dot") and not (similarity == "euclidean" and scaled):
        unsupported = f"the similarity {similarity}"
    elif not pooling.get("include_prompt", True) and any(prompts.values()):
        unsupported = "that prompts are left out of the pooling (include_prompt)"
    else:
        unsupported = ""
    return Declared(
        _pooling(weights, pooling), prompts, config.get("default_prompt_name"), scaled or similarity != "dot",
        bool(transformer.get("do_lower_case")), length if isinstance(length, int) else None, unsupported,
    )  # fmt: skip


def _of_module(weights: Weights, folder: str | None, name: str) -> dict[str, Any]:
    """The config of a module; empty where there is no such module, or no such file."""
    if folder is None:
        return {}
    content: dict[str, Any] | None = _read(weights, f"{folder}/{name}" if folder else name, dict)
    return content or {}


def _pooling(weights: Weights, config: Mapping[str, Any]) -> tuple[str, ...]:
    modes = config.get("pooling_mode")
    if modes is None:
        old = tuple(mode for mode, end in zip(POOLINGS, _LEGACY, strict=True) if config.get(f"pooling_mode_{end}"))
        return old or ("mean",)
    modes = [modes] if isinstance(modes, str) else modes
    if not isinstance(modes, list) or not modes or any(mode not in POOLINGS for mode in modes):
        raise _malformed(weights, "the Pooling", f"has the pooling_mode {modes!r}, which is unknown")
    return tuple(modes)


def _prompts(weights: Weights, config: Mapping[str, Any]) -> dict[str, str]:
    prompts, default = config.get("prompts") or {}, config.get("default_prompt_name")
    if not isinstance(prompts, dict) or any(not isinstance(text, str | None) for text in prompts.values()):
        raise _malformed(weights, _CONFIG, "has prompts that are not texts by name")
    # These two exist by default, empty.
    if default is not None and (not isinstance(default, str) or default not in {*prompts, "query", "document"}):
        raise _malformed(weights, _CONFIG, f"has the default_prompt_name {default!r}, but no such prompt")
    return {name: text or "" for name, text in prompts.items()}


class _UnreadError(Exception):
    """Whether a file exists cannot be told."""


def _read(weights: Weights, name: str, kind: type) -> Any:
    """The content of a JSON file of the checkpoint; ``None`` where it has no such file."""
    file = Path(weights.location) / name if weights.kind == "folder" else _from_hub(weights, name)
    if file is None or not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _malformed(weights, name, "cannot be read as JSON") from error
    if not isinstance(content, kind):
        raise _malformed(weights, name, f"holds no JSON {'list' if kind is list else 'object'}")
    return content


def _from_hub(weights: Weights, name: str) -> Path | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(weights.location, name, revision=weights.revision or "main"))
    except LocalEntryNotFoundError as error:
        raise _UnreadError from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # whoever loads the weights says what is wrong with the repository
        raise _UnreadError from error


def _malformed(weights: Weights, name: str, problem: str) -> InputError:
    return InputError(f"{name} of {weights.location} {problem}; save the model again with sentence-transformers")
