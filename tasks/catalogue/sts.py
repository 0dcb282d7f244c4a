"""Semantic textual similarity."""

from __future__ import annotations

from tasks.data import DatasetInfo

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
