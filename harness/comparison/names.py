"""What tables and figures call the models of a store, and how large these are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from harness.progress import short_count
from harness.store.record import OWN_SIZE, ModelEntry, PointModel, RunRecord, architecture_of

Sized = ModelEntry | PointModel
Files = tuple[str, str, str]
"""The encoder, its size, and the digest of its weights without what a task adds to it."""


def files_of(model: ModelEntry) -> Files:
    """What tells models apart. Pretrainings that differ in their seed alone are one model."""
    origin = model.get("pretraining")
    return architecture_of(model), model["size"], origin["group"] if origin else digest_of(model)


def digest_of(model: ModelEntry) -> str:
    """The digest of a model's weights, without what a task or a deployment adds to their identity."""
    return str(model["identity"]).partition(" ")[0]


def shown_names(records: Iterable[RunRecord]) -> Mapping[Files, str]:
    """One name for each model that people have named.

    A model that has several names gets the one of most runs. Different models of one name are told apart by the end of their
    digest.
    """
    given: dict[Files, Counter[str]] = defaultdict(Counter)
    for record in records:
        if is_named(record["model"]):
            given[files_of(record["model"])][record["model"]["name"]] += 1
    names = {files: min(found, key=lambda name: (-found[name], name)) for files, found in given.items()}
    count = Counter(names.values())
    return {files: name if count[name] == 1 else f"{name} {files[2][-8:]}" for files, name in names.items()}


def shown_weights(records: Iterable[RunRecord]) -> Mapping[Files, str]:
    """One name for the weights of each model that was pretrained from several seeds into folders of several names.

    It is ``pretrained-10M`` for ten million tokens.
    """
    folders: dict[Files, set[str]] = defaultdict(set)
    tokens: dict[Files, int] = {}
    for record in records:
        if origin := record["model"].get("pretraining"):
            files = files_of(record["model"])
            folders[files].add(record["model"]["weights"])
            tokens[files] = origin["tokens"]
    return {files: f"pretrained-{short_count(tokens[files])}" for files, found in folders.items() if len(found) > 1}


def is_named(model: ModelEntry) -> bool:
    """Whether a model has a name of its own, and not that of its encoder."""
    return "architecture" in model


def parameters_in_words(model: Sized) -> str:
    """``22.6 M (10.6 M without embeddings)``."""
    total, others = model.get("params_total"), model.get("params_non_embedding")
    if total is None or others is None:
        return "size unknown"
    return f"{millions(total)} ({millions(others)} without embeddings)"


def size_in_words(size: str) -> str:
    """The name of a size; of weights that are no size of a registered encoder: ``own weights``."""
    return "own weights" if size == OWN_SIZE else size


def size_of(model: Sized) -> str:
    """The size to show: that of a registered encoder by its name, that of other weights by their parameters."""
    return parameters_in_words(model) if model["size"] == OWN_SIZE else model["size"]


def size_of_all(models: Iterable[Sized]) -> str:
    """The size of models that are compared: the one that they share, or the range of their parameters."""
    several = {model.get("params_total", 0): model for model in models}
    sizes = dict.fromkeys(size_of(several[total]) for total in sorted(several))
    if len(sizes) < 2:
        return next(iter(sizes), "")
    return f"{millions(min(several))} to {millions(max(several))} parameters"


def millions(count: float) -> str:
    """A count of parameters: ``0``, ``3.25 M``, ``125 M``."""
    if not count:
        return "0"
    return f"{count / 1e6:.2f} M" if count < 1e7 else f"{count / 1e6:,.0f} M"
