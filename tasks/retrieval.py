"""Retrieval: find the documents that answer a query, in the whole corpus, by the inner products of embeddings.

Encoders are trained on train as bi-encoders and scored on dev and test; where a collection judges test queries only, or
where ``--epochs 0`` asks for it, they are scored as they are.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.registry import suggestion
from tasks.ranking import METRICS, Ranking, ranking_scores
from tasks.sources.collection import BuiltCollection, Collection, Document, Query, fingerprint
from tasks.sources.formats.locate import Embedded, Folder, locate
from tasks.sources.formats.writing import write_beir
from tasks.sources.hub.copies import copied_notes
from tasks.sources.own_documents import RULES, Rule, marked, may_hold_own
from tasks.task import DECLARED, Data, DatasetInfo

SHOWN = 10
"""Documents of a ranking that a row holds."""
QUERY_CHARACTERS = 300

DEFAULTS = {
    "query_prefix": "", "document_prefix": "", "document_words": "32",
    "own_document": DECLARED, "pooling": DECLARED, "prompts": DECLARED,
}  # fmt: skip
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
"""Ways to make one vector of the states of a text's tokens, by sentence-transformers' names and in its order."""
SKIPPING = " skipping own documents"
"""Ends the identity of data whose scores changed when queries began to skip their own documents."""

EMBEDDED = {
    "docstrings": "tasks.sources.docstrings.retrieval",
    "needle": "tasks.sources.needle_corpus",
}
"""Modules that build a collection on this machine: each has ``identity()`` and ``load()``, which gives a `BuiltCollection`.

Both take the task's options that the module's ``OPTIONS`` names, if it has any."""


@dataclass(frozen=True)
class SearchableData(Data):
    """See `Data`; the examples are queries.

    Attributes:
        documents: the whole corpus, by id.
    """

    documents: Mapping[str, Document] = field(default_factory=dict)


class Retrieval:
    """The family of test collections.

    Args:
        options: ``query_prefix`` and ``document_prefix`` go before every query and every document, for encoders that were
            trained so; ``document_words`` is the length of a document of ``retrieval/needle``; ``own_document`` says
            which queries skip the document with their id, see `tasks.sources.own_documents.Rule`; ``pooling`` is how an
            encoder's states become one vector, by one or several of `POOLINGS` joined by ``+``; ``prompts`` is ``none`` where
            those of the checkpoint are not to be used.
    """

    family = "retrieval"
    description = "find the documents that answer a query, in the whole corpus"
    head = "embedding"
    metric = METRICS[0]
    default_dataset = "docstrings"
    defaults: Mapping[str, Any] = {"max_length": 64, "batch_size": 64, "epochs": 1.0}
    # Lower than for labels: at 1e-3 BERT finds half as much, since all texts come to lie close together.
    scratch_learning_rate = 3e-4

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self.options = DEFAULTS | dict(options or {})

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        from tasks.catalogue import RETRIEVAL_DATASETS

        return RETRIEVAL_DATASETS

    def configured(self, given: Mapping[str, str]) -> Retrieval:
        """See `Configurable.configured`; any text is a prefix, and what builds a collection says what it takes."""
        for name, values in {"own_document": RULES, "prompts": ("none",)}.items():
            if (value := given.get(name, DECLARED)) not in (DECLARED, *values):
                raise InputError(f"{name} is one of {', '.join((DECLARED, *values))}, not {value!r}")
        pooling = given.get("pooling", DECLARED)
        if (
            pooling != DECLARED
            and (unknown := next((one for one in pooling.split("+") if one not in POOLINGS), None)) is not None
        ):
            raise InputError(f"there is no pooling {unknown!r}{suggestion(unknown, POOLINGS)}")
        return Retrieval(self.options | dict(given))

    def identity(self, dataset: str, data_dir: str | None) -> str:
        """See `Task.identity`: package versions, a digest of the local files, or the hub's revision."""
        source = locate(self.family, dataset, self.datasets, data_dir)
        if isinstance(source, Embedded):
            return str(_module(dataset).identity(**self._building(dataset)))
        if isinstance(source, Folder):
            from tasks.sources.formats import beir

            return beir.identity(source.path) + (SKIPPING if self._skips_own(dataset, source.path) else "")
        options = source.info.hub_options
        qrels = f" {options['qrels_id']}@{options.get('qrels_revision')}" if "qrels_id" in options else ""
        return f"{source.info.hub_id}@{source.info.revision}{qrels} {dataset}"

    def has_training(self, dataset: str, data_dir: str | None) -> bool:
        """See `ZeroShot.has_training`: whether train is judged."""
        source = locate(self.family, dataset, self.datasets, data_dir)
        if isinstance(source, Embedded):
            return True
        if isinstance(source, Folder):
            from tasks.sources.formats import beir

            return beir.has_train(source.path)
        return "train" in source.info.hub_options.get("qrels", {"train": ""})

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> SearchableData:
        """See `Task.load`; a local dataset is ``DIR/retrieval/NAME`` in BEIR's format."""
        source = locate(self.family, dataset, self.datasets, data_dir)
        if isinstance(source, Embedded):
            built: BuiltCollection = _module(dataset).load(**self._building(dataset))
            collection = marked(built.collection, self._rule(dataset))
            digest = built.fingerprint if collection is built.collection else fingerprint(collection)
            return _data(collection, "embedded", digest, built.versions)
        if isinstance(source, Folder):
            from tasks.sources.formats import beir

            collection, origin = beir.load(source.path, skip_bad), str(source.path)
            collection = replace(collection, notes=(*copied_notes(source.path), *collection.notes))
        else:
            from tasks.sources.hub import beir as beir_hub

            collection, revision = beir_hub.load(source.info, skip_bad)
            origin = f"{source.info.hub_id}@{revision}"
        collection = marked(collection, self._rule(dataset))
        return _data(collection, origin, fingerprint(collection))

    def score(self, examples: Sequence[Query], predictions: Sequence[Ranking]) -> dict[str, float]:
        """The means over queries, see `tasks.ranking.ranking_scores`; nothing where there is no query."""
        each = ranking_scores([query.judgements for query in examples], predictions)
        return {name: sum(scores[name] for scores in each) / len(each) for name in METRICS} if each else {}

    def rows(self, examples: Sequence[Query], predictions: Sequence[Ranking]) -> list[dict[str, Any]]:
        """Id and text of each query, its grades, the ten documents that were found first, and its scores."""
        each = ranking_scores([query.judgements for query in examples], predictions)
        return [
            {
                "id": query.id,
                "query": query.text[:QUERY_CHARACTERS],
                "gold": dict(query.judgements),
                "predicted": [[document, round(float(score), 6)] for document, score in ranking[:SHOWN]],
                "scores": scores,
                "terms": [scores[self.metric], 1],
            }
            for query, ranking, scores in zip(examples, predictions, each, strict=True)
        ]

    def write(self, data: SearchableData, folder: Path) -> None:
        """See `tasks.sources.hub.copies.Portable`: BEIR's format."""
        write_beir(data.documents, data.splits, folder)

    def texts(self, example: Query) -> tuple[str, ...]:
        """See `Task.texts`: the query; the documents are the same for all splits."""
        return (example.text,)

    def query_text(self, query: Query) -> str:
        """What an encoder reads of a query."""
        return self.options["query_prefix"] + query.text

    def document_text(self, document: Document) -> str:
        """What an encoder reads of a document."""
        return self.options["document_prefix"] + document.content

    def _rule(self, dataset: str) -> Rule:
        """Which queries skip the document with their id: as the user says, else as the dataset declares."""
        info = self.datasets.get(dataset)
        declared: Rule = info.own_document if info else "same_text"
        return next((rule for rule in RULES if rule == self.options["own_document"]), declared)

    def _skips_own(self, dataset: str, folder: Path) -> bool:
        """Whether any query of a folder skips its own document; every line is read only where one may."""
        from tasks.sources.formats import beir

        rule, found = self._rule(dataset), beir.files(folder)
        if not may_hold_own(found["corpus"], found["queries"], rule):
            return False
        queries = marked(beir.load(folder, skip_bad=True), rule).queries.values()
        return any(query.skips_own for some in queries for query in some)

    def _building(self, dataset: str) -> dict[str, str]:
        return {name: self.options[name] for name in getattr(_module(dataset), "OPTIONS", ())}


RETRIEVAL = Retrieval()


def _module(dataset: str) -> Any:
    return importlib.import_module(EMBEDDED[dataset])


def _data(
    collection: Collection, origin: str, digest: str, versions: Mapping[str, str] | None = None
) -> SearchableData:
    if not collection.queries["test"]:
        raise InputError(f"{origin} has no test query, so there is nothing to score")
    return SearchableData(
        collection.queries, (), origin, digest, collection.notes, versions or {}, collection.n_skipped,
        documents=collection.documents,
    )  # fmt: skip
