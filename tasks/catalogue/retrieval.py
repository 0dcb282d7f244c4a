"""Collections to search."""

from __future__ import annotations

from tasks.data import DatasetInfo, HubOptions, OwnDocument, Split


def _beir(
    name: str,
    hub_id: str,
    description: str,
    licence: str,
    splits: dict[Split, str],
    *,
    revision: str | None = None,
    qrels_revision: str | None = None,
    own_document: OwnDocument = "same_text",
) -> DatasetInfo:
    """A collection of BEIR (Thakur et al., 2021), whose judgements are in a separate repository."""
    options: HubOptions = {
        "corpus": "corpus/corpus-00000-of-00001.parquet",
        "queries": "queries/queries-00000-of-00001.parquet",
        "qrels_id": f"{hub_id}-qrels",
        "qrels_revision": qrels_revision,
        "qrels": splits,
    }
    return DatasetInfo(
        name,
        "hub",
        description,
        licence,
        hub_id=hub_id,
        revision=revision,
        hub_options=options,
        own_document=own_document,
    )


_TRAIN_TEST: dict[Split, str] = {"train": "train.tsv", "test": "test.tsv"}
_ALL_SPLITS: dict[Split, str] = {"train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"}
_DEV_TEST: dict[Split, str] = {"dev": "dev.tsv", "test": "test.tsv"}
_TEST_ONLY: dict[Split, str] = {"test": "test.tsv"}


# Only the commit of MS MARCO could be verified. For the others a run resolves `main` and records the commit.
RETRIEVAL_DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "docstrings",
            "embedded",
            "from a docstring's first sentence to its function's source, in the sources of all packages; bm25 is the baseline",
            "those of the packages",
            caveats=(
                "retrieval/docstrings searches source code at hand: it checks that a model learns to retrieve; "
                "compare with bm25 on the same data, not with published benchmarks",
            ),
        ),
        DatasetInfo(
            "needle",
            "embedded",
            "which document gives the value for a key; option document_words (raise --max-length with it); bm25 finds every key",
            "those of the packages",
            caveats=(
                "retrieval/needle asks for made-up keys: which details of a text an embedding keeps, not whether it knows the subject",
            ),
        ),
        _beir(
            "msmarco",
            "BeIR/msmarco",
            "MS MARCO passages, 8.8 M (Bajaj et al., 2016); its development set is the test split",
            "MS MARCO, non-commercial research",
            {"train": "train.tsv", "test": "dev.tsv"},
            revision="a918e0d11a77ed33f42f29d98340b655593b96ad",
            qrels_revision="253fbf8a3f8d4a0932b63882b5162bedc84779f5",
        ),
        _beir("nq", "BeIR/nq", "Natural Questions, 2.7 M passages of Wikipedia, test only", "CC-BY-SA-3.0", _TEST_ONLY),
        DatasetInfo(
            "mldr_en",
            "hub",
            "MLDR, English: long documents of Wikipedia, with hard negatives (Chen et al., 2024)",
            "MIT",
            hub_id="hgissbkh/mldr-en",
            revision=None,
            hub_options={"format": "mldr"},
        ),
        _beir("scifact", "BeIR/scifact", "SciFact: abstracts that prove or refute a claim", "CC-BY-4.0", _TRAIN_TEST),
        _beir("nfcorpus", "BeIR/nfcorpus", "NFCorpus: medical texts for lay questions", "unknown", _ALL_SPLITS),
        _beir("fiqa", "BeIR/fiqa", "FiQA: answers to questions on finance", "unknown", _ALL_SPLITS),
        _beir("scidocs", "BeIR/scidocs", "SciDocs: papers that a paper cites, test only", "GPL-3.0", _TEST_ONLY),
        _beir("trec-covid", "BeIR/trec-covid", "TREC-COVID: papers on the virus, test only", "unknown", _TEST_ONLY),
        _beir("hotpotqa", "BeIR/hotpotqa", "HotpotQA: two passages for a question", "CC-BY-SA-4.0", _ALL_SPLITS),
        _beir(
            "fever", "BeIR/fever", "FEVER: pages of Wikipedia that prove or refute a claim", "CC-BY-SA-3.0", _ALL_SPLITS
        ),
        _beir(
            "climate-fever",
            "BeIR/climate-fever",
            "Climate-FEVER: pages of Wikipedia on claims about the climate, test only",
            "unknown",
            _TEST_ONLY,
        ),
        _beir(
            "dbpedia-entity",
            "BeIR/dbpedia-entity",
            "DBpedia-Entity: entities of DBpedia for a query; nothing to train on",
            "CC-BY-SA-3.0",
            _DEV_TEST,
        ),
        _beir(
            "webis-touche2020",
            "BeIR/webis-touche2020",
            "Touché 2020: arguments on a controversial question, test only",
            "CC-BY-4.0",
            _TEST_ONLY,
        ),
        _beir(
            "arguana",
            "BeIR/arguana",
            "ArguAna: the counterargument to an argument, which is itself in the corpus, test only",
            "unknown",
            _TEST_ONLY,
            own_document="leave_out",
        ),
        _beir(
            "quora",
            "BeIR/quora",
            "Quora: questions that ask the same as a question, which is itself in the corpus; nothing to train on",
            "Quora's terms",
            _DEV_TEST,
            own_document="leave_out",
        ),
    )
}
