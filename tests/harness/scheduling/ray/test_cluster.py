"""Cells on two nodes of a Ray cluster on this machine; one node is killed in the middle, and no finished cell is lost."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from harness.cells.request import Request
from harness.cli import run_command
from harness.errors import InputError
from harness.scheduling.executor import Failure, Job
from harness.scheduling.ray.executor import RayCluster
from harness.scheduling.ray.resources import Resources
from harness.store import PREDICTIONS, Store
from tests.processes import PATIENCE, wait_until

ROOT = Path(__file__).parents[4]
FAKE = (sys.executable, str(Path(__file__).with_name("fake_harness.py")))
OBJECT_STORE_BYTES = 80 * 2**20
CELLS = 8


@pytest.fixture(scope="module")
def cluster():
    """A head without processors, and two nodes with one each."""
    pytest.importorskip("ray", reason="needs Ray: pip install 'ray[default]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    options = {"object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **options})
    cluster.workers = [cluster.add_node(num_cpus=1, object_store_memory=OBJECT_STORE_BYTES) for _ in range(2)]
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def swept(cluster, tmp_path_factory):
    """The store and what the executor told, with a node killed when the first cells had ended."""
    root = tmp_path_factory.mktemp("swept")
    plugin = root / "my_plugin.py"
    plugin.write_text("mark = 1\n")
    store = Store(root / "store")
    executor = RayCluster(store, cluster.address, Resources(cpus=1), command=FAKE)
    jobs = [job(seed, plugins=(str(plugin),)) for seed in range(CELLS)]
    jobs.insert(2, job(90))
    jobs.insert(3, job(91, data_dir="/no/such/folder"))
    told = []
    with contextlib.closing(executor.run(jobs)) as ending:  # else Ray ends this process with the cluster
        for finished in ending:
            told.append(finished)
            if not isinstance(finished.outcome, Failure):  # then it is in the store already
                assert (store.folder_of(finished.outcome) / PREDICTIONS).exists()
            if len(runs(told)) == 3 and len(cluster.workers) == 2:
                time.sleep(0.3)  # the next cells have begun
                cluster.remove_node(cluster.workers.pop(), allow_graceful=False)
    return store, told, plugin


def job(seed, **options):
    return Job(f"seed {seed}", Request("bert", "ner/cities", seed=seed, **options))


def runs(told):
    return {one.key: one.outcome for one in told if not isinstance(one.outcome, Failure)}


@pytest.mark.slow
def test_every_cell_ends_once_though_a_node_is_killed(swept):
    store, told, _ = swept
    assert sorted(runs(told)) == [f"seed {seed}" for seed in range(CELLS)]
    assert len(told) == CELLS + 2
    records = list(store.records())
    assert {f"seed {record['seed']}": record for record in records} == runs(told)
    assert all(len(store.predictions(record)) == 3000 for record in records)
    assert [path.name for path in store.folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_plugins_are_sent_and_the_record_says_the_command_of_here(swept):
    store, _, plugin = swept
    record = next(store.records())
    assert record["plugins"] == ["mark = 1\n"]
    assert record["command"].split()[-2:] == ["--plugin", str(plugin)]
    assert record["environment"]["node"]


@pytest.mark.slow
def test_a_cell_that_fails_is_told_with_its_node(swept):
    _, told, _ = swept
    failed = {one.key: one.outcome for one in told if one.key not in runs(told)}
    assert {key: failure.status for key, failure in failed.items()} == {"seed 90": "failed", "seed 91": "failed"}
    assert failed["seed 90"].error.startswith("on node ")
    assert failed["seed 90"].error.endswith("this cell was made to fail")
    assert "--data-dir /no/such/folder does not exist there" in failed["seed 91"].error


DRIVER = """
import sys
from harness.scheduling.executor import Job
from harness.scheduling.ray.executor import RayCluster
from harness.scheduling.ray.resources import Resources
from harness.cells.request import Request
from harness.store import Store

jobs = [Job(str(seed), Request("bert", "ner/cities", seed=seed)) for seed in range(80)]
for finished in RayCluster(Store(sys.argv[1]), "local", Resources(), command=tuple(sys.argv[2:])).run(jobs):
    print(finished.outcome["status"], flush=True)
"""


@pytest.fixture
def temporary():
    """A folder for temporary files whose path is short enough for Ray's sockets."""
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.mark.slow
def test_a_killed_sweep_leaves_no_process_and_no_temporary_folder(temporary, tmp_path):
    pytest.importorskip("ray", reason="needs Ray: pip install 'ray[default]'")
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, tmp_path / "store", *FAKE],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
    )
    assert driver.stdout.readline() == "ok\n"
    started = psutil.Process(driver.pid).children(recursive=True)
    assert list(temporary.iterdir())
    driver.kill()
    driver.communicate()
    try:
        wait_until(lambda: not any(process.is_running() for process in started), "the end of all processes")
        wait_until(lambda: list(temporary.iterdir()) == [], "an empty folder")
    finally:
        for process in started:
            with contextlib.suppress(psutil.Error):
                process.kill()
    assert list(Store(tmp_path / "store").records())


@pytest.mark.slow
def test_this_machine_can_be_the_cluster_and_keeps_no_temporary_folder(temporary, tmp_path):
    pytest.importorskip("ray", reason="needs Ray: pip install 'ray[default]'")
    driver = DRIVER.replace("range(80)", "range(1)")
    command = [sys.executable, "-c", driver, tmp_path / "store", *FAKE]
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout == "ok\n", done.stderr
    assert Store(tmp_path / "store").predictions(next(Store(tmp_path / "store").records()))
    wait_until(lambda: list(temporary.iterdir()) == [], "an empty folder")


@pytest.mark.slow
def test_a_cell_that_no_node_has_room_for_is_refused(cluster, tmp_path):
    executor = RayCluster(Store(tmp_path), cluster.address, Resources(cpus=1, gpus=1), command=FAKE)
    with pytest.raises(InputError, match="no node of the Ray cluster has 1 CPU, 1 GPU for a cell"):
        next(executor.run([job(0)]))


class LostRay:
    """Ray whose cluster went away: a thread that waits is told so by ``SystemExit``."""

    exceptions = SimpleNamespace(OutOfMemoryError=MemoryError, RayError=RuntimeError)

    def remote(self, *_):
        return self

    def options(self, **_):
        return self

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": 2.0}}]

    def wait(self, *_, **__):
        raise SystemExit(0)

    def cancel(self, *_, **__):
        pass

    def shutdown(self):
        pass


def test_cells_of_a_cluster_that_went_away_are_told_as_failed(monkeypatch, tmp_path):
    monkeypatch.setattr("harness.scheduling.ray.executor.connected", lambda address, code: LostRay())
    executor = RayCluster(Store(tmp_path), "10.0.0.1:6379", Resources(cpus=1))
    told = list(executor.run([job(seed) for seed in range(3)]))
    assert [one.outcome.status for one in told] == ["failed"] * 3
    assert all("connection to the Ray cluster was lost" in one.outcome.error for one in told)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--ray", "127.0.0.1:1"], "no Ray cluster answers at 127.0.0.1:1"),
        (["--ray", "ray://127.0.0.1:1"], "no Ray cluster answers at ray://127.0.0.1:1"),
        (["--ray", "somewhere"], "--ray takes local, auto, HOST:PORT or ray://HOST:PORT, not 'somewhere'"),
        (["--ray", "local", "--cpus-per-cell", "0"], "--cpus-per-cell must be at least 1"),
        (["--ray", "local", "--gpus-per-cell", "1.5"], "a part of one GPU or a whole number"),
        (["--ray", "local", "--memory-per-cell", "-1"], "--memory-per-cell must be at least 1 MiB"),
        (["--ray", "local", "--threads", "2"], "--threads does not go with --ray"),
        (["--cpus-per-cell", "2"], "add --ray ADDRESS"),
    ],
)
def test_a_wrong_address_or_amount_is_one_sentence_within_a_minute(
    options, sentence, data_dir, small_bert, tmp_path, capsys
):
    pytest.importorskip("ray", reason="needs Ray: pip install 'ray[default]'")
    began = time.monotonic()
    arguments = ["sweep", "--models", "bert", "--tasks", "ner/cities", "--data-dir", data_dir, "--weights", small_bert]
    assert run_command([*map(str, arguments), "--max-length", "64", "--out", str(tmp_path / "store"), *options]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("harness: ")
    assert sentence in error
    assert time.monotonic() - began < 60


def test_ray_is_an_extra(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs the package ray; pip install 'ray\\[default\\]'"):
        next(RayCluster(Store(tmp_path), "local", Resources()).run([]))
