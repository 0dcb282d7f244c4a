"""The commit of a revision of a repository on the Hugging Face hub, so that what is read is known when the hub changes.

The hub is asked once in a process. If it cannot be reached, the hub's own cache on this machine is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from harness.errors import InputError, on_one_line

Kind = Literal["model", "dataset"]
MAIN = "main"
TIMEOUT_S = 10.0
"""The longest wait for an answer of the hub."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


class UnreachableError(InputError):
    """Neither the hub nor its cache on this machine could be read.

    Attributes:
        cause: what the request to the hub raised.
    """

    def __init__(self, message: str, cause: Exception) -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True)
class Found:
    """Where a revision is: its commit, and its folder in the hub's cache on this machine if the hub cannot be reached."""

    commit: str
    folder: Path | None = None


@dataclass(frozen=True)
class Place:
    """Where `datasets` reads a repository: on the hub at a commit, or in a folder, which has none."""

    path: str
    revision: str | None = None

    def file(self, name: str) -> str:
        """One of its files."""
        return f"{self.path}@{self.revision}/{name}" if self.revision else f"{self.path}/{name}"


def commit_of(hub_id: str, kind: Kind, revision: str | None = None) -> str:
    """The commit of a revision; the hub is asked only if that is not a full commit.

    Args:
        hub_id: ``OWNER/NAME``.
        kind: of the repository.
        revision: a commit, branch or tag; ``None`` for ``main``.

    Raises:
        InputError: see `ask`.
    """
    return revision if revision and _COMMIT.fullmatch(revision) else ask(hub_id, kind, revision or MAIN).commit


def place_of(hub_id: str, revision: str | None) -> Place:
    """Where `datasets` reads a dataset repository: on the hub, or in the hub's cache if the hub cannot be reached.

    Raises:
        InputError: see `ask`.
    """
    if folder := ask(hub_id, "dataset", revision or MAIN).folder:
        return Place(str(folder))
    # The prefix keeps `datasets` from reading a local folder with the same name.
    return Place(f"hf://datasets/{hub_id}", commit_of(hub_id, "dataset", revision))


@cache
def ask(hub_id: str, kind: Kind, revision: str) -> Found:
    """Ask the hub for the commit of a revision, once in a process.

    Raises:
        InputError: there is no such repository or revision, it may not be read, or neither the hub nor its cache on this
            machine can be read (`UnreachableError`).
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return Found(str(HfApi().repo_info(hub_id, repo_type=kind, revision=revision, timeout=TIMEOUT_S).sha))
    except GatedRepoError as error:
        page = f"https://huggingface.co/{'datasets/' if kind == 'dataset' else ''}{hub_id}"
        raise InputError(f"{hub_id} is gated: ask for access at {page} and set HF_TOKEN") from error
    except RevisionNotFoundError as error:
        raise InputError(f"{hub_id} has no revision {revision!r} on the hub; leave it out for main") from error
    except RepositoryNotFoundError as error:
        nothing = "no folder and no model" if kind == "model" else "no dataset"
        raise InputError(
            f"there is {nothing} {hub_id} on the hub, or it is private; check the name, or set HF_TOKEN"
        ) from error
    except Exception as error:  # a missing network can raise anything
        if folder := _cached(hub_id, kind, revision):
            return Found(folder.name, folder)
        raise _unreachable(hub_id, kind, revision, error) from error


def _cached(hub_id: str, kind: Kind, revision: str) -> Path | None:
    """The folder of a revision in the hub's cache on this machine; of a model it may hold only a part of the files."""
    from huggingface_hub import snapshot_download

    needed = "config.json" if kind == "model" else None
    try:
        found = snapshot_download(
            hub_id, repo_type=kind, revision=revision, allow_patterns=needed, local_files_only=True
        )
    except Exception:  # no such snapshot, or a cache that cannot be read: either way it does not say the commit
        return None
    folder = Path(found)
    return folder if _COMMIT.fullmatch(folder.name) else None


def _unreachable(hub_id: str, kind: Kind, revision: str, error: Exception) -> UnreachableError:
    pinned = "" if revision == MAIN else f" --revision {revision}"
    if kind == "model":
        fetch, then = f"--local-dir DIR{pinned}", ", copy DIR here and give DIR in its place"
    else:
        fetch, then = f"--repo-type dataset{pinned}", " and copy the HF_HOME cache here"
    return UnreachableError(
        f"{hub_id} could not be read from the hub ({on_one_line(error)}); on a machine with network run "
        f"`hf download {hub_id} {fetch}`{then}",
        error,
    )
