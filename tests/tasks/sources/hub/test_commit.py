"""The commit of a revision: of the hub, else of its cache on this machine, else a sentence."""

import re
from types import SimpleNamespace

import pytest

from harness.errors import InputError
from tasks import TASKS
from tasks.family import Family
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
    """A hub whose branches can be moved, those of one repository too, or that cannot be reached if it is empty; it keeps what it was
    asked."""
    served = SimpleNamespace(branches={}, asked=[])

    def repo_info(self, hub_id, *, repo_type, revision, timeout):
        served.asked.append((hub_id, repo_type, revision))
        if not served.branches:
            raise OSError("no network")
        return SimpleNamespace(sha=served.branches.get((hub_id, revision)) or served.branches[revision])

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


DECLARED = [
    (task, name)
    for task in map(TASKS.__getitem__, TASKS)
    if isinstance(task, Family)
    for name, info in task.datasets.items()
    if info.source == "hub"
]


def test_the_identity_of_every_declared_dataset_names_commits_alone(hub):
    hub.branches |= {"main": NEW, "refs/convert/parquet": OLD}
    for task, name in DECLARED:
        revisions = re.findall(r"@(\S+)", task.identity(name, None))
        assert revisions, name
        assert all(re.fullmatch("[0-9a-f]{40}", revision) for revision in revisions), name


@pytest.mark.parametrize(
    ("family", "name", "moved"),
    [
        ("ner", "uner_ewt", ("hgissbkh/uner_en", "main")),
        ("nli", "hans", ("jhu-cogsci/hans", "refs/convert/parquet")),
        ("retrieval", "mldr_en", ("hgissbkh/mldr-en", "main")),
        ("retrieval", "scifact", ("BeIR/scifact", "main")),
        ("rerank", "scifact", ("BeIR/scifact-qrels", "main")),
    ],
)
def test_data_that_are_not_pinned_are_others_when_their_branch_moves(hub, family, name, moved):
    hub.branches |= {"main": OLD, "refs/convert/parquet": OLD}
    before = TASKS[family].identity(name, None)
    commit.ask.cache_clear()
    hub.branches[moved] = NEW
    assert TASKS[family].identity(name, None) == before.replace(f"{moved[0]}@{OLD}", f"{moved[0]}@{NEW}") != before


def test_pinned_data_need_no_hub_for_their_identity(hub):
    assert TASKS["ner"].identity("wnut17", None) == "leondz/wnut_17@1ac0b6d18c8a1a1d1606b24bef78b8af2f92d2d9"
    assert TASKS["retrieval"].identity("msmarco", None) == (
        "BeIR/msmarco@a918e0d11a77ed33f42f29d98340b655593b96ad "
        "BeIR/msmarco-qrels@253fbf8a3f8d4a0932b63882b5162bedc84779f5 msmarco"
    )
    assert hub.asked == []


def test_with_the_hub_switched_off_nothing_is_asked(offline):
    with pytest.raises(UnreachableError):
        commit_of("owner/name", "model")
