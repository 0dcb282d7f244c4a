"""Datasets: how they are declared, and their examples once they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

Split = Literal["train", "dev", "test"]

SPLITS: tuple[Split, ...] = ("train", "dev", "test")

Example = Any
"""One example of a dataset. Every family has its own class, which only the family's own code reads."""


OwnDocument = Literal["same_text", "leave_out", "keep"]
"""Which queries of a test collection skip the document with their id, see `tasks.sources.own_documents.Rule`."""


class HubOptions(TypedDict, total=False):
    """How a dataset of the hub is read; each format needs some of the keys."""

    format: Literal["parquet", "json", "mldr"]
    files: Mapping[Split, Sequence[str]]
    """Files of each split in the repository; without ``dev``, it is cut from train."""
    columns: str | tuple[str, ...]
    """Names of the columns with texts, or ``record`` for the layout of ReCoRD; of three, the first is a word in the second."""
    target: str
    """Column of the score, or of the list of labels."""
    labels: tuple[str, ...]
    """Names of the label ids, in order."""
    tokens: str
    """Column of the words of a sentence."""
    tags: str
    """Column of the tag ids of a sentence."""
    corpus: str
    """File of the documents in the repository."""
    queries: str
    """File of the queries in the repository."""
    qrels_id: str
    """Repository of the judgements."""
    qrels_revision: str | None
    """Its commit, or a branch; ``None`` for ``main``."""
    qrels: Mapping[Split, str]
    """File of the judgements of each split."""


@dataclass(frozen=True)
class DatasetInfo:
    """The declaration of a dataset; nothing is read or fetched until a run needs it.

    Attributes:
        name: that a user types after the family, as in ``ner/wnut17``.
        source: ``embedded`` (built on this machine, no download) or ``hub``. Either kind also reads a local
            folder of the same name when ``--data-dir`` is given, except embedded ones.
        description: one line for ``harness list``.
        licence: licence of the texts.
        hub_id: repository on the Hugging Face hub.
        revision: its commit, or a branch; ``None`` for ``main``. A run resolves a branch to the commit that it is then.
        hub_options: how to read it.
        languages: of the texts, as ISO 639-1 codes.
        sizes: published number of examples of each split, if it could be verified; a dev split that is cut from train,
            because the benchmark hides the labels of its test split, has none.
        own_document: of a test collection, which queries skip the document with their id; see
            `tasks.sources.own_documents.Rule`.
        caveats: limits of the meaning of the scores, one sentence each; recorded, and shown beside them by every report.
        metric: the main metric, if it is not the family's.
        positive: for the metric ``accuracy_f1``, the label whose F1 counts, or `tasks.metrics.MACRO`.
        score_range: of a score to predict, the lowest and the highest possible value.
    """

    name: str
    source: Literal["embedded", "hub"]
    description: str
    licence: str
    hub_id: str | None = None
    revision: str | None = None
    hub_options: HubOptions = field(default_factory=HubOptions)
    languages: tuple[str, ...] = ("en",)
    sizes: Mapping[Split, int] = field(default_factory=dict)
    own_document: OwnDocument = "same_text"
    caveats: tuple[str, ...] = ()
    metric: str = ""
    positive: str = ""
    score_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Data:
    """The examples of one dataset.

    Attributes:
        splits: examples of ``train``, ``dev`` and ``test``.
        labels: of the head, in the order of its outputs.
        origin: of the examples, for people: a folder, a hub id with revision, or ``embedded``.
        fingerprint: sha256 over the examples; scores are comparable only between equal fingerprints.
        notes: problems that were found and fixed while reading, one sentence each; shown to the user and recorded.
        sources: versions of the packages that an embedded dataset was built from.
        n_skipped: malformed examples that were left out at the user's request.
        n_unscored: examples of dev and test that a trial does not score.
    """

    splits: Mapping[Split, Sequence[Example]]
    labels: tuple[str, ...]
    origin: str
    fingerprint: str
    notes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    n_skipped: int = 0
    n_unscored: int = 0
