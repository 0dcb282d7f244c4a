"""Which of the three sources a dataset name means: embedded, a local folder, or the hub. Never a silent fallback."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.registry import suggestion
from tasks.task import DatasetInfo


@dataclass(frozen=True)
class Embedded:
    """A dataset that is built on this machine from what is installed."""

    info: DatasetInfo


@dataclass(frozen=True)
class Folder:
    """A dataset in a local folder."""

    path: Path


@dataclass(frozen=True)
class Hub:
    """A dataset on the Hugging Face hub, at its pinned revision."""

    info: DatasetInfo


_FORM = "; --data-dir takes a folder that holds FAMILY/DATASET"


def is_folder(path: Path) -> bool:
    """Whether it is a folder that can be seen: False, and no error, where its name is too long or its parent closed."""
    return os.path.isdir(path)  # noqa: PTH112


def locate(
    family: str,
    dataset: str,
    datasets: Mapping[str, DatasetInfo],
    data_dir: str | None,
    folder: str | None = None,
) -> Embedded | Folder | Hub:
    """Find the source of ``family/dataset``: ``data_dir/family/dataset`` if a data folder is given, else the hub.

    Args:
        family: name of the task and of the folder below ``data_dir``.
        dataset: what the user typed after the slash.
        datasets: those that the task declares.
        data_dir: the folder of local datasets, if the user gave one.
        folder: another name that the folder of the family may have, which is looked for first.

    Raises:
        InputError: neither declares or holds the dataset, or the data folder does not exist.
    """
    try:
        return _locate(family, dataset, datasets, data_dir, folder)
    except OSError as error:  # such as a folder that may not be read, or a name that is too long for one
        raise InputError(
            f"{family}/{dataset[:40]} cannot be looked for in {data_dir} ({error.strerror}); check --data-dir and its permissions"
        ) from error


def _locate(
    family: str, dataset: str, datasets: Mapping[str, DatasetInfo], data_dir: str | None, folder: str | None
) -> Embedded | Folder | Hub:
    info = datasets.get(dataset)
    if info is not None and info.source == "embedded":
        return Embedded(info)
    if data_dir is None:
        if info is None:
            raise InputError(
                f"there is no dataset {family}/{dataset}{suggestion(dataset, datasets)} (a local folder needs --data-dir)"
            )
        return Hub(info)
    root = Path(data_dir)
    if not root.is_dir():
        raise InputError(
            f"the data folder {data_dir} does not exist; --data-dir takes a folder that holds {family}/{dataset}"
        )
    if "/" in dataset or dataset in {"", ".", ".."}:
        raise InputError(f"{family}/{dataset} is no dataset name; --task takes FAMILY or FAMILY/DATASET")
    families = [root / name for name in (folder, family) if name]
    if found := next((path / dataset for path in families if (path / dataset).is_dir()), None):
        return Folder(found)
    there = sorted(
        path.name for family_folder in families if family_folder.is_dir() for path in family_folder.iterdir()
    )
    elsewhere = sorted(f"{path.name}/{dataset}" for path in root.iterdir() if (path / dataset).is_dir())
    raise InputError(
        f"there is no folder {root / family / dataset}"
        + (f", but there is {' and '.join(elsewhere)}" if elsewhere else suggestion(dataset, there) or _FORM)
        + ("" if info is None else " (without --data-dir the hub's copy is used)")
    )
