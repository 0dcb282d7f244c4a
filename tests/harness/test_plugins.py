"""Plug-ins whose code fails, ends the program or registers what is no encoder or task: exit 2 and a sentence, never a traceback."""

from importlib.metadata import EntryPoint

import pytest

from harness import registry
from harness.cli import run_command
from harness.errors import InputError
from harness.pipelines.pipeline import KINDS
from harness.registry import Registry, load_plugin, load_plugins
from models import MODELS, encoder
from tasks import TASKS, registered
from tasks.task import HEADS

ENCODER = """
from models import MODELS, Encoder, Size
def register(name, config="transformers:BertConfig", model="transformers:BertModel", model_types=("bert",), **options):
    sizes = {"tiny": Size({"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2} | options, max_length=64)}
    MODELS.register(name)(Encoder(name, config, model, model_types, sizes))
"""
TASK = """
import sys
from tasks import TASKS
from tasks.classification import SequenceClassification
class Mine(SequenceClassification):
    datasets = {}
    def identity(self, dataset, data_dir):
        IDENTITY
TASKS.register("mine")(Mine("mine", "a task", "d", {}))
"""


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("raise SystemExit(0)", "it called sys.exit(0)"),
        ("import sys; sys.exit()", "it called sys.exit(None)"),
        ("import sys; sys.exit('bye')", "it called sys.exit('bye')"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("class Own(BaseException): pass\nraise Own('why')", "Own: why"),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
        ("raise OSError(5, 'Input/output error')", "OSError: [Errno 5] Input/output error"),
        ("1 +", "SyntaxError"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        (
            "from models import MODELS\nMODELS.register('odd')(1)",
            "the model 'odd' is of the type int; register an instance",
        ),
        (
            "from models import MODELS, Encoder\nMODELS.register('odd')(Encoder)",
            "'odd' is the class Encoder; register an",
        ),
        ("from models import MODELS\nMODELS.register('odd')('a.module:NAME')", "'odd' is of the type str"),
        ("from models import MODELS\nMODELS.register(5)", "a model cannot be registered as 5"),
        ("from models import MODELS\nMODELS.register('a,b')", "a model cannot be registered as 'a,b'"),
        ("from models import MODELS\nMODELS.register('bert')(MODELS['bert'])", "'bert' is already registered"),
        (f"{ENCODER}\nregister('odd', model_types='bert')", "must be a tuple of texts such as ('bert',)"),
        (
            f"{ENCODER}\nregister('odd', config='BertConfig')",
            "'BertConfig' as its config, which must be a text 'module:Class'",
        ),
        (f"{ENCODER}\nregister('odd', vocab_size=9)", "has vocab_size in the options of its size 'tiny'"),
        ("from tasks import TASKS\nTASKS.register('odd')(1)", "the task 'odd' is not a task: it lacks family"),
        ("from tasks import TASKS\n@TASKS.register('odd')\nclass Odd: pass", "is the class Odd; register an instance"),
        ("from tasks import TASKS\n@TASKS.register\nclass Odd: pass", "a task cannot be registered as <class"),
    ],
)
@pytest.mark.parametrize(
    "command", [["list"], ["check", "--model", "bert"], ["run", "--model", "bert", "--task", "ner"]]
)
def test_a_plugin_that_fails_at_import_ends_every_command_with_a_sentence(tmp_path, capsys, command, content, sentence):
    file = tmp_path / "odd.py"
    file.write_text(content)
    assert run_command([*command, "--plugin", str(file)]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.startswith(f"harness: the plug-in {file} failed while it was imported: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_gate_does_not_pass_with_a_plugin_that_exits(tmp_path, capsys):
    (tmp_path / "odd.py").write_text("raise SystemExit(0)")
    assert (
        run_command(["regress", "--baseline", "results/baselines/ci.json", "--plugin", str(tmp_path / "odd.py")]) == 2
    )
    assert "odd.py" in capsys.readouterr().err


def without(name):
    """A task that has all but one of its attributes."""
    whole = {
        **dict.fromkeys(("family", "description", "metric", "default_dataset"), "x"),
        "head": "sequence",
        "datasets": {},
        "defaults": {},
        **dict.fromkeys(("identity", "load", "score", "rows", "texts", "encode", "decode"), print),
    }
    return type("Odd", (), {key: value for key, value in whole.items() if key != name})()


def test_what_a_task_lacks_is_named():
    assert registered.fault(without("nothing")) == ""
    for name in (
        "family",
        "description",
        "metric",
        "default_dataset",
        "identity",
        "load",
        "score",
        "rows",
        "texts",
        "encode",
    ):
        assert f"lacks {name}" in registered.fault(without(name)) or f"lacks the method {name}" in registered.fault(
            without(name)
        )
    assert "its datasets are not a mapping" in registered.fault(without("datasets"))
    assert "its defaults are not a mapping" in registered.fault(without("defaults"))
    assert "has the head 'no'" in registered.fault(type("Odd", (), {**vars(type(without(""))), "head": "no"})())


def test_whatever_the_registries_hold_passes_their_own_checks():
    assert [encoder.fault(MODELS[name]) for name in MODELS] == [""] * len(list(MODELS))
    assert [registered.fault(TASKS[name]) for name in TASKS] == [""] * len(list(TASKS))
    assert set(HEADS) == set(KINDS)


@pytest.mark.parametrize(
    "code", ["sys.exit(0)", "raise KeyError('k')", "return 5", "return object()", "raise GeneratorExit"]
)
@pytest.mark.parametrize(
    "command",
    [["run", "--model", "bert", "--task", "mine"], ["sweep", "--models", "bert", "--tasks", "mine", "--dry-run"]],
)
def test_a_task_that_fails_when_it_is_asked_is_named(tmp_path, capsys, command, code):
    file = tmp_path / "my_task.py"
    file.write_text(TASK.replace("IDENTITY", code))
    assert run_command([*command, "--plugin", str(file), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert f"the plug-in {file} failed in line 8" in error or "the task mine has the identity" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            "register('odd', config='transformers:NoSuch')",
            "transformers:NoSuch, which the encoder declares, cannot be imported",
        ),
        ("register('odd', model='no_such_module:Model')", "no_such_module:Model, which the encoder declares, cannot"),
        ("register('odd', hidden_size=31)", "odd tiny cannot be built: ValueError: The hidden size (31)"),
        ("register('odd', model='harness_plugin_odd:Exits')", "failed in line 7: it called sys.exit(0)"),
    ],
)
def test_an_encoder_that_cannot_be_built_is_named_by_check(tmp_path, capsys, call, sentence):
    (tmp_path / "odd.py").write_text(
        f"{ENCODER}class Exits:\n    def __new__(cls, *given, **options): raise SystemExit(0)\n{call}"
    )
    assert run_command(["check", "--model", "odd", "--plugin", str(tmp_path / "odd.py")]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_two_plugins_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twice.py").write_text("")
    one, same, other = (tmp_path / folder / "twice.py" for folder in ("a", "b/../a", "b"))
    load_plugins([one, same])
    with pytest.raises(InputError, match="have the same name; rename one of them"):
        load_plugins([one, other])


def test_a_plugin_that_is_a_folder_or_a_loop_is_refused(tmp_path):
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    with pytest.raises(InputError, match="does not exist"):
        load_plugin(tmp_path / "loop.py")
    with pytest.raises(InputError, match="is a folder"):
        load_plugin(tmp_path)


@pytest.mark.parametrize("value", ["raises_exit:X", "registers_int:X"])
def test_entries_of_installed_packages_are_checked_when_they_are_asked_for(tmp_path, monkeypatch, capsys, value):
    (tmp_path / "raises_exit.py").write_text("raise SystemExit(0)")
    (tmp_path / "registers_int.py").write_text("X = 1")
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint(name="odd", value=value, group="encoder_harness.models")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group.endswith("models") else [])
    monkeypatch.setattr(MODELS, "_announced", False)
    for command in (["list"], ["check", "--model", "odd"], ["bench", "--models", "odd", "--lengths", "8"]):
        assert run_command(command) == 2
        error = capsys.readouterr().err
        assert f"the model 'odd' could not be loaded from {value}: " in error
        assert error.count("\n") == 1
    assert "bert" in MODELS


def test_an_installed_entry_with_a_name_that_is_taken_is_named(monkeypatch):
    point = EntryPoint(name="one", value="their.package:X", group="g")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    things = Registry("thing", entry_points="g")
    things.register("one")(1)
    with pytest.raises(InputError, match=r"their\.package:X of an installed package is a second thing 'one'"):
        things.names()
