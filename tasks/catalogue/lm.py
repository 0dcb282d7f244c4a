"""Texts and minimal pairs for masked-LM heads."""

from __future__ import annotations

from tasks.data import DatasetInfo

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
