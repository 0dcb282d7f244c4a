"""Repositories and layouts that several families share."""

from __future__ import annotations

from typing import TypedDict

from tasks.data import HubOptions, Split


class Repository(TypedDict):
    """Hub id and commit of a dataset."""

    hub_id: str
    revision: str


GLUE: Repository = {"hub_id": "nyu-mll/glue", "revision": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"}
SUPERGLUE: Repository = {"hub_id": "aps/super_glue", "revision": "5234c61e804e85e5994b14b002fa9ec34487bcfb"}
_PARTS = "00000-of-00001.parquet"
TRUTH = ("False", "True")
"""Labels of yes-no questions."""


def glue_options(config: str, dev: str, columns: tuple[str, ...], labels: tuple[str, ...]) -> HubOptions:
    """Options of a task of GLUE or SuperGLUE: its test labels are hidden, so its development set is the test split."""
    files: dict[Split, list[str]] = {"train": [f"{config}/train-{_PARTS}"], "test": [f"{config}/{dev}-{_PARTS}"]}
    return {"format": "parquet", "files": files, "columns": columns, "labels": labels}


def published(files: dict[Split, str], columns: tuple[str, ...], labels: tuple[str, ...]) -> HubOptions:
    """Options of a dataset with one Parquet file for each split, named without its last part."""
    named: dict[Split, list[str]] = {split: [f"{name}-{_PARTS}"] for split, name in files.items()}
    return {"format": "parquet", "files": named, "columns": columns, "labels": labels}
