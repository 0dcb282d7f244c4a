"""Named-entity recognition."""

from __future__ import annotations

from tasks.data import DatasetInfo

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
