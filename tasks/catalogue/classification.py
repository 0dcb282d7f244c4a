"""Classes of one text or of two."""

from __future__ import annotations

from tasks.catalogue.parquet import GLUE, SUPERGLUE, TRUTH, glue_options, published
from tasks.data import DatasetInfo

CLASSIFICATION_DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "sst2",
            "hub",
            "SST-2: sentiment of film reviews (Socher et al., 2013); its development set is the test split",
            "unknown",
            hub_options=glue_options("sst2", "validation", ("sentence",), ("negative", "positive")),
            sizes={"train": 67_349, "test": 872},
            **GLUE,
        ),
        DatasetInfo(
            "qqp",
            "hub",
            "QQP: whether two questions ask the same (Iyer et al., 2017); its development set is the test split",
            "Quora's terms",
            hub_options=glue_options("qqp", "validation", ("question1", "question2"), ("not_duplicate", "duplicate")),
            sizes={"train": 363_846, "test": 40_430},
            metric="accuracy_f1",
            positive="duplicate",
            **GLUE,
        ),
        DatasetInfo(
            "cola",
            "hub",
            "CoLA: whether a sentence is acceptable English (Warstadt et al., 2019); its development set is the test split",
            "unknown",
            hub_options=glue_options("cola", "validation", ("sentence",), ("unacceptable", "acceptable")),
            sizes={"train": 8_551, "test": 1_043},
            metric="matthews",
            **GLUE,
        ),
        DatasetInfo(
            "mrpc",
            "hub",
            "MRPC: whether two sentences of news say the same (Dolan and Brockett, 2005)",
            "Microsoft's data licence, research only",
            hub_options=published(
                {"train": "mrpc/train", "dev": "mrpc/validation", "test": "mrpc/test"},
                ("sentence1", "sentence2"),
                ("not_equivalent", "equivalent"),
            ),
            sizes={"train": 3_668, "dev": 408, "test": 1_725},
            metric="accuracy_f1",
            positive="equivalent",
            **GLUE,
        ),
        DatasetInfo(
            "qnli",
            "hub",
            "QNLI: whether a sentence answers a question of SQuAD (Wang et al., 2019); its development set is the test split",
            "CC-BY-SA-4.0",
            hub_options=glue_options("qnli", "validation", ("question", "sentence"), ("entailment", "not_entailment")),
            sizes={"train": 104_743, "test": 5_463},
            **GLUE,
        ),
        DatasetInfo(
            "boolq",
            "hub",
            "BoolQ: yes or no to a question, by a paragraph (Clark et al., 2019); its development set is the test split",
            "CC-BY-SA-3.0",
            hub_options=glue_options("boolq", "validation", ("question", "passage"), TRUTH),
            sizes={"train": 9_427, "test": 3_270},
            **SUPERGLUE,
        ),
        DatasetInfo(
            "wic",
            "hub",
            "WiC: whether a word means the same in two sentences, read as 'word: sentence' and the other sentence (Pilehvar and "
            "Camacho-Collados, 2019); its development set is the test split",
            "CC-BY-NC-4.0",
            hub_options=glue_options("wic", "validation", ("word", "sentence1", "sentence2"), TRUTH),
            sizes={"train": 5_428, "test": 638},
            **SUPERGLUE,
        ),
    )
}
