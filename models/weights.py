"""What ``--weights`` names, and the digest by which runs tell weights apart."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.values import no_folder
from models import checkpoint
from models.encoder import Encoder
from models.own_architecture import architecture_digest
from models.shipped import SHIPPED, shipped_for

NAMED = ("scratch", SHIPPED, "hub")
"""Values of ``--weights`` that mean other weights for each encoder; all others are the checkpoint of one encoder."""
_SPACES_MENDED = "spaces as in running text"
"""Part of the identity of weights whose tokenizer was once read differently (see `checkpoint.spaces_were_misread`), so that old
runs of these weights are other cells."""


@dataclass(frozen=True)
class Weights:
    """The source of an encoder's weights.

    Attributes:
        kind: ``scratch``, ``hub`` or ``folder``.
        location: a hub id or a folder; empty for ``scratch``.
        revision: the commit of a hub id.
        identity: digest of weights and tokenizer, or hub id with commit; of an encoder that did not come with the package also a
            digest of its architecture.
    """

    kind: str
    location: str
    revision: str | None
    identity: str

    def as_typed(self, typed: str) -> str:
        """What a user typed for these weights, without the revision of a hub id, which `revision` has."""
        return self.location if self._typed_as_hub_id(typed) else typed

    def repeatable(self, typed: str) -> str:
        """What names these weights whatever happens on the hub: a hub id that a user typed is given its commit."""
        return f"{self.location}@{self.revision}" if self._typed_as_hub_id(typed) else typed

    def _typed_as_hub_id(self, typed: str) -> bool:
        return self.kind == "hub" and checkpoint.hub_id_and_revision(typed)[0] == self.location


def find_weights(encoder: Encoder, size: str, weights: str) -> Weights:
    """Find the weights that ``--weights`` means for this encoder, without loading them.

    Args:
        encoder: the encoder.
        size: one of its sizes; ignored if ``weights`` is a checkpoint, whose config decides.
        weights: ``scratch``, ``tiny-pretrained``, ``hub``, the path of a folder, or a hub id with a revision or without.

    Raises:
        InputError: the folder holds no model of this encoder, no weights of this size are published, or the commit of a hub id is
            not known, because neither the hub nor its cache on this machine could be read.
    """
    if weights == "scratch":
        from models import tokenizer

        return Weights("scratch", "", None, f"scratch {tokenizer.identity()}{of_architecture(encoder, size)}")
    if weights == "hub":
        declared = encoder.size(size)
        if declared.hub_id is None:
            published = [name for name, other in encoder.sizes.items() if other.hub_id]
            raise InputError(
                f"no weights of {encoder.name} {size} are published"
                + (f"; use --size {' or '.join(published)}" if published else "; use --weights scratch or a path")
            )
        return _of_hub(encoder, declared.hub_id, declared.revision)
    folder = shipped_for(encoder) if weights == SHIPPED else Path(weights).expanduser()
    if folder.is_dir():
        _check_folder(encoder, folder)
        return Weights("folder", str(folder), None, f"{_digest(folder)}{of_architecture(encoder)}")
    if not checkpoint.may_be_hub_id(weights):
        raise InputError(
            f"{no_folder(weights)}; --weights takes {', '.join(NAMED)}, a folder or a hub id OWNER/NAME[@REVISION]"
        )
    return _of_hub(encoder, *checkpoint.hub_id_and_revision(weights))


def _of_hub(encoder: Encoder, hub_id: str, revision: str | None) -> Weights:
    from tasks.sources.hub.commit import commit_of  # the command line reads options without numpy, which tasks need

    if Path(hub_id).is_dir():  # transformers prefers it
        raise InputError(
            f"the folder {hub_id} would be read in place of the model on the hub; start in another folder, or give the folder as "
            f"--weights ./{hub_id}"
        )
    commit = commit_of(hub_id, "model", revision)
    # The tokenizer of a hub id is unknown before it is fetched. BERT and NeoBERT use WordPiece, which was never misread.
    spaces = "" if encoder.name in ("bert", "neobert") else f" {_SPACES_MENDED}"
    return Weights("hub", hub_id, commit, f"{hub_id}@{commit}{spaces}{of_architecture(encoder)}")


def of_architecture(encoder: Encoder, size: str | None = None) -> str:
    """The end of the identity of weights, see `models.own_architecture`."""
    digest = architecture_digest(encoder, size)
    return f" architecture {digest}" if digest else ""


def _check_folder(encoder: Encoder, folder: Path) -> None:
    checkpoint.refuse_lfs_pointers(folder)
    model_type = checkpoint.read_config(folder).get("model_type")
    if model_type is not None and model_type not in encoder.model_types:
        raise InputError(f"{folder} holds a {model_type} model, not {encoder.name}; choose --model to match")
    if list(folder.glob("*.safetensors")):
        return
    pickles = (path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern))
    if pickle := next(pickles, None):
        raise InputError(
            f"{folder} holds no *.safetensors; {pickle} is a pickle, which can run code and is not read: "
            "convert it with save_pretrained"
        )
    raise InputError(f"{folder} holds no *.safetensors")


def _digest(folder: Path) -> str:
    """sha256 over config, weights and tokenizer of a checkpoint."""
    digest = hashlib.sha256()
    for file in checkpoint.deciding_files(folder):
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    if checkpoint.spaces_were_misread(folder):
        digest.update(_SPACES_MENDED.encode())
    return digest.hexdigest()
