"""A digest of what decides the architecture of an encoder that did not come with the package: its declaration and its code.

The code of the package's own encoders and of `transformers` is not counted, as for the encoders that came with the package.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from models.encoder import BUILT_IN, Encoder

_NOT_COUNTED = ("models", "transformers")


def architecture_digest(encoder: Encoder, size: str | None = None) -> str:
    """sha256 (hex) of the declaration of an encoder and of the Python files of its classes.

    Args:
        encoder: the encoder.
        size: of random weights, whose config values count; ``None`` for a checkpoint, whose config.json has these values.

    Returns:
        An empty text for an encoder that came with the package, and for a checkpoint whose classes are those of `transformers`.
    """
    if encoder.name in BUILT_IN:
        return ""
    files = {name: file for path in (encoder.config, encoder.model) for name, file in _sources(path.partition(":")[0])}
    if size is None and not files:
        return ""
    declared = [encoder.config, encoder.model, dict(encoder.model_options)]
    declared += [] if size is None else [dict(encoder.size(size).options)]
    digest = hashlib.sha256(json.dumps(declared, sort_keys=True, default=str).encode())
    for name, file in sorted(files.items()):
        digest.update(f"{name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _sources(module: str) -> Iterator[tuple[str, Path]]:
    """The Python files of a module and of the package that it is in, by names that are equal on every machine."""
    top = module.partition(".")[0]
    if top in _NOT_COUNTED:
        return
    try:
        spec = find_spec(top)
    except ValueError:  # the module has no file, such as that of a notebook
        return
    if spec is None:  # importing it later says what is wrong
        return
    for folder in spec.submodule_search_locations or ():
        yield from ((f"{top}/{file.relative_to(folder).as_posix()}", file) for file in Path(folder).rglob("*.py"))
    if not spec.submodule_search_locations and spec.origin and Path(spec.origin).is_file():
        yield top, Path(spec.origin)
