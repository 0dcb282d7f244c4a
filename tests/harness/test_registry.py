from importlib.metadata import EntryPoint

import pytest

from harness import registry
from harness.errors import InputError
from harness.registry import Registry, load_plugin


def test_a_decorated_entry_is_found_by_name():
    things = Registry("thing", entry_points="no.such.group")

    @things.register("one")
    class One:
        pass

    assert things["one"] is One
    assert "one" in things
    assert list(things) == ["one"]


def test_a_lazy_entry_is_imported_when_asked_for():
    things = Registry("thing", entry_points="no.such.group")
    things.register_lazily("join", "os.path:join")
    things.register_lazily("broken", "no_such_module:x")
    import os.path

    assert things["join"] is os.path.join
    with pytest.raises(InputError, match="'broken' could not be loaded from no_such_module:x"):
        things["broken"]


def test_an_unknown_name_suggests_the_closest():
    things = Registry("model", entry_points="no.such.group")
    things.register("avey-b")(1)
    things.register("bert")(2)
    with pytest.raises(InputError, match=r"there is no model called 'avy-b'; did you mean 'avey-b'\?"):
        things["avy-b"]
    with pytest.raises(InputError, match="there are: avey-b, bert"):
        things["zzzzzz"]


def test_a_name_cannot_be_taken_twice():
    things = Registry("model", entry_points="no.such.group")
    things.register("bert")(1)
    with pytest.raises(InputError, match="already registered"):
        things.register("bert")(2)


def test_installed_packages_announce_entries(monkeypatch):
    point = EntryPoint(name="basename", value="os.path:basename", group="some.group")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == "some.group" else [])
    import os.path

    things = Registry("thing", entry_points="some.group")
    assert list(things) == ["basename"]
    assert things["basename"] is os.path.basename


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("1 +", "failed while it was imported: SyntaxError"),
        ("import no_such_thing", "ModuleNotFoundError"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_named(tmp_path, content, message):
    file = tmp_path / "plugin.py"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=message):
        load_plugin(file)


def test_a_plugin_registers_once_however_often_it_is_named(tmp_path):
    file = tmp_path / "counts.py"
    file.write_text("import sys\nsys.plugin_runs = getattr(sys, 'plugin_runs', 0) + 1\n")
    import sys

    load_plugin(file)
    load_plugin(file)
    assert sys.plugin_runs == 1
