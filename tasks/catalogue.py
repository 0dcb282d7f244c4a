"""The declared datasets: where each is published, at which commit, and how its files are read.

Every file is named and read as plain Parquet or JSON lines, so no loading script of a repository ever runs. Label names are in
the order of the ids in the files.
"""

from __future__ import annotations

from typing import TypedDict

from tasks.metrics import MACRO
from tasks.task import SPLITS, DatasetInfo, HubOptions, OwnDocument, Split

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


_SUPERGLUE: _Repository = {"hub_id": "aps/super_glue", "revision": "5234c61e804e85e5994b14b002fa9ec34487bcfb"}
_ANLI: _Repository = {"hub_id": "facebook/anli", "revision": "8e4813d81f46d313dac7892e1c28076917cfcdf9"}
_PARTS = "00000-of-00001.parquet"
_TRUTH = ("False", "True")


def _glue_options(config: str, dev: str, columns: tuple[str, ...], labels: tuple[str, ...]) -> HubOptions:
    """Options of a task of GLUE or SuperGLUE: its test labels are hidden, so its development set is the test split."""
    files: dict[Split, list[str]] = {"train": [f"{config}/train-{_PARTS}"], "test": [f"{config}/{dev}-{_PARTS}"]}
    return {"format": "parquet", "files": files, "columns": columns, "labels": labels}


def _published(files: dict[Split, str], columns: tuple[str, ...], labels: tuple[str, ...]) -> HubOptions:
    """Options of a dataset with one Parquet file for each split, named without its last part."""
    named: dict[Split, list[str]] = {split: [f"{name}-{_PARTS}"] for split, name in files.items()}
    return {"format": "parquet", "files": named, "columns": columns, "labels": labels}


def _anli(number: int, sizes: tuple[int, int, int]) -> DatasetInfo:
    """A round of Adversarial NLI."""
    files: dict[Split, str] = {split: f"plain_text/{split}_r{number}" for split in SPLITS}
    return DatasetInfo(
        f"anli_r{number}",
        "hub",
        f"ANLI, round {number}: hypotheses written to mislead a model (Nie et al., 2020)",
        "CC-BY-NC-4.0",
        hub_options=_published(files, ("premise", "hypothesis"), _RELATIONS),
        sizes=dict(zip(SPLITS, sizes, strict=True)),
        **_ANLI,
    )


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
        DatasetInfo(
            "rte",
            "hub",
            "RTE: entailment or not, of news and Wikipedia (Dagan et al., 2006, and others); its development set is the test split",
            "unknown",
            hub_options=_glue_options(
                "rte", "validation", ("sentence1", "sentence2"), ("entailment", "not_entailment")
            ),
            sizes={"train": 2_490, "test": 277},
            **_GLUE,
        ),
        DatasetInfo(
            "wnli",
            "hub",
            "WNLI: what a pronoun refers to, as inference (Levesque et al., 2012); its development set is the test split",
            "unknown",
            hub_options=_glue_options(
                "wnli", "validation", ("sentence1", "sentence2"), ("not_entailment", "entailment")
            ),
            sizes={"train": 635, "test": 71},
            caveats=(
                "nli/wnli has 71 test pairs whose sentences are in train with the other label, so that a model does worse the more it "
                "remembers; the most frequent label has 0.563",
            ),
            **_GLUE,
        ),
        _anli(1, (16_946, 1_000, 1_000)),
        _anli(2, (45_460, 1_000, 1_000)),
        _anli(3, (100_459, 1_200, 1_200)),
        DatasetInfo(
            "hans",
            "hub",
            "HANS: pairs that mislead models which count shared words (McCoy et al., 2019); test only",
            "MIT",
            # The repository holds a loading script, so the branch of automatic Parquet conversions is read. No commit of it could be
            # found; the layout is that of every such branch.
            hub_id="jhu-cogsci/hans",
            revision="refs/convert/parquet",
            sizes={"test": 30_000},
            hub_options={
                "format": "parquet",
                "files": {"test": ["plain_text/validation/0000.parquet"]},
                "columns": ("premise", "hypothesis"),
                "labels": ("entailment", "non-entailment"),
            },
        ),
        DatasetInfo(
            "xnli_en",
            "hub",
            "XNLI, English: trained on MultiNLI, with dev and test of its own (Conneau et al., 2018)",
            "CC-BY-NC-4.0",
            hub_id="facebook/xnli",
            revision="b8dd5d7af51114dbda02c0e3f6133f332186418e",
            sizes={"train": 392_702, "dev": 2_490, "test": 5_010},
            hub_options=_published(
                {"train": "en/train", "dev": "en/validation", "test": "en/test"}, ("premise", "hypothesis"), _RELATIONS
            ),
        ),
        DatasetInfo(
            "cb",
            "hub",
            "CommitmentBank: whether a speaker is committed to a clause (de Marneffe et al., 2019); its development set is the test split",
            "unknown",
            # The commit and its layout were seen with other configurations of this repository, as for the two below.
            hub_options=_glue_options(
                "cb", "validation", ("premise", "hypothesis"), ("entailment", "contradiction", "neutral")
            ),
            sizes={"train": 250, "test": 56},
            metric="accuracy_f1",
            positive=MACRO,
            **_SUPERGLUE,
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
            metric="accuracy_f1",
            positive="duplicate",
            **_GLUE,
        ),
        DatasetInfo(
            "cola",
            "hub",
            "CoLA: whether a sentence is acceptable English (Warstadt et al., 2019); its development set is the test split",
            "unknown",
            hub_options=_glue_options("cola", "validation", ("sentence",), ("unacceptable", "acceptable")),
            sizes={"train": 8_551, "test": 1_043},
            metric="matthews",
            **_GLUE,
        ),
        DatasetInfo(
            "mrpc",
            "hub",
            "MRPC: whether two sentences of news say the same (Dolan and Brockett, 2005)",
            "Microsoft's data licence, research only",
            hub_options=_published(
                {"train": "mrpc/train", "dev": "mrpc/validation", "test": "mrpc/test"},
                ("sentence1", "sentence2"),
                ("not_equivalent", "equivalent"),
            ),
            sizes={"train": 3_668, "dev": 408, "test": 1_725},
            metric="accuracy_f1",
            positive="equivalent",
            **_GLUE,
        ),
        DatasetInfo(
            "qnli",
            "hub",
            "QNLI: whether a sentence answers a question of SQuAD (Wang et al., 2019); its development set is the test split",
            "CC-BY-SA-4.0",
            hub_options=_glue_options("qnli", "validation", ("question", "sentence"), ("entailment", "not_entailment")),
            sizes={"train": 104_743, "test": 5_463},
            **_GLUE,
        ),
        DatasetInfo(
            "boolq",
            "hub",
            "BoolQ: yes or no to a question, by a paragraph (Clark et al., 2019); its development set is the test split",
            "CC-BY-SA-3.0",
            hub_options=_glue_options("boolq", "validation", ("question", "passage"), _TRUTH),
            sizes={"train": 9_427, "test": 3_270},
            **_SUPERGLUE,
        ),
        DatasetInfo(
            "wic",
            "hub",
            "WiC: whether a word means the same in two sentences, read as 'word: sentence' and the other sentence (Pilehvar and "
            "Camacho-Collados, 2019); its development set is the test split",
            "CC-BY-NC-4.0",
            hub_options=_glue_options("wic", "validation", ("word", "sentence1", "sentence2"), _TRUTH),
            sizes={"train": 5_428, "test": 638},
            **_SUPERGLUE,
        ),
    )
}

STS_DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "stsb",
            "hub",
            "STS-B: how similar two sentences are, from 0 to 5 (Cer et al., 2017)",
            "CC-BY-SA-4.0, its texts under several terms",
            # The commit that mteb 2.26 reads; GLUE's copy hides the test scores. Of its files test.jsonl.gz was seen; dev is
            # called dev or validation, which the pattern takes both.
            hub_id="mteb/stsbenchmark-sts",
            revision="b0fddb56ed78048fa8b90373c8a3cfc37b684831",
            sizes={"train": 5_749, "dev": 1_500, "test": 1_379},
            hub_options={
                "format": "json",
                "files": {"train": ["train.jsonl.gz"], "dev": ["[dv]*.jsonl.gz"], "test": ["test.jsonl.gz"]},
                "columns": ("sentence1", "sentence2"),
                "target": "score",
            },
            score_range=(0.0, 5.0),
        ),
    )
}

_EMOTIONS = (
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
)

MULTILABEL_DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "goemotions",
            "hub",
            "GoEmotions: 27 emotions and neutral in comments of Reddit (Demszky et al., 2020)",
            "CC-BY-4.0",
            hub_id="google-research-datasets/go_emotions",
            revision="add492243ff905527e67aeb8b80c082af02207c3",
            sizes={"train": 43_410, "dev": 5_426, "test": 5_427},
            hub_options={
                **_published(
                    {"train": "simplified/train", "dev": "simplified/validation", "test": "simplified/test"},
                    ("text",),
                    _EMOTIONS,
                ),
                "target": "labels",
            },
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
