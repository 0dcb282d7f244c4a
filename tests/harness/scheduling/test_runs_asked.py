"""How many runs of an entry a sweep has: its own cells count, and not those of another size, other weights or another recipe."""

from dataclasses import replace

from harness.cells.cell import Cell
from harness.cells.recipe import Recipe
from harness.comparison.entries import entries
from harness.scheduling.runs_asked import runs_asked
from tests.records import run_record, task_entry

CELL = Cell("bert", "tiny", "scratch", "nli/x", Recipe(), 0, weights_identity="random", data_identity="data")


def seeds(cell, *found):
    return [replace(cell, seed=seed) for seed in found]


def done(cell, **changes):
    """The run of a cell."""
    return run_record(
        cell.model,
        cell.task,
        cell.seed,
        cell.recipe.learning_rate,
        key=cell.key,
        model={"size": cell.size, "weights": cell.weights, "identity": cell.weights_identity}
        | changes.pop("model", {}),
        recipe=cell.recipe.as_record(),
        **changes,
    )


def asked(cells, runs):
    """What the sweep has of the entries of some of its runs, in their order."""
    of_entry = runs_asked(cells)
    return [of_entry(entry) for entry in entries(runs)]


def test_another_size_other_weights_and_another_recipe_have_seeds_of_their_own():
    others = [
        replace(CELL, size="base"),
        replace(CELL, weights="hub", weights_identity="published"),
        replace(CELL, recipe=Recipe(epochs=9.0)),
        replace(CELL, task_options=(("language", "en"),), task="nli/y"),
    ]
    cells = seeds(CELL, 0, 1, 2, 3, 4) + [cell for other in others for cell in seeds(other, 0, 1)]
    runs = [done(cell) for cell in (CELL, *others)]
    assert sorted(asked(cells, runs)) == [2, 2, 2, 2, 5]


def test_learning_rates_share_their_seeds():
    cells = [*seeds(CELL, 0, 1), *seeds(replace(CELL, recipe=Recipe(learning_rate=5e-4)), 0, 1, 2)]
    assert asked(cells, [done(CELL)]) == [3]


def test_each_pretraining_of_one_entry_has_seeds_of_its_own():
    first, second = (replace(CELL, weights=name, weights_identity=name) for name in ("first", "second"))
    runs = [
        done(cell, model={"pretraining": {"key": cell.weights, "group": "g", "seed": seed, "tokens": 10}})
        for seed, cell in enumerate((first, second))
    ]
    assert asked(seeds(first, 0, 1, 2) + seeds(second, 0, 1), runs) == [5]


def test_a_test_set_is_asked_of_the_cells_that_name_it():
    tested = replace(CELL, tests=(("nli/other", "other"),))
    cells = seeds(CELL, 0, 1, 2) + seeds(tested, 0, 1)
    test = {"task": task_entry("nli/other"), "scores": {"accuracy": 0.4}}
    found = [(entry.dataset, runs_asked(cells)(entry)) for entry in entries([done(CELL), done(tested, tests=[test])])]
    assert found == [("nli/other", 2), ("nli/x", 3)]
