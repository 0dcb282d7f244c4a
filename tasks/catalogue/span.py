"""Extractive question answering."""

from __future__ import annotations

from tasks.data import DatasetInfo

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
