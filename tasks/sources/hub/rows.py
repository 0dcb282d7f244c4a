"""Datasets on the Hugging Face hub: declared files at a pinned commit, read by `datasets` without any script.

A folder that was downloaded with ``hf download ID --repo-type dataset --local-dir DIR`` is read in the same way by
the local cache; without network, the error explains how to get the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.errors import InputError, on_one_line
from tasks.data import SPLITS, DatasetInfo, Split
from tasks.sources.hub.commit import Place, UnreachableError, commit_of, place_of
from tasks.sources.sentence import Sentence

HubRow = dict[str, Any]
"""A row of a hub dataset: column -> value; the columns and their types depend on the dataset."""


def resolve_revision(info: DatasetInfo) -> str:
    """The commit to read: the declared one, or the present one of the declared branch, which is ``main`` if none is declared.

    Raises:
        InputError: no commit is declared and the hub cannot be asked, see `tasks.sources.hub.commit.ask`.
    """
    return commit_of(str(info.hub_id), "dataset", info.revision)


def load_rows(info: DatasetInfo, revision: str, root: str | None = None) -> dict[Split, list[HubRow]]:
    """The rows of the declared files of each split; a split without declared files has none.

    Args:
        info: a dataset with ``hub_options`` ``format`` (``parquet`` or ``json``) and ``files``.
        revision: the commit to read.
        root: a local copy of the repository, instead of the hub.

    Raises:
        InputError: the hub cannot be reached, or a file is not as declared.
    """
    from datasets import load_dataset

    place = Place(root) if root else place_for(info, str(info.hub_id), revision)
    files = {split: [place.file(name) for name in names] for split, names in info.hub_options["files"].items()}
    try:
        loaded = load_dataset(info.hub_options["format"], data_files=files)
    except Exception as error:
        raise unreachable(info, error) from error
    return {split: list(loaded[split]) for split in SPLITS if split in files}


def load_sentences(info: DatasetInfo, root: str | None = None) -> tuple[dict[Split, list[Sentence]], str]:
    """Named-entity sentences of a hub dataset, and the commit they were read at.

    Raises:
        InputError: see `load_rows`; or a column or label id is not as declared.
    """
    revision = info.revision or "local" if root else resolve_revision(info)
    tokens, tags, labels = (info.hub_options[name] for name in ("tokens", "tags", "labels"))
    splits: dict[Split, list[Sentence]] = {}
    for split, rows in load_rows(info, revision, root).items():
        splits[split] = []
        for number, row in enumerate(rows):
            if tokens not in row or tags not in row or len(row[tokens]) != len(row[tags]):
                raise InputError(
                    f"row {number} of {info.hub_id} ({split}) does not hold equally many {tokens!r} and {tags!r}; "
                    f"its columns are {', '.join(row)}"
                )
            if not row[tokens]:
                continue
            try:
                names = tuple(tag if isinstance(tag, str) else name_of(tag, labels) for tag in row[tags])
            except IndexError as error:
                raise InputError(
                    f"row {number} of {info.hub_id} ({split}) has the label id {error}, but only {len(labels)} are declared"
                ) from None
            splits[split].append(Sentence(tuple(row[tokens]), names, f"{split}:{number}"))
    return splits, revision


def place_for(info: DatasetInfo, hub_id: str, revision: str | None) -> Place:
    """See `tasks.sources.hub.commit.place_of`; the error says how to get the dataset.

    Raises:
        InputError: neither the hub nor its cache can be read.
    """
    try:
        return place_of(hub_id, revision)
    except UnreachableError as error:
        raise unreachable(info, error.cause) from error


def name_of(label: int, names: Sequence[str]) -> str:
    """The name of a label id.

    Raises:
        IndexError: no label has this id; a negative id does not count from the end. The message is the id.
    """
    if not 0 <= label < len(names):
        raise IndexError(str(label))
    return names[label]


def unreachable(info: DatasetInfo, error: Exception) -> InputError:
    """The error for a dataset that cannot be read, with the ways to get it onto a machine without network."""
    return InputError(
        f"{info.hub_id} could not be read from the hub ({on_one_line(error)}); on a machine with network run "
        f"`hf download {info.hub_id} --repo-type dataset{'' if info.revision is None else ' --revision ' + info.revision}` "
        "and copy the HF_HOME cache here, or fill a folder with `harness fetch` there and use --data-dir here"
    )
