"""The harness started from a project that has packages of the same names as ours and as the libraries'."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THEIRS = "raise RuntimeError('a module of the project was imported in place of ours')\n"
PLUGIN = """
import helper
from models import MODELS, Encoder, Size
from models.encoder import refuse_longer
from tasks import TASKS

assert "ner" in TASKS
MODELS.register(helper.NAME)(Encoder(
    name=helper.NAME, config="transformers:BertConfig", model="transformers:BertModel", model_types=("bert",),
    licence="MIT", model_options={"add_pooling_layer": False}, sizes={"tiny": Size(
        options={"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32},
        max_length=64,
    )},
))
"""
PLUGIN_ALONE = PLUGIN.replace("import helper\n", "").replace("helper.NAME", "'my-bert'")
CONSOLE_SCRIPT = "import sys\nfrom harness.__main__ import main\nsys.exit(main())\n"
MODULE = ["-m", "harness"]


@pytest.fixture
def project(tmp_path):
    """A folder with ``models/``, ``tasks.py``, ``datasets/``, and a plug-in that uses a module beside it."""
    folder = tmp_path / "project"
    for package in ("models", "datasets"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text(THEIRS)
    (folder / "tasks.py").write_text(THEIRS)
    (folder / "helper.py").write_text("NAME = 'my-bert'\n")
    (folder / "plugin.py").write_text(PLUGIN)
    return folder


@pytest.fixture
def console_script(project, tmp_path):
    """The command ``harness`` as pip installs it, in a project that has a package ``harness`` too."""
    (project / "harness").mkdir()
    (project / "harness" / "__init__.py").write_text(THEIRS)
    script = tmp_path / "bin" / "harness"
    script.parent.mkdir()
    script.write_text(CONSOLE_SCRIPT)
    return [str(script)]


def run(project, start, *arguments, path=str(ROOT)):
    return subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        check=False,
    )


def sweep(data_dir):
    cell = ["--models", "my-bert", "--tasks", "ner/cities", "--data-dir", data_dir, "--plugin", "plugin.py"]
    return ["sweep", *cell, "--max-steps", "2", "--max-length", "64", "--out", "out"]


@pytest.mark.parametrize("path", [str(ROOT), f".{os.pathsep}{ROOT}"], ids=["", "the project is on PYTHONPATH"])
def test_a_plugin_gets_our_packages_and_the_modules_beside_it(project, path):
    done = run(project, MODULE, "list", "models", "--json", "--plugin", "plugin.py", path=path)
    assert done.returncode == 0, done.stderr
    assert {"bert", "my-bert"} <= {row["model"] for row in json.loads(done.stdout)["models"]}


@pytest.mark.slow
def test_cells_of_a_sweep_run(project, data_dir):
    done = run(project, MODULE, *sweep(data_dir))
    assert done.returncode == 0, done.stderr
    assert "my-bert on ner/cities" in done.stderr
    assert len(list((project / "out").glob("my-bert-tiny_ner-cities_*/run.json"))) == 1


@pytest.mark.slow
def test_the_console_script_and_its_children_run_beside_a_package_called_harness(project, console_script, data_dir):
    (project / "plugin.py").write_text(PLUGIN_ALONE)
    done = run(project, console_script, *sweep(data_dir))
    assert done.returncode == 0, done.stderr
    assert len(list((project / "out").glob("my-bert-tiny_ner-cities_*/run.json"))) == 1


@pytest.mark.slow
def test_points_of_a_bench_run(project):
    point = ["--models", "my-bert", "--lengths", "8", "--min-repetitions", "2", "--min-seconds", "0", "--threads", "1"]
    done = run(project, MODULE, "bench", *point, "--plugin", "plugin.py", "--out", "out", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    assert json.loads(done.stdout)["status"] == "ok"


@pytest.mark.slow
def test_processes_of_torchrun_run(project):
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *MODULE]
    done = run(project, torchrun, "run", "--model", "my-brt", "--task", "ner", "--plugin", "plugin.py")
    assert "there is no model called 'my-brt'; did you mean 'my-bert'" in done.stderr
    assert "RuntimeError" not in done.stderr


@pytest.mark.slow
def test_cells_on_nodes_of_ray_run(project, data_dir):
    pytest.importorskip("ray", reason="needs Ray: pip install 'encoder-harness[cluster]'")
    (project / "plugin.py").write_text(PLUGIN_ALONE)
    done = run(project, MODULE, *sweep(data_dir), "--ray", "local")
    assert done.returncode == 0, done.stderr
    assert len(list((project / "out").glob("my-bert-tiny_ner-cities_*/run.json"))) == 1
