"""Requests for weights of the hub, served from its cache: their command repeats the cell after the hub has changed."""

import shutil

import pytest

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.errors import InputError
from tasks.sources.hub import commit
from tests.conftest import save_bert

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def main_is(tokenizer, tmp_path, monkeypatch, offline):
    """A function that moves the branch main of the repository owner/small to one of its two commits."""
    repository = tmp_path / "models--owner--small"
    for one in (OLD, NEW):
        save_bert(repository / "snapshots" / one, tokenizer)
    (repository / "refs").mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    def move(to):
        (repository / "refs" / "main").write_text(to)
        commit.ask.cache_clear()

    move(OLD)
    yield move
    commit.ask.cache_clear()


def requests(revision=""):
    """Every way to name the repository."""
    location = f"owner/small{revision}"
    return {
        "model": Request(location, "ner/docstrings"),
        "weights": Request("bert", "ner/docstrings", location),
        "candidates": Request(
            "bert", "rerank/docstrings", "tiny-pretrained", task_options={"candidates": f"bert@{location}"}
        ),
    }


@pytest.mark.parametrize("way", requests())
def test_the_command_names_the_commit_and_repeats_the_cell_after_the_hub_has_changed(main_is, way):
    planned = plan(requests()[way])
    key, repeating = planned.cell.key, planned.resolved
    assert f"owner/small@{OLD}" in repeating.command()
    main_is(NEW)
    assert plan(repeating).cell.key == key
    assert plan(repeating).resolved == repeating
    assert plan(requests()[way]).cell.key != key


@pytest.mark.parametrize("way", requests())
def test_a_revision_can_be_given(main_is, way):
    main_is(NEW)
    assert plan(requests(f"@{OLD}")[way]).cell.key != plan(requests()[way]).cell.key
    main_is(OLD)
    assert (
        plan(requests(f"@{OLD}")[way]).cell.key
        == plan(requests("@main")[way]).cell.key
        == plan(requests()[way]).cell.key
    )


@pytest.mark.parametrize("revision", ["", "@main", f"@{OLD}"])
def test_reports_call_the_model_by_its_hub_id_alone(main_is, revision):
    by_location, by_weights = (plan(requests(revision)[way]) for way in ("model", "weights"))
    assert (by_location.name, by_weights.name) == ("owner/small", "bert")
    assert by_location.model["weights"] == by_weights.model["weights"] == "owner/small"


def test_a_revision_that_is_missing_or_unknown_is_one_sentence(main_is):
    with pytest.raises(InputError, match=r"OWNER/NAME\[@REVISION\]"):
        plan(requests("@")["weights"])
    with pytest.raises(InputError, match="hf download owner/small --local-dir DIR --revision v9"):
        plan(requests("@v9")["model"])


def test_what_is_no_hub_id_is_repeated_as_typed(small_bert, tmp_path):
    folder = shutil.copytree(small_bert, tmp_path / "owner@small")
    assert plan(Request("bert", "ner/docstrings", str(folder))).resolved.weights == str(folder)
    assert plan(Request("bert", "ner/docstrings")).resolved.weights == "scratch"
