"""What reports call a model: the name that was given, else its hub id or the part of its folder's name that says something."""

from __future__ import annotations

from pathlib import Path

from harness.cells.request import Request
from harness.errors import InputError
from harness.store.pretrained import read_pretraining
from harness.values import name_of_folder
from models import MODELS
from models.architectures import is_location
from models.checkpoint import hub_id_and_revision
from models.ranker import RANKERS


def own_name(request: Request, encoder: str) -> str:
    """The name of a request's model, if it has one of its own.

    Args:
        request: the run.
        encoder: name of the model's encoder or ranker.

    Returns:
        The given name, else that of a folder or hub id. Empty for models that are called as their encoder: those that were named
        by it, and those that this harness pretrained.

    Raises:
        InputError: the name is that of another model in the registry.
    """
    name = request.name or (name_of_location(request.model) if is_location(request.model) else "")
    if name != encoder and (name in MODELS or name in RANKERS):
        raise InputError(f"{name} is the name of another registered model; give this one a --name of its own")
    return "" if name in MODELS or name in RANKERS else name


def name_of_location(location: str) -> str:
    """The name of a model in a folder or at a hub id. One that this harness pretrained is called as its encoder."""
    folder = Path(location).expanduser()
    if not folder.is_dir():
        return hub_id_and_revision(location)[0]
    pretrained = read_pretraining(folder)
    return pretrained["model"]["name"] if pretrained else name_of_folder(str(folder.resolve()))
