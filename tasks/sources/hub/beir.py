"""Test collections on the Hugging Face hub: the repositories of BEIR, and that of MLDR, which has hard negatives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tasks.data import SPLITS, DatasetInfo, Split
from tasks.sources.collection import Collection, Query
from tasks.sources.formats.beir import Judgement, assemble
from tasks.sources.hub import rows as hub
from tasks.sources.hub.commit import Place, commit_of
from tasks.sources.hub.rows import HubRow


def load(info: DatasetInfo, skip_bad: bool = False, root: str | None = None) -> tuple[Collection, str]:
    """A declared collection, and the commit it was read at.

    Args:
        info: declares ``corpus`` and ``queries`` (Parquet files of its repository), ``qrels`` (tab-separated files of the
            repository ``qrels_id``, by split); or ``format: mldr``.
        skip_bad: leave out malformed rows and judgements and count them.
        root: a folder with local copies of the repositories, by their ids, instead of the hub.

    Raises:
        InputError: the hub cannot be reached, or its content is not as declared.
    """
    revision = info.revision or "local" if root else hub.resolve_revision(info)
    if info.hub_options.get("format") == "mldr":
        return _mldr(info, revision, skip_bad, root), revision
    options = info.hub_options
    qrels_id = options["qrels_id"]
    repository = _place(info, str(info.hub_id), revision, root)
    judgements = _place(info, qrels_id, options.get("qrels_revision"), root)
    qrels: dict[Split, Iterator[Judgement | str]] = {
        split: _judgements(
            _read(info, "csv", judgements.file(options["qrels"][split]), sep="\t"), f"{qrels_id} ({split})"
        )
        for split in SPLITS
        if split in options["qrels"]
    }
    corpus = _placed(_read(info, "parquet", repository.file(options["corpus"])), f"{info.hub_id} (corpus)")
    queries = _placed(_read(info, "parquet", repository.file(options["queries"])), f"{info.hub_id} (queries)")
    return assemble(corpus, queries, qrels, skip_bad, str(info.hub_id)), revision


def judgements_of(info: DatasetInfo) -> str:
    """The repository of the judgements with its commit, as ``OWNER/NAME@COMMIT``; empty if they are beside the documents.

    Raises:
        InputError: no commit is declared and the hub cannot be asked, see `tasks.sources.hub.commit.ask`.
    """
    options = info.hub_options
    if "qrels_id" not in options:
        return ""
    return f"{options['qrels_id']}@{commit_of(options['qrels_id'], 'dataset', options.get('qrels_revision'))}"


def _mldr(info: DatasetInfo, revision: str, skip_bad: bool, root: str | None) -> Collection:
    """MLDR's rows hold a query with its positive and negative passages (Chen et al., 2024)."""
    place = _place(info, str(info.hub_id), revision, root)
    corpus = _load(info, place.path, "corpus", split="corpus", revision=place.revision)
    rows = {split: list(_load(info, place.path, "default", split=split, revision=place.revision)) for split in SPLITS}
    documents = (
        (f"row {number} of {info.hub_id} (corpus)", {"_id": row["docid"], "text": row["text"]})
        for number, row in enumerate(corpus)
    )
    queries = (
        (f"row {number} of {info.hub_id} ({split})", {"_id": row["query_id"], "text": row["query"]})
        for split in SPLITS
        for number, row in enumerate(rows[split])
    )
    qrels: dict[Split, Iterator[Judgement | str]] = {
        split: (
            (f"row {number} of {info.hub_id} ({split})", row["query_id"], passage["docid"], 1)
            for number, row in enumerate(rows[split])
            for passage in row["positive_passages"]
        )
        for split in SPLITS
    }
    collection = assemble(documents, queries, qrels, skip_bad, str(info.hub_id))
    negatives = {row["query_id"]: [passage["docid"] for passage in row["negative_passages"]] for row in rows["train"]}
    train = [
        Query(
            query.id,
            query.text,
            query.judgements,
            tuple(one for one in negatives[query.id] if one in collection.documents),
        )
        for query in collection.queries["train"]
    ]
    return Collection(
        collection.documents, {**collection.queries, "train": train}, collection.notes, collection.n_skipped
    )


def _place(info: DatasetInfo, hub_id: str, revision: str | None, root: str | None) -> Place:
    """Where `datasets` reads a repository: below the folder of local copies if there is one, else see `hub.place_for`."""
    return Place(f"{root}/{hub_id}") if root else hub.place_for(info, hub_id, revision)


def _read(info: DatasetInfo, kind: str, file: str, **options: object) -> Iterable[HubRow]:
    return _load(info, kind, data_files={"rows": file}, split="rows", **options)


def _load(info: DatasetInfo, *arguments: str, **options: object) -> Iterable[HubRow]:
    from datasets import load_dataset

    try:
        return load_dataset(*arguments, **options)
    except Exception as error:
        raise hub.unreachable(info, error) from error


def _placed(rows: Iterable[HubRow], where: str) -> Iterator[tuple[str, HubRow]]:
    return ((f"row {number} of {where}", row) for number, row in enumerate(rows))


def _judgements(rows: Iterable[HubRow], where: str) -> Iterator[Judgement | str]:
    for number, row in enumerate(rows):
        try:
            yield f"row {number} of {where}", str(row["query-id"]), str(row["corpus-id"]), row["score"]
        except KeyError as error:
            yield f"row {number} of {where} has no column {error}; its columns are {', '.join(row)}"
