"""The GLUE mean against the leaderboard, and the declarations of its datasets."""

import pytest

from tasks import TASKS
from tasks.suites import GLUE

# Wang et al.'s leaderboard, row "BERT: 24-layers, 16-heads, 1024-hidden" (Devlin et al., 2019); its score column says 80.5.
BERT_LARGE = {
    "classification/cola": 60.5,
    "classification/sst2": 94.9,
    "classification/mrpc": (89.3 + 85.4) / 2,
    "sts/stsb": (87.6 + 86.5) / 2,
    "classification/qqp": (72.1 + 89.3) / 2,
    "nli/mnli": 86.7,
    "nli/mnli_mismatched": 85.9,
    "classification/qnli": 92.7,
    "nli/rte": 70.1,
    "nli/wnli": 65.1,
}


def test_the_mean_is_that_of_the_leaderboard():
    assert GLUE.mean(BERT_LARGE) == pytest.approx(80.5, abs=0.05)


def test_there_is_no_mean_without_all_tasks():
    assert GLUE.mean({name: score for name, score in BERT_LARGE.items() if name != "nli/wnli"}) is None


def test_every_dataset_is_declared_with_its_official_metric():
    metrics = GLUE.metrics()
    assert metrics["classification/cola"] == "matthews"
    assert metrics["sts/stsb"] == "pearson_spearman"
    assert {name for name, metric in metrics.items() if metric == "accuracy_f1"} == {
        "classification/mrpc",
        "classification/qqp",
    }
    for dataset in GLUE.datasets:
        family, _, name = dataset.partition("/")
        info = TASKS[family].datasets[name]
        assert info.positive in ("", *info.hub_options.get("labels", ()))
