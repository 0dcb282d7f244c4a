"""Retrieval: find the documents that answer a query in the whole corpus, by inner products of embeddings.

Encoders are trained on train as bi-encoders and scored on dev and test. They are scored untrained if a collection judges only
test queries, or with ``--epochs 0``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import InputError
from harness.registry import suggestion
from tasks.data import DatasetInfo
from tasks.family import Family, separated, table_options
from tasks.option_values import whole_number
from tasks.ranking import METRICS, Ranking, ranking_scores
from tasks.sources.collection import Document, Query
from tasks.sources.formats.writing import write_beir
from tasks.sources.own_documents import RULES, Rule
from tasks.sources.searchable import (
    BuiltSource,
    CollectionSource,
    FolderCollection,
    HubCollection,
    SearchableData,
    TableCollection,
)
from tasks.sources.tables import files as table_files
from tasks.sources.tables import judged
from tasks.sources.tables.source import FolderPlace, HubPlace
from tasks.task import DECLARED, Row

SHOWN = 10
"""Number of documents of a ranking in a row of predictions."""
QUERY_CHARACTERS = 300

DEFAULTS = {
    "query_prefix": "",
    "document_prefix": "",
    "document_words": "32",
    "own_document": DECLARED,
    "pooling": DECLARED,
    "prompts": DECLARED,
    **table_options(*judged.OPTIONS),
    "scoring": DECLARED,
    "truncate_dim": DECLARED,
}
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
"""Ways to make one vector of the states of a text's tokens, by sentence-transformers' names and in its order."""
WEIGHTED = "weighted"
"""A shorter name of ``weightedmean``."""


class CollectionTask(Family[CollectionSource]):
    """A family whose datasets are test collections: where they come from, and the texts of a query and a document.

    Attributes:
        options: ``query_prefix`` and ``document_prefix`` are put before every query and every document, for encoders that were
            trained with them; ``document_words`` is the length of a document of ``retrieval/needle``; ``own_document`` decides
            which queries skip the document with their id, see `tasks.sources.own_documents.Rule`.
    """

    file_format = "BEIR folders or tables"
    columns = judged.OPTIONS
    metric = METRICS[0]
    default_dataset = "docstrings"
    options: Mapping[str, str]

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        from tasks.catalogue.retrieval import RETRIEVAL_DATASETS

        return RETRIEVAL_DATASETS

    def embedded(self, info: DatasetInfo) -> CollectionSource:
        """See `Family.embedded`."""
        return BuiltSource(info.name, self.options, self._rule(info.own_document))

    def local(self, path: Path) -> CollectionSource:
        """See `Family.local`: BEIR's format, else tables."""
        info = self.datasets.get(path.name)
        if self.named_columns() or (not (path / "corpus.jsonl").exists() and table_files.find(path)):
            return self.tables(FolderPlace(path))
        return FolderCollection(path, self._rule(info.own_document if info else "same_text"))

    def tables(self, place: FolderPlace | HubPlace) -> CollectionSource:
        """See `Family.tables`: BEIR's parts in any format, or pairs of query and passage."""
        return TableCollection(place, self.options, self._rule("same_text"))

    def hub(self, info: DatasetInfo) -> CollectionSource:
        """See `Family.hub`."""
        return HubCollection(info, self._rule(info.own_document))

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> SearchableData:
        """See `Task.load`."""
        return self.source(dataset, data_dir).load(skip_bad)

    def write(self, data: SearchableData, folder: Path) -> None:
        """See `tasks.sources.hub.copies.Portable`: BEIR's format."""
        write_beir(data.documents, data.splits, folder)

    def texts(self, example: Query) -> tuple[str, ...]:
        """See `Task.texts`: the query; the documents are the same for all splits."""
        return (example.text,)

    @property
    def prompts(self) -> dict[str, str]:
        """The texts before queries and documents, by the names that sentence-transformers gives them."""
        prompts = {"query": self.options["query_prefix"], "document": self.options["document_prefix"]}
        return {name: text for name, text in prompts.items() if text}

    def query_text(self, query: Query) -> str:
        """The text of a query for the encoder."""
        return self.options["query_prefix"] + query.text

    def document_text(self, document: Document) -> str:
        """The text of a document for the encoder."""
        return self.options["document_prefix"] + document.content

    def _rule(self, declared: Rule) -> Rule:
        """Which queries skip the document with their id: the user's choice, else the dataset's."""
        return next((rule for rule in RULES if rule == self.options["own_document"]), declared)


def refuse_other(name: str, given: Mapping[str, str], values: Sequence[str]) -> None:
    """Refuse an option that has none of the values.

    Raises:
        InputError: the option was given with another value.
    """
    if (value := given.get(name, values[0])) not in values:
        raise InputError(f"{name} is one of {', '.join(values)}, not {value!r}")


class Retrieval(CollectionTask):
    """The family of exact search in the whole corpus.

    Args:
        options: those of `CollectionTask`; ``pooling`` is how an encoder's states become one vector: one or several of
            `POOLINGS` joined by ``+``; ``prompts`` is ``none`` to ignore the prompts of the checkpoint; ``scoring`` is
            ``maxsim`` to compare texts by the vectors of all their tokens; ``truncate_dim`` is the number of leading values of
            a vector to use.
    """

    family = "retrieval"
    description = "find the documents that answer a query, in the whole corpus"
    head = "embedding"
    defaults: Mapping[str, object] = {"max_length": 64, "batch_size": 64, "epochs": 1.0}
    # Lower than for labels: at 1e-3 BERT finds only half as much, because the vectors of all texts become similar.
    scratch_learning_rate = 3e-4

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self.options = DEFAULTS | dict(options or {})

    def configured(self, given: Mapping[str, str]) -> Retrieval:
        """See `Configurable.configured`; any text is a prefix. The module that builds a collection checks its own options."""
        given = separated(given, self.columns)
        for name, values in {"own_document": RULES, "prompts": ("none",), "scoring": ("maxsim",)}.items():
            refuse_other(name, given, (DECLARED, *values))
        chosen = {**self.options, **given}
        chosen["pooling"] = "+".join("weightedmean" if one == WEIGHTED else one for one in chosen["pooling"].split("+"))
        for one in chosen["pooling"].split("+"):
            if one not in (DECLARED, *POOLINGS):
                raise InputError(f"there is no pooling {one!r}{suggestion(one, POOLINGS)}")
        if chosen["truncate_dim"] != DECLARED:
            chosen["truncate_dim"] = str(whole_number("truncate_dim", chosen["truncate_dim"], range(1, 1_000_001)))
        for name in ("pooling", "truncate_dim"):
            if chosen["scoring"] == "maxsim" and chosen[name] != DECLARED:
                raise InputError(f"scoring=maxsim keeps the vector of every token, so leave --task-option {name} out")
        return Retrieval(chosen)

    def has_training(self, dataset: str, data_dir: str | None) -> bool:
        """See `ZeroShot.has_training`: whether train is judged."""
        return self.source(dataset, data_dir).has_training()

    def score(self, examples: Sequence[Query], predictions: Sequence[Ranking]) -> dict[str, float]:
        """The means over queries, see `tasks.ranking.ranking_scores`; empty if there are no queries."""
        each = ranking_scores([query.judgements for query in examples], predictions)
        return {name: sum(scores[name] for scores in each) / len(each) for name in METRICS} if each else {}

    def rows(self, examples: Sequence[Query], predictions: Sequence[Ranking]) -> list[Row]:
        """Id and text of each query, its grades, the ten best documents, and its scores."""
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


RETRIEVAL = Retrieval()
