"""Find a dataset: built on this machine, in a local folder, or on the hub. One never silently replaces another."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import InputError
from harness.registry import suggestion
from harness.values import no_folder
from tasks.data import DatasetInfo

_FORM = "; --data-dir takes a folder that holds FAMILY/DATASET"


def is_folder(path: Path) -> bool:
    """Whether the path is a folder; False, not an error, if its name is too long or its parent may not be read."""
    return os.path.isdir(path)  # noqa: PTH112


def local_datasets(root: Path, folders: Sequence[str]) -> dict[str, Path]:
    """The folders of a family's datasets by name: of equal names the one that `locate` finds.

    Args:
        root: the data folder.
        folders: possible names of the family's folder, in order.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        if not is_folder(root / folder):
            continue
        for path in sorted((root / folder).iterdir()):
            if path.is_dir() and not path.name.startswith("."):
                found.setdefault(path.name, path)
    return found


def locate(
    family: str,
    dataset: str,
    datasets: Mapping[str, DatasetInfo],
    data_dir: str | None,
    folders: Sequence[str] = (),
) -> Path | DatasetInfo:
    """Find ``family/dataset``: the folder ``data_dir/family/dataset`` if a data folder is given, else the declared source.

    An embedded dataset is never read from a folder.

    Args:
        family: name of the task.
        dataset: as typed after the slash.
        datasets: declared by the task.
        data_dir: the folder of local datasets, if the user gave one.
        folders: possible names of the family's folder, in order; empty for its own name.

    Raises:
        InputError: the dataset is neither declared nor in the data folder, or the data folder does not exist.
    """
    try:
        return _locate(family, dataset, datasets, data_dir, folders or (family,))
    except OSError as error:  # such as a folder that may not be read, or a name that is too long
        raise InputError(
            f"{family}/{dataset[:40]} cannot be found in {data_dir} ({error.strerror}); check --data-dir and its permissions"
        ) from error


def _locate(
    family: str, dataset: str, datasets: Mapping[str, DatasetInfo], data_dir: str | None, folders: Sequence[str]
) -> Path | DatasetInfo:
    info = datasets.get(dataset)
    if info is not None and info.source == "embedded":
        return info
    if data_dir is None:
        if info is None:
            raise InputError(
                f"there is no dataset {family}/{dataset}{suggestion(dataset, datasets)} (a local folder needs --data-dir)"
            )
        return info
    root = Path(data_dir)
    if not root.is_dir():
        wrong = "is a file" if root.is_file() else "does not exist"
        raise InputError(f"the data folder {data_dir} {wrong}; --data-dir takes a folder that holds {family}/{dataset}")
    if "/" in dataset or dataset in {"", ".", ".."}:
        raise InputError(f"{family}/{dataset} is not a dataset name; --task takes FAMILY or FAMILY/DATASET")
    families = [root / name for name in folders]
    if found := next((path / dataset for path in families if (path / dataset).is_dir()), None):
        return found
    there = sorted(
        path.name for family_folder in families if family_folder.is_dir() for path in family_folder.iterdir()
    )
    elsewhere = sorted(f"{path.name}/{dataset}" for path in root.iterdir() if (path / dataset).is_dir())
    raise InputError(
        no_folder(root / family / dataset)
        + (f", but there is {' and '.join(elsewhere)}" if elsewhere else suggestion(dataset, there) or _FORM)
        + ("" if info is None else " (without --data-dir the hub's copy is used)")
    )
