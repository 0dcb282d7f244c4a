"""A checkpoint's folder says which pretraining it comes from."""

import json

import pytest

from harness.store.pretrained import PRETRAINING_FILE, origin_of


def written(folder, seed=0, lr=1e-3, branch_at=(), tokens=4096):
    folder.mkdir(parents=True)
    identity = {"model": {"name": "bert"}, "recipe": {"learning_rate": lr}, "seed": seed, "branch_at": list(branch_at)}
    record = {
        "kind": "pretraining",
        "key": f"key {seed}",
        "identity": identity | {"curve": {"points": seed + 4}},
        "seed": seed,
        "recipe": {"tokens": tokens, "trunk_tokens": 3072, "rows": [32, 64]},
        "flops": 1e9,
        "seconds": {"train": 5.0},
        "task": {"dataset": "pretraining/docstrings+texts"},
    }
    (folder / PRETRAINING_FILE).write_text(json.dumps(record))
    return folder


def test_pretrainings_that_differ_in_their_seed_are_of_one_group(tmp_path):
    first = origin_of(written(tmp_path / "0"))
    second = origin_of(written(tmp_path / "1", seed=1, branch_at=[1024]))
    assert first["group"] == second["group"]
    assert (first["seed"], second["seed"]) == (0, 1)
    assert first["corpus"] == "docstrings+texts"
    assert first["longest_row"] == 64


@pytest.mark.parametrize("changed", [{"lr": 2e-3}, {"tokens": 8192}])
def test_another_recipe_or_length_is_another_group(tmp_path, changed):
    assert origin_of(written(tmp_path / "0"))["group"] != origin_of(written(tmp_path / "1", **changed))["group"]


@pytest.mark.parametrize("content", [None, "", "[]", '{"kind": "run"}'])
def test_other_checkpoints_have_no_origin(tmp_path, content):
    if content is not None:
        (tmp_path / PRETRAINING_FILE).write_text(content)
    assert origin_of(tmp_path) is None
