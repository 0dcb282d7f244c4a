"""The three splits of a dataset: their files, their identity, and a dev split that is cut from train."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from harness.errors import InputError
from tasks.data import SPLITS, Split

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")

NAMES: Mapping[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "dev": ("dev", "validation", "valid", "val", "development"),
    "test": ("test", "testing"),
}
"""Names of each split in files and on the hub; lower case."""

HELD_OUT = 0.1
"""The largest share of the training examples to cut off if a benchmark publishes no usable dev split."""


def name_of_split(names: Iterable[str], split: Split, where: object) -> str | None:
    """The published name of a split among others: one of `NAMES`, else one that begins like one, such as ``validation_matched``.

    Args:
        names: of splits.
        split: that is looked for.
        where: a folder or hub id, for messages.

    Raises:
        InputError: several names fit exactly.
    """
    names = sorted(names)
    exact = [name for name in names if name.casefold() in NAMES[split]]
    if len(exact) > 1:
        raise InputError(f"{where} holds {' and '.join(exact)}, and either may be the {split} split; leave one")
    begins = tuple(f"{name}{sign}" for name in NAMES[split] for sign in "_-.")
    return next(iter(exact), None) or next((name for name in names if name.casefold().startswith(begins)), None)


def split_files(folder: Path, suffix: str, without_train: bool = False) -> dict[Split, Path]:
    """The files of the splits of a local dataset.

    Args:
        folder: holds them.
        suffix: of their names.
        without_train: accept a folder without train, whose model is trained on another dataset.

    Raises:
        InputError: train is missing, or two files may be the same split.
    """
    stems = [path.stem for path in folder.glob(f"*{suffix}") if path.is_file()]
    found = {split: name for split in SPLITS if (name := name_of_split(stems, split, folder))}
    if without_train and not found:
        raise InputError(f"{folder / f'test{suffix}'} is missing; the folder of a dataset to test on holds it")
    if "train" not in found and not without_train:
        needed = ", ".join(f"{split}{suffix}" for split in SPLITS)
        raise InputError(f"{folder / f'train{suffix}'} is missing; the folder of a dataset to train on holds {needed}")
    return {split: folder / f"{name}{suffix}" for split, name in found.items()}


def files_identity(files: Mapping[Split, Path]) -> str:
    """sha256 (hex) over the bytes of the split files."""
    digest = hashlib.sha256()
    for split, file in files.items():
        content = read_bytes(file)
        digest.update(f"{split} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def read_bytes(file: Path) -> bytes:
    """The file's content.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); check its permissions") from error


def fingerprint(splits: Mapping[Split, Sequence[DataclassInstance]]) -> str:
    """sha256 (hex) over the examples of all splits in order, which are dataclasses.

    The field ``id`` is left out, because it differs between copies of the same data.
    """
    digest = hashlib.sha256()
    for split in SPLITS:
        for example in splits[split]:
            values = [getattr(example, field.name) for field in fields(example) if field.name != "id"]
            digest.update(json.dumps([split, *values], ensure_ascii=True, default=astuple).encode() + b"\n")
    return digest.hexdigest()


def hold_out(examples: Sequence[T], size: int, group: Callable[[T], Hashable]) -> tuple[list[T], list[T]]:
    """Cut a dev split from train: the same for everyone, and no group is in both.

    Args:
        examples: the published training examples.
        size: number of dev examples; at most a tenth of all examples, plus the rest of the last group.
        group: the property of examples that must not be shared, such as their article.

    Returns:
        The remaining training examples and the dev examples, both in their original order.
    """
    groups = list(dict.fromkeys(group(example) for example in examples))
    sizes: dict[Hashable, int] = dict.fromkeys(groups, 0)
    for example in examples:
        sizes[group(example)] += 1
    wanted = min(size, int(len(examples) * HELD_OUT))
    held: set[Hashable] = set()
    for index in np.random.default_rng(0).permutation(len(groups)):
        if wanted <= 0:
            break
        held.add(groups[index])
        wanted -= sizes[groups[index]]
    train = [example for example in examples if group(example) not in held]
    return train, [example for example in examples if group(example) in held]
