"""The declared datasets: where each is published, at which commit, and how its files are read.

Every file is named and read as plain Parquet or JSON lines, so no loading script of a repository ever runs. Label names are in
the order of the ids in the files.
"""

from __future__ import annotations

from typing import TypedDict

from tasks.task import DatasetInfo, HubOptions, OwnDocument, Split

_CONLL_LABELS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
_WNUT_TYPES = ("corporation", "creative-work", "group", "location", "person", "product")
_WNUT_LABELS = ("O", *(f"{prefix}-{kind}" for kind in _WNUT_TYPES for prefix in "BI"))
_ONTONOTES_LABELS = (
    "O",
    "B-CARDINAL",
    "B-DATE",
    "I-DATE",
    "B-PERSON",
    "I-PERSON",
    "B-NORP",
    "B-GPE",
    "I-GPE",
    "B-LAW",
    "I-LAW",
    "B-ORG",
    "I-ORG",
    "B-PERCENT",
    "I-PERCENT",
    "B-ORDINAL",
    "B-MONEY",
    "I-MONEY",
    "B-WORK_OF_ART",
    "I-WORK_OF_ART",
    "B-FAC",
    "B-TIME",
    "I-CARDINAL",
    "B-LOC",
    "B-QUANTITY",
    "I-QUANTITY",
    "I-NORP",
    "I-LOC",
    "B-PRODUCT",
    "I-TIME",
    "B-EVENT",
    "I-EVENT",
    "I-FAC",
    "B-LANGUAGE",
    "I-PRODUCT",
    "I-ORDINAL",
    "I-LANGUAGE",
)

NER_DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "docstrings",
            "embedded",
            "entities that Sphinx and Markdown markup names in the docstrings of the installed packages, split by package",
            "those of the packages",
        ),
        DatasetInfo(
            "conll2003",
            "hub",
            "CoNLL-2003 English: Reuters news; PER, ORG, LOC, MISC (Tjong Kim Sang and De Meulder, 2003)",
            "Reuters, research only",
            hub_id="lhoestq/conll2003",
            revision="1bbb27833cfbcdd58cd3e2cafe1285ba415e37b8",
            sizes={"train": 14_041, "dev": 3_250, "test": 3_453},
            hub_options={
                "format": "parquet",
                "files": {
                    "train": ["lhoestq--conll2003/parquet-train.parquet"],
                    "dev": ["lhoestq--conll2003/parquet-validation.parquet"],
                    "test": ["lhoestq--conll2003/parquet-test.parquet"],
                },
                "tokens": "tokens",
                "tags": "ner_tags",
                "labels": _CONLL_LABELS,
            },
        ),
        DatasetInfo(
            "ontonotes5",
            "hub",
            "OntoNotes 5 English: news, talk, web; eighteen types (Weischedel et al., 2013)",
            "LDC2013T19",
            hub_id="tner/ontonotes5",
            revision="3d788d0fe30084e30f5a5aaab8189418672fc21b",
            hub_options={
                "format": "json",
                "files": {
                    "train": [f"dataset/train{part:02d}.json" for part in range(4)],
                    "dev": ["dataset/valid.json"],
                    "test": ["dataset/test.json"],
                },
                "tokens": "tokens",
                "tags": "tags",
                "labels": _ONTONOTES_LABELS,
            },
        ),
        DatasetInfo(
            "uner_ewt",
            "hub",
            "Universal NER, English Web Treebank: PER, ORG, LOC (Mayhew et al., 2024)",
            "CC-BY-SA-4.0",
            # No commit of this repository could be verified: a run resolves `main` and records its commit.
            hub_id="hgissbkh/uner_en",
            revision=None,
            sizes={"train": 12_543, "dev": 2_001, "test": 2_077},
            hub_options={
                "format": "parquet",
                "files": {
                    "train": ["data/train-00000-of-00001.parquet"],
                    "dev": ["data/validation-00000-of-00001.parquet"],
                    "test": ["data/test-00000-of-00001.parquet"],
                },
                "tokens": "tokens",
                "tags": "ner_tags",
                "labels": _CONLL_LABELS[:-2],
            },
        ),
        DatasetInfo(
            "wnut17",
            "hub",
            "WNUT 2017 emerging entities in user-generated text; six types (Derczynski et al., 2017)",
            "CC-BY-4.0",
            hub_id="leondz/wnut_17",
            revision="1ac0b6d18c8a1a1d1606b24bef78b8af2f92d2d9",
            sizes={"train": 3_394, "dev": 1_009, "test": 1_287},
            hub_options={
                "format": "parquet",
                "files": {
                    "train": ["wnut_17/train/0000.parquet"],
                    "dev": ["wnut_17/validation/0000.parquet"],
                    "test": ["wnut_17/test/0000.parquet"],
                },
                "tokens": "tokens",
                "tags": "ner_tags",
                "labels": _WNUT_LABELS,
            },
        ),
    )
}

SPAN_DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "docstrings",
            "embedded",
            "documented parameters of docstrings, a third unanswerable, split by package: checks that a model learns, not reading",
            "those of the packages",
            caveats=(
                "span/docstrings checks that a model learns, not that it reads: a rule that knows the layout of docstrings answers "
                "nearly all of its answerable questions",
            ),
        ),
        DatasetInfo(
            "squad",
            "hub",
            "SQuAD 1.1: questions on Wikipedia paragraphs (Rajpurkar et al., 2016); its development set is the test split",
            "CC-BY-SA-4.0",
            hub_id="rajpurkar/squad",
            revision="7b6d24c440a36b6815f21b70d25016731768db1f",
            sizes={"train": 87_599, "test": 10_570},
            hub_options={
                "format": "parquet",
                "files": {
                    "train": ["plain_text/train-00000-of-00001.parquet"],
                    "test": ["plain_text/validation-00000-of-00001.parquet"],
                },
            },
        ),
        DatasetInfo(
            "squad_v2",
            "hub",
            "SQuAD 2.0: a third of the questions has no answer (Rajpurkar et al., 2018); its development set is the test split",
            "CC-BY-SA-4.0",
            hub_id="rajpurkar/squad_v2",
            revision="3ffb306f725f7d2ce8394bc1873b24868140c412",
            hub_options={
                "format": "parquet",
                "files": {
                    "train": ["squad_v2/train-00000-of-00001.parquet"],
                    "test": ["squad_v2/validation-00000-of-00001.parquet"],
                },
            },
        ),
        DatasetInfo(
            "record",
            "hub",
            "ReCoRD: the entity that fills a gap in a statement on news (Zhang et al., 2018); its development set is the test split",
            "unknown; the news are of CNN and Daily Mail",
            # A commit of the branch of automatic Parquet conversions, where no loading script is needed. The commit and its
            # layout were seen with another configuration (boolq/train/0000.parquet); that of ReCoRD's files is assumed.
            hub_id="aps/super_glue",
            revision="9f1f8088b6705f471970f4f2edbcdb450ccf8b22",
            sizes={"train": 100_730, "test": 10_000},
            hub_options={
                "format": "parquet",
                "files": {"train": ["record/train/0000.parquet"], "test": ["record/validation/0000.parquet"]},
                "columns": "record",
            },
        ),
    )
}


class _Repository(TypedDict):
    hub_id: str
    revision: str


_GLUE: _Repository = {"hub_id": "nyu-mll/glue", "revision": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"}
_RELATIONS = ("entailment", "neutral", "contradiction")


def _glue_options(config: str, dev: str, columns: tuple[str, ...], labels: tuple[str, ...]) -> HubOptions:
    """Options of a GLUE task: its test labels are hidden, so its development set is the test split (Wang et al., 2019)."""
    parts = "00000-of-00001.parquet"
    files: dict[Split, list[str]] = {"train": [f"{config}/train-{parts}"], "test": [f"{config}/{dev}-{parts}"]}
    return {"format": "parquet", "files": files, "columns": columns, "labels": labels}


NLI_DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "docstrings",
            "embedded",
            "whether a summary is a docstring's own, a module sibling's or another package's: relatedness, not inference",
            "those of the packages",
            caveats=(
                "nli/docstrings is relatedness, not inference: chance is 0.33, and counts of shared words alone reach about 0.58; "
                "its scores are not comparable with those of MNLI",
            ),
        ),
        DatasetInfo(
            "mnli",
            "hub",
            "MultiNLI, matched: genres seen in training (Williams et al., 2018); its development set is the test split",
            "OANC and others",
            hub_options=_glue_options("mnli", "validation_matched", ("premise", "hypothesis"), _RELATIONS),
            sizes={"train": 392_702, "test": 9_815},
            **_GLUE,
        ),
        DatasetInfo(
            "mnli_mismatched",
            "hub",
            "MultiNLI, mismatched: genres not seen in training (Williams et al., 2018); its development set is the test split",
            "OANC and others",
            hub_options=_glue_options("mnli", "validation_mismatched", ("premise", "hypothesis"), _RELATIONS),
            sizes={"train": 392_702, "test": 9_832},
            **_GLUE,
        ),
        DatasetInfo(
            "snli",
            "hub",
            "SNLI: captions of photographs (Bowman et al., 2015)",
            "CC-BY-SA-4.0",
            hub_id="stanfordnlp/snli",
            revision="cdb5c3d5eed6ead6e5a341c8e56e669bb666725b",
            sizes={"train": 550_152, "dev": 10_000, "test": 10_000},
            hub_options={
                "format": "parquet",
                "files": {
                    "train": ["plain_text/train-00000-of-00001.parquet"],
                    "dev": ["plain_text/validation-00000-of-00001.parquet"],
                    "test": ["plain_text/test-00000-of-00001.parquet"],
                },
                "columns": ("premise", "hypothesis"),
                "labels": _RELATIONS,
            },
        ),
    )
}

CLASSIFICATION_DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "sst2",
            "hub",
            "SST-2: sentiment of film reviews (Socher et al., 2013); its development set is the test split",
            "unknown",
            hub_options=_glue_options("sst2", "validation", ("sentence",), ("negative", "positive")),
            sizes={"train": 67_349, "test": 872},
            **_GLUE,
        ),
        DatasetInfo(
            "qqp",
            "hub",
            "QQP: whether two questions ask the same (Iyer et al., 2017); its development set is the test split",
            "Quora's terms",
            hub_options=_glue_options("qqp", "validation", ("question1", "question2"), ("not_duplicate", "duplicate")),
            sizes={"train": 363_846, "test": 40_430},
            **_GLUE,
        ),
    )
}


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

LM_DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "docstrings",
            "embedded",
            "the held-out part of pretraining's embedded corpus, 15 % of the tokens masked; any text by --data-dir",
            "those of the packages",
        ),
        DatasetInfo(
            "docstring_pairs",
            "embedded",
            "minimal pairs made by rules from docstring prose: agreement, determiners, word order; chance is 0.5",
            "those of the packages",
            caveats=(
                "lm/docstring_pairs is made by rules that look at words alone, so a few pairs may be wrong; chance is 0.5",
            ),
        ),
        DatasetInfo(
            "blimp",
            "hub",
            "BLiMP: minimal pairs of 67 grammatical paradigms (Warstadt et al., 2020); chance is 0.5",
            "CC-BY-4.0",
            # The commit is the one that several public repositories pin; the layout is that of the hub's Parquet files.
            hub_id="nyu-mll/blimp",
            revision="877fba0801ffb7cbd8c39c1ff314a46f053f6036",
            sizes={"test": 67_000},
            hub_options={"format": "parquet", "files": {"test": ["*/train-*.parquet"]}},
            caveats=("chance on lm/blimp is 0.5",),
        ),
    )
}
