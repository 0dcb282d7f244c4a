"""Read how a checkpoint of sentence-transformers turns hidden states into text vectors.

``modules.json`` in its folder names the modules and the folders of their configs. ``config_sentence_transformers.json`` has the
prompts and the similarity. A folder without ``modules.json`` declares nothing. We read these files ourselves because every planned
cell needs them, and importing sentence-transformers takes seconds. Its modules still compute the vectors (`harness.nn.embedding`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from harness.errors import InputError
from harness.json_file import JsonError, read_json
from models.weights import Weights
from tasks.retrieval import POOLINGS

_LEGACY = ("cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")
"""Suffixes of the keys ``pooling_mode_...`` of checkpoints before version 6, in the order of `tasks.retrieval.POOLINGS`."""
_SUPPORTED = ("Transformer", "Pooling", "Normalize")
_CONFIG = "config_sentence_transformers.json"
_VECTOR = "sentence_embedding"
"""Name that sentence-transformers gives the vector of a text, as opposed to the states of its tokens."""
_DOCUMENT = ("document", "passage", "corpus")
"""Names that sentence-transformers gives the prompt of documents; the first that is not empty is used."""


@dataclass(frozen=True)
class Declared:
    """The declarations of a checkpoint. The defaults are for a checkpoint without declarations.

    Attributes:
        pooling: names of `tasks.retrieval.POOLINGS`; several vectors are concatenated.
        prompts: the prompts by name.
        default_prompt: name of the prompt for texts without a prompt of their own.
        unit: whether vectors are scaled to unit length and compared by cosine; otherwise by inner product.
        lower: whether texts are lowercased before the tokenizer sees them.
        max_length: tokens of the longest input.
        unsupported: a declaration that the harness does not support, to follow "the checkpoint declares "; empty if none.
        unread: whether the declaration is unknown, because neither the hub nor its local cache could be read.
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
        """The first non-empty prompt of these names; the default prompt if none of the names is declared."""
        declared = [self.prompts[name] for name in names if name in self.prompts]
        default = self.prompts.get(self.default_prompt or "", "")
        return next((text for text in declared if text), "") if declared else default

    @property
    def query_prompt(self) -> str:
        """Text before every query."""
        return self.prompt("query")

    @property
    def document_prompt(self) -> str:
        """Text before every document."""
        return self.prompt(*_DOCUMENT)


NOTHING = Declared()
"""The declaration of a checkpoint without ``modules.json``."""


def declared(weights: Weights) -> Declared:
    """Read what the checkpoint of these weights declares.

    Raises:
        InputError: one of its files does not have the format of sentence-transformers; the message names the file.
    """
    if weights.kind not in ("folder", "hub"):
        return NOTHING
    try:
        modules = _read(weights, "modules.json")
        if modules is None:
            return NOTHING
        if not isinstance(modules, list):
            raise _malformed(weights, "modules.json", "holds no JSON list")
        return _declared(weights, modules)
    except _UnreadError:
        return Declared(unread=True)


def _declared(weights: Weights, modules: Sequence[object]) -> Declared:
    paths = _module_folders(weights, modules)
    config = _object(weights, _CONFIG)
    transformer = _of_module(weights, paths.get("Transformer"), "sentence_bert_config.json")
    pooling, normalize = (_of_module(weights, paths.get(name), "config.json") for name in ("Pooling", "Normalize"))
    prompts, default = _prompts(weights, config)
    similarity, length = config.get("similarity_fn_name") or "cosine", transformer.get("max_seq_length")
    foreign = next((name for name in paths if name not in _SUPPORTED), None)
    normalised = normalize.get("module_input_name", _VECTOR)
    if foreign is not None:
        unsupported = f"the module {foreign}"
    elif "Pooling" not in paths:
        unsupported = "modules without a Pooling"
    elif normalised != _VECTOR:
        unsupported = f"that {normalised} are normalised"
    elif similarity not in ("cosine", "dot") and not (similarity == "euclidean" and "Normalize" in paths):
        unsupported = f"the similarity {similarity}"
    elif not pooling.get("include_prompt", True) and any(prompts.values()):
        unsupported = "that prompts are left out of the pooling (include_prompt)"
    else:
        unsupported = ""
    return Declared(
        pooling=_pooling(weights, pooling),
        prompts=prompts,
        default_prompt=default,
        unit="Normalize" in paths or similarity != "dot",
        lower=bool(transformer.get("do_lower_case")),
        max_length=length if isinstance(length, int) else None,
        unsupported=unsupported,
    )


def _module_folders(weights: Weights, modules: Sequence[object]) -> dict[str, str]:
    """The folder of each module, by its short name if it is supported and by its full type if not."""
    folders: dict[str, str] = {}
    for module in modules:
        if not isinstance(module, dict) or not all(isinstance(module.get(key), str) for key in ("type", "path")):
            raise _malformed(weights, "modules.json", "does not list modules by type and path")
        package, _, name = module["type"].rpartition(".")
        known = package.partition(".")[0] == "sentence_transformers" and name in _SUPPORTED
        folders.setdefault(name if known else module["type"], module["path"])
    return folders


def _of_module(weights: Weights, folder: str | None, name: str) -> Mapping[str, object]:
    """The config of a module; empty if the module or its file is missing."""
    if folder is None:
        return {}
    return _object(weights, f"{folder}/{name}" if folder else name)


def _pooling(weights: Weights, config: Mapping[str, object]) -> tuple[str, ...]:
    modes = config.get("pooling_mode")
    if modes is None:
        old = tuple(mode for mode, end in zip(POOLINGS, _LEGACY, strict=True) if config.get(f"pooling_mode_{end}"))
        return old or ("mean",)
    modes = [modes] if isinstance(modes, str) else modes
    if not isinstance(modes, list) or not modes or any(mode not in POOLINGS for mode in modes):
        raise _malformed(weights, "the Pooling", f"has the pooling_mode {modes!r}, which is unknown")
    return tuple(modes)


def _prompts(weights: Weights, config: Mapping[str, object]) -> tuple[dict[str, str], str | None]:
    """The prompts by name, and the name of the default prompt."""
    prompts, default = config.get("prompts") or {}, config.get("default_prompt_name")
    if not isinstance(prompts, dict) or any(not isinstance(text, str | None) for text in prompts.values()):
        raise _malformed(weights, _CONFIG, "has prompts that are not texts by name")
    # "query" and "document" exist by default; both are empty.
    if default is not None and (not isinstance(default, str) or default not in {*prompts, "query", "document"}):
        raise _malformed(weights, _CONFIG, f"has the default_prompt_name {default!r}, but no such prompt")
    return {name: text or "" for name, text in prompts.items()}, default


class _UnreadError(Exception):
    """It is unknown whether a file exists."""


def _object(weights: Weights, name: str) -> dict[str, object]:
    """The object in a JSON file of the checkpoint; empty if there is no such file."""
    content = _read(weights, name)
    if content is not None and not isinstance(content, dict):
        raise _malformed(weights, name, "holds no JSON object")
    return content or {}


def _read(weights: Weights, name: str) -> object:
    """The content of a JSON file of the checkpoint; ``None`` if there is no such file."""
    file = Path(weights.location) / name if weights.kind == "folder" else _from_hub(weights, name)
    if file is None or not file.is_file():
        return None
    try:
        return cast(object, read_json(file))
    except (OSError, JsonError) as error:
        raise _malformed(weights, name, "cannot be read as JSON") from error


def _from_hub(weights: Weights, name: str) -> Path | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(weights.location, name, revision=weights.revision or "main"))
    except LocalEntryNotFoundError as error:
        raise _UnreadError from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # loading the weights will report what is wrong with the repository
        raise _UnreadError from error


def _malformed(weights: Weights, name: str, problem: str) -> InputError:
    return InputError(f"{name} of {weights.location} {problem}; save the model again with sentence-transformers")
