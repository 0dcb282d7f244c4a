"""Natural-language inference and other relations of two texts."""

from __future__ import annotations

from tasks.catalogue.parquet import GLUE, SUPERGLUE, Repository, glue_options, published
from tasks.data import SPLITS, DatasetInfo, Split
from tasks.metrics import MACRO

_RELATIONS = ("entailment", "neutral", "contradiction")
_ANLI: Repository = {"hub_id": "facebook/anli", "revision": "8e4813d81f46d313dac7892e1c28076917cfcdf9"}


def _anli(number: int, sizes: tuple[int, int, int]) -> DatasetInfo:
    """A round of Adversarial NLI."""
    files: dict[Split, str] = {split: f"plain_text/{split}_r{number}" for split in SPLITS}
    return DatasetInfo(
        f"anli_r{number}",
        "hub",
        f"ANLI, round {number}: hypotheses written to mislead a model (Nie et al., 2020)",
        "CC-BY-NC-4.0",
        hub_options=published(files, ("premise", "hypothesis"), _RELATIONS),
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
            hub_options=glue_options("mnli", "validation_matched", ("premise", "hypothesis"), _RELATIONS),
            sizes={"train": 392_702, "test": 9_815},
            **GLUE,
        ),
        DatasetInfo(
            "mnli_mismatched",
            "hub",
            "MultiNLI, mismatched: genres not seen in training (Williams et al., 2018); its development set is the test split",
            "OANC and others",
            hub_options=glue_options("mnli", "validation_mismatched", ("premise", "hypothesis"), _RELATIONS),
            sizes={"train": 392_702, "test": 9_832},
            **GLUE,
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
            hub_options=glue_options("rte", "validation", ("sentence1", "sentence2"), ("entailment", "not_entailment")),
            sizes={"train": 2_490, "test": 277},
            **GLUE,
        ),
        DatasetInfo(
            "wnli",
            "hub",
            "WNLI: what a pronoun refers to, as inference (Levesque et al., 2012); its development set is the test split",
            "unknown",
            hub_options=glue_options(
                "wnli", "validation", ("sentence1", "sentence2"), ("not_entailment", "entailment")
            ),
            sizes={"train": 635, "test": 71},
            caveats=(
                "nli/wnli has 71 test pairs whose sentences are in train with the other label, so that a model does worse the more it "
                "remembers; the most frequent label has 0.563",
            ),
            **GLUE,
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
            hub_options=published(
                {"train": "en/train", "dev": "en/validation", "test": "en/test"}, ("premise", "hypothesis"), _RELATIONS
            ),
        ),
        DatasetInfo(
            "cb",
            "hub",
            "CommitmentBank: whether a speaker is committed to a clause (de Marneffe et al., 2019); its development set is the test split",
            "unknown",
            # The commit and its layout were seen with other configurations of this repository, as for the two below.
            hub_options=glue_options(
                "cb", "validation", ("premise", "hypothesis"), ("entailment", "contradiction", "neutral")
            ),
            sizes={"train": 250, "test": 56},
            metric="accuracy_f1",
            positive=MACRO,
            **SUPERGLUE,
        ),
    )
}
