"""The commit of a revision: of the hub, else of its cache on this machine, else a sentence."""

from types import SimpleNamespace

import pytest

from harness.errors import InputError
from tasks.sources.hub import commit
from tasks.sources.hub.commit import UnreachableError, commit_of

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The hub's cache, empty; nothing is remembered from other tests."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    commit.ask.cache_clear()
    yield tmp_path
    commit.ask.cache_clear()


@pytest.fixture
def hub(monkeypatch):
    """A hub whose branches can be moved, or that cannot be reached if it is empty; it keeps what it was asked."""
    served = SimpleNamespace(branches={}, asked=[])

    def repo_info(self, hub_id, *, repo_type, revision, timeout):
        served.asked.append((hub_id, repo_type, revision))
        if not served.branches:
            raise OSError("no network")
        return SimpleNamespace(sha=served.branches[revision])

    monkeypatch.setattr("huggingface_hub.HfApi.repo_info", repo_info)
    return served


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_branch_becomes_the_commit_that_it_is_now_and_the_hub_is_asked_once(hub, kind):
    hub.branches |= {"main": NEW, "v1": OLD}
    assert [commit_of("owner/name", kind) for _ in range(3)] == [NEW] * 3
    assert commit_of("owner/name", kind, "v1") == OLD
    assert hub.asked == [("owner/name", kind, "main"), ("owner/name", kind, "v1")]


def test_a_full_commit_needs_no_hub(hub):
    assert commit_of("owner/name", "model", OLD) == OLD
    assert hub.asked == []


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_without_network_the_commit_is_that_of_the_cache(hub, cache, kind):
    repository = cache / f"{kind}s--owner--name"
    (repository / "snapshots" / OLD).mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(OLD)
    assert commit_of("owner/name", kind) == OLD
    assert commit.ask("owner/name", kind, "main").folder == repository / "snapshots" / OLD
    with pytest.raises(UnreachableError, match="--revision v1"):
        commit_of("owner/name", kind, "v1")


@pytest.mark.parametrize(
    ("kind", "next_step"),
    [
        ("model", "run `hf download owner/name --local-dir DIR`, copy DIR here and give DIR in its place"),
        ("dataset", "run `hf download owner/name --repo-type dataset` and copy the HF_HOME cache here"),
    ],
)
def test_without_network_and_cache_the_sentence_says_how_to_get_the_files(hub, kind, next_step):
    with pytest.raises(InputError) as raised:
        commit_of("owner/name", kind)
    assert str(raised.value).startswith("owner/name could not be read from the hub (no network); on a machine")
    assert next_step in str(raised.value)


def test_with_the_hub_switched_off_nothing_is_asked(offline):
    with pytest.raises(UnreachableError):
        commit_of("owner/name", "model")
