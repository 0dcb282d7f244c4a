"""Grids from TOML and from the command line: what they mean, and the sentence for what means nothing."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cells.grid_values import seeds_of
from harness.cells.grids import read
from harness.cells.recipe import Recipe
from harness.cells.request import Request
from harness.errors import InputError
from tasks import TASKS
from tasks.sources.hub.commit import Found

RECIPES = Path(__file__).parents[3] / "sweeps"


def grids(tmp_path, text, given=None):
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return read(file, given or {})


def test_a_file_without_grids_is_one_and_every_combination_is_a_request(tmp_path):
    (grid,) = grids(
        tmp_path,
        'models = ["a", "b"]\ntasks = ["t"]\nlearning_rates = [1e-4, 2e-4]\nseeds = "0-2"\nrecipe = { epochs = 2 }',
    )
    requests = grid.requests()
    assert len(requests) == len({tuple(request.arguments()) for request in requests}) == 2 * 2 * 3
    assert requests[0] == Request("a", "t", recipe={"epochs": 2.0, "learning_rate": 1e-4})
    assert isinstance(requests[0].recipe["epochs"], float)  # else 2 and 2.0 were two cells


def test_switches_of_a_grid_are_repeated_by_its_requests(tmp_path):
    text = 'models = ["a"]\ntasks = ["t"]\nskip_bad = true\nstrict_tags = true'
    ((request,),) = (grid.requests() for grid in grids(tmp_path, text))
    assert (request.skip_bad, request.strict_tags) == (True, True)
    assert {"--skip-bad", "--strict-tags"} <= set(request.arguments())
    resolved = request.resolved("t/d", Recipe(), {})
    assert (resolved.skip_bad, resolved.strict_tags) == (True, True)


def test_what_stands_outside_holds_for_all_grids_and_what_is_given_for_everything(tmp_path):
    text = """
    models = ["a"]
    seeds = [1]
    [recipe]
    batch_size = 8
    epochs = 3
    [[grid]]
    tasks = ["t"]
    [[grid]]
    tasks = ["u"]
    models = ["b"]
    recipe = { max_steps = 10 }
    """
    first, second = grids(tmp_path, text)
    assert (first.models, first.recipe) == (("a",), {"batch_size": 8, "epochs": 3.0})
    assert (second.models, second.seeds) == (("b",), (1,))
    assert second.recipe == {"batch_size": 8, "max_steps": 10}  # its length takes the place of the other
    first, second = grids(tmp_path, text, {"models": ["c"], "recipe": {"epochs": 1.0}})
    assert first.models == second.models == ("c",)
    assert first.recipe == second.recipe == {"batch_size": 8, "epochs": 1.0}


def test_without_a_file_the_command_line_is_the_grid():
    (grid,) = read(None, {"models": ["a"], "tasks": ["t"]}, {"data_dir": "/d"})
    assert [request.data_dir for request in grid.requests()] == ["/d"]
    assert grid.requests()[0].recipe == {"learning_rate": None}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('modles = ["a"]', r"there is no key 'modles'; did you mean 'models'"),
        ('models = ["a"]', "names no tasks"),
        ('models = []\ntasks = ["t"]', "models is empty"),
        ('models = "a"\ntasks = ["t"]', "models is a list of names in quotes, not 'a'"),
        ('models = ["a", "a"]\ntasks = ["t"]', "'a' is twice in models"),
        ('models = ["a"]\ntasks = ["t"]\nseeds = []', "seeds is empty"),
        ('models = ["a"]\ntasks = ["t"]\nseeds = [1, 1]', "1 is twice in seeds"),
        ('models = ["a"]\ntasks = ["t"]\nseeds = "0,0-2"', "0 is twice in seeds"),
        (
            'models = ["a"]\ntasks = ["t"]\nseeds = [-1]',
            "mine.toml: a seed is a whole number from 0 to 4294967295, not -1",
        ),
        ('models = ["a"]\ntasks = ["t"]\nseeds = [4294967296]', "mine.toml: a seed is .* not 4294967296"),
        ('models = ["a"]\ntasks = ["t"]\nseeds = "4294967290-4294967299"', "mine.toml: a seed is .* not 4294967299"),
        ('models = ["a"]\ntasks = ["t"]\nseeds = [true]', "seeds is a list of whole numbers"),
        ('models = ["a"]\ntasks = ["t"]\nseeds = 3', "seeds is a list of whole numbers"),
        ('models = ["a"]\ntasks = ["t"]\nlearning_rates = ["fast"]', "learning_rates is a list of numbers"),
        ('models = ["a"]\ntasks = ["t"]\nlearning_rates = [0]', "must be greater than 0"),
        (f'models = ["a"]\ntasks = ["t"]\nlearning_rates = [{10**400}]', "learning_rates is a list of numbers"),
        ('models = ["a"]\ntasks = ["t"]\nlearning_rates = [1e-4, 0.0001]', "is twice in learning_rates"),
        ('models = ["a"]\ntasks = ["t"]\nrecipe = { epoch = 1 }', "a recipe has no 'epoch'; did you mean 'epochs'"),
        ('models = ["a"]\ntasks = ["t"]\nrecipe = { epochs = "1" }', "epochs of the recipe is a number, not '1'"),
        ('models = ["a"]\ntasks = ["t"]\nrecipe = { batch_size = 1.5 }', "batch_size of the recipe is a whole number"),
        ('models = ["a"]\ntasks = ["t"]\nrecipe = { max_steps = true }', "max_steps of the recipe is a whole number"),
        (
            'models = ["a"]\ntasks = ["t"]\nrecipe = { precision = "fp8" }',
            "precision of the recipe is 'fp32' or 'bf16'",
        ),
        ('models = ["a"]\ntasks = ["t"]\nrecipe = { adam_beta2 = 1 }', "the adam beta2 must be from 0 to below 1"),
        ('models = ["a"]\ntasks = ["t"]\nrecipe = { epochs = 1, max_steps = 5 }', "two lengths of one training"),
        ('models = ["a"]\ntasks = ["t"]\nrecipe = { learning_rate = 1 }', "learning rates belong to the grid"),
        ('models = ["a"]\ntasks = ["t"]\nrecipe = { "" = 1 }', "a recipe has no ''"),
        ('models = ["a"]\ntasks = ["t"]\n"" = 1', "there is no key ''"),
        ('models = ["a"]\ntasks = ["t"]\nrecipe = 3', "recipe is a table"),
        ('models = ["a"]\ntasks = ["t"]\nskip_bad = "yes"', "skip_bad is true or false"),
        ('models = ["a"]\ntasks = ["t"]\nstrict_tags = 1', "strict_tags is true or false"),
        ('models = ["a"]\ntasks = ["t"]\nweights = 1', "weights is a text in quotes"),
        ('models = ["a"]\n[grid]\ntasks = ["t"]', r"grid is written as \[\[grid\]\]"),
        ('models = ["a"]\n[[grid]]\ntasks = ["t"]\n[[grid]]\ntsks = ["t"]', "grid 2: there is no key 'tsks'"),
        ("models = [", "is not TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence_that_names_the_file_and_the_key(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        grids(tmp_path, text)
    assert "mine.toml" in str(caught.value) or "seeds" in sentence
    assert "\n" not in str(caught.value).strip()


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    text = 'models = ["a"]\ntasks = ["t"]'
    assert grids(tmp_path, f"\ufeff{text}") == grids(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read(tmp_path / "none.toml", {})
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path, {})
    (tmp_path / "latin.toml").write_bytes(b'models = ["\xe9"]')
    with pytest.raises(InputError, match="not UTF-8"):
        read(tmp_path / "latin.toml", {})


@pytest.mark.parametrize(
    "text", ["", "a", "1-", "-1", "3-1", "1,,2", "0-99999999999", "٣", "1.5", "4294967296", "9" * 5000]
)
def test_seeds_that_are_none(text):
    with pytest.raises(InputError, match="seed") as caught:
        seeds_of(text)
    assert len(str(caught.value)) < 120


def test_seeds_as_numbers_and_ranges():
    assert seeds_of("0-3, 7,9-9") == [0, 1, 2, 3, 7, 9]
    assert seeds_of("4294967295,007,00") == [2**32 - 1, 7, 0]


@given(st.text())
def test_any_text_is_seeds_or_a_sentence(text):
    with contextlib.suppress(InputError):
        assert all(0 <= seed < 2**32 for seed in seeds_of(text))


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["models", "seeds", "learning_rates", "recipe", "task_options", "data_dir", "plugins"]), VALUES)
def test_any_value_of_a_key_is_a_grid_or_a_sentence(key, value):
    with contextlib.suppress(InputError):
        read(None, {"models": ["a"], "tasks": ["t"], key: value})


def test_a_switch_of_the_recipe_is_read_from_toml_and_told_in_the_command(tmp_path):
    head = 'models = ["a"]\ntasks = ["t"]\n'
    (grid,) = grids(tmp_path, head + 'recipe = { keep_best = true, schedule = "cosine", test_limit = 9 }')
    words = grid.requests()[0].arguments()
    assert words[-5:] == ["--schedule", "cosine", "--keep-best", "--test-limit", "9"]
    (grid,) = grids(tmp_path, head + "recipe = { keep_best = false }")
    assert "--keep-best" not in grid.requests()[0].arguments()
    with pytest.raises(InputError, match="keep_best of the recipe is true or false, not 'yes'"):
        grids(tmp_path, head + 'recipe = { keep_best = "yes" }')


def test_every_digit_of_a_rate_is_in_the_command():
    words = Request("a", "t", recipe={"learning_rate": 1.23456789e-4}).arguments()
    assert float(words[words.index("--lr") + 1]) == 1.23456789e-4


def test_test_sets_go_to_every_trained_cell_and_a_ranker_gets_them_as_tasks(tmp_path):
    file = tmp_path / "grid.toml"
    file.write_text(
        'models = ["bert", "bm25"]\ntasks = ["retrieval/a"]\ntest = ["retrieval/b", "retrieval/a"]\nseeds = [0]\n'
    )
    (grid,) = read(file, {})
    found = [(request.model, request.task, request.test) for request in grid.requests()]
    assert found == [
        ("bert", "retrieval/a", ("retrieval/b", "retrieval/a")),
        ("bm25", "retrieval/a", ()),
        ("bm25", "retrieval/b", ()),
    ]
    assert "--test retrieval/b,retrieval/a" in grid.requests()[0].command()
    assert "--test" not in grid.requests()[1].command()


def test_the_beir_grid_has_the_thirteen_collections_of_published_means():
    for grid in read(RECIPES / "beir.toml", {}):
        assert grid.tasks == ("retrieval/msmarco",)
        assert len(grid.test) == 13
        assert not {"retrieval/msmarco", "retrieval/mldr_en"} & set(grid.test)


def test_the_recipe_of_the_paper():
    found = [(task, grid.recipe) for grid in read(RECIPES / "paper.toml", {}) for task in grid.tasks]
    assert {task.partition("/")[0] for task, _ in found} == {"nli", "classification", "ner", "span", "retrieval"}
    for task, recipe in found:
        values = Recipe(**recipe)
        assert (values.adam_beta1, values.adam_beta2, values.adam_epsilon, values.weight_decay) == (
            0.9,
            0.95,
            1e-5,
            0.1,
        )
        assert (values.warmup_ratio, values.batch_size) == (0.1, 32)
        length = {"span": ("epochs", 4.0), "retrieval": ("max_steps", 1000)}.get(
            task.partition("/")[0], ("epochs", 1.0)
        )
        assert recipe[length[0]] == length[1]
    for grid in read(RECIPES / "paper.toml", {}):
        assert grid.learning_rates == (2e-5, 6e-5, 1e-4, 5e-4)
        assert grid.seeds == tuple(range(10))
        assert (grid.weights, grid.size, len(grid.models)) == ("hub", "base", 5)
        if grid.tasks[0].startswith("retrieval"):
            assert (grid.tasks, grid.test) == (("retrieval/msmarco",), ("retrieval/mldr_en", "retrieval/nq"))


LOCAL_FILES = {
    "nli": ("train.jsonl", "dev.jsonl", "test.jsonl"),
    "span": ("train.json", "dev.json", "test.json"),
    "retrieval": ("corpus.jsonl", "queries.jsonl", "qrels/train.tsv", "qrels/dev.tsv", "qrels/test.tsv"),
}


def with_local_data(request, folder):
    """The request with a data folder, where files stand for its datasets, if one of them is declared nowhere."""
    names = [name.split("/") for name in (request.task, *request.test) if "/" in name]
    if all(dataset in TASKS[family].datasets for family, dataset in names):
        return request
    for family, dataset in names:
        for file in LOCAL_FILES[family]:
            (folder / family / dataset / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / family / dataset / file).touch()
    return replace(request, data_dir=str(folder))


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.toml")), ids=lambda file: file.name)
def test_a_recipe_tells_its_command_and_every_cell_of_it_can_be_planned(file, tmp_path, monkeypatch):
    from harness.cells.plan import plan_all

    monkeypatch.setattr("tasks.sources.hub.commit.ask", lambda hub_id, kind, revision: Found(f"{revision} now"))
    command = file.read_text(encoding="utf-8").splitlines()[0]
    assert command.startswith(f"# python -m harness sweep sweeps/{file.name}")
    requests = [request for grid in read(file, {"recipe": {"precision": "fp32"}}) for request in grid.requests()]
    if "--data-dir" in command:
        requests = [with_local_data(request, tmp_path) for request in requests]
    planned, unsuited = plan_all(requests)
    assert unsuited == []
    assert len({each.cell.key for each in planned}) == len(requests)
