"""The rooms of the project: which package may import which. Nothing imports upward, and no two modules import each other."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]

FLOORS = (
    {"harness.__main__"},
    {"harness.cli", "harness.door", "harness.load"},
    {"harness.commands"},
    {"harness.report"},
    {"harness.ablation"},
    {"harness.pipelines", "harness.cost", "harness.gate", "harness.pretraining"},
    {"harness.conformance"},
    {"harness.nn", "harness.engines", "harness.scheduling"},
    {"harness.cells"},
    {"models", "harness.exchange"},
    {"tasks", "harness.comparison"},
    {"harness.registry", "harness.machine", "harness.store", "harness.python_values"},
    {"harness.progress"},
    {"harness.terminal", "harness.own_packages"},
    {"harness.errors", "harness.plain_text", "harness.json_file", "harness.text_file", "harness.values"},
)
"""From the top: a room imports from its own floor and from those below. ARCHITECTURE.md draws them."""

LENT_TO_ALL = {"harness.registry", "harness.errors", "harness.progress", "harness.json_file", "harness.values"}
"""All of `harness` that `models` and `tasks` import."""


@cache
def modules() -> dict[str, Path]:
    found = {}
    for top in ("harness", "models", "tasks"):
        for path in (ROOT / top).rglob("*.py"):
            found[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


@cache
def imports(path: Path, at_import_only: bool = False) -> set[str]:
    """The project's modules that a file imports, inside of functions too; types alone do not count."""
    known = modules()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        types_alone = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if types_alone or (at_import_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            skipped |= {id(inner) for inner in ast.walk(node)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{name.name}" for name in node.names]
            found |= {name if name in known else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found & known.keys()


def room(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "harness" else parts[0]


def floor(module: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room(module) in rooms)


def test_a_room_imports_from_its_own_floor_and_those_below():
    known = modules()
    for module in known.keys() - {"harness"}:
        upward = {other for other in imports(known[module]) - {"harness"} if floor(other) < floor(module)}
        assert upward == set(), module


def test_rooms_of_one_floor_do_not_import_each_other():
    known = modules()
    for module in known.keys() - {"harness"}:
        beside = {other for other in imports(known[module]) - {"harness"} if room(other) != room(module)}
        assert {other for other in beside if floor(other) == floor(module)} == set(), module


def test_models_and_tasks_know_only_errors_progress_and_the_registry_of_the_harness():
    known = modules()
    for module in known:
        if room(module) in ("models", "tasks"):
            theirs = {room(other) for other in imports(known[module]) if other.startswith("harness.")}
            assert theirs <= LENT_TO_ALL, module


def test_no_two_modules_import_each_other():
    known = modules()
    TopologicalSorter(
        {module: imports(path, at_import_only=True) - {module} for module, path in known.items()}
    ).prepare()
