"""Several labels for one text."""

from __future__ import annotations

from tasks.catalogue.parquet import published
from tasks.data import DatasetInfo

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
                **published(
                    {"train": "simplified/train", "dev": "simplified/validation", "test": "simplified/test"},
                    ("text",),
                    _EMOTIONS,
                ),
                "target": "labels",
            },
        ),
    )
}
