"""The report knows no model, task family or dataset by name: what a plug-in adds is shown like what is built in."""

import ast
import json
import re
from pathlib import Path

import pytest

from harness.report.files import publish
from harness.report.metric_names import places, types
from harness.report.reading import read
from harness.store import Store
from models import MODELS
from models.ranker import RANKERS
from tasks import TASKS
from tasks.metrics import entity_scores

REPORT = Path(__file__).parents[3] / "harness" / "report"
WORDS = {"record", "number", "word", "mixed", "classification", "retrieval", "span", "recall"}
"""Names that are English or HTML words too. With the family before it each of them is still looked for."""


def names() -> list[str]:
    full = {f"{family}/{dataset}" for family in TASKS for dataset in ("", *TASKS[family].datasets)}
    datasets = {dataset for family in TASKS for dataset in TASKS[family].datasets}
    return sorted({*full, *({*datasets, *TASKS, *MODELS, *RANKERS} - WORDS)}, key=len, reverse=True)


def texts_of(file: Path) -> list[tuple[int, str]]:
    """What a file does something with: the string constants of Python that are no docstrings, or every line."""
    content = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return list(enumerate(content.splitlines(), start=1))
    tree = ast.parse(content)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [(node.lineno, node.value) for node in constants if id(node) not in docstrings]


def test_no_code_of_the_report_names_a_model_a_family_or_a_dataset():
    name = re.compile(rf"(?<![\w/-])(?:{'|'.join(map(re.escape, names()))})(?![\w-])")
    assert name.search('if dataset.startswith("ner/")'), "the pattern finds what it is for"
    files = [file for file in REPORT.rglob("*") if file.suffix in (".py", ".j2", ".js", ".css")]
    assert len(files) > 20
    found = [
        f"{file.relative_to(REPORT)}:{line} {match[0]}"
        for file in files
        for line, text in texts_of(file)
        for match in name.finditer(text)
    ]
    assert found == []


GOLD = ["B-NP", "I-NP", "O", "B-VP"]
ANSWERS = {"one": GOLD, "two": ["B-NP", "O", "O", "B-VP"]}


@pytest.fixture
def chunk_page(tmp_path, make_run, lay_run) -> str:
    """The page of two encoders on a family that only a plug-in has, scored as named entities are."""
    for model, predicted in ANSWERS.items():
        scores = entity_scores([GOLD], [predicted])
        run = make_run(
            model, "chunk/talks", task={"metric": "entity_f1_strict"}, scores={"dev": scores, "test": scores}
        )
        row = {"split": "test", "id": "a", "tokens": ["The", "cat", "quietly", "sleeps"], "gold": GOLD}
        lay_run(tmp_path / "runs", run, [row | {"predicted": predicted}])
    files = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")
    assert {"chunk-talks-tiny-types.png", "chunk-talks-tiny-types.csv"} <= {file.name for file in files}
    return files[-1].read_text(encoding="utf-8")


def test_a_family_of_a_plug_in_that_labels_entities_has_its_types_and_examples_on_the_page(chunk_page):
    assert "chunk" not in TASKS
    section = chunk_page.partition('id="types"')[2].partition("</section>")[0]
    assert re.findall(r'class="number">(\w+)</th>', section) == ["NP", "VP"]
    values = {row[0]: row[1] for row in re.findall(r"</svg>(one|two)</th>(.*?)</tr>", section, re.DOTALL)}
    assert re.findall(r">([\d.]+)</td>", values["one"]) == ["1.000", "1.000"]
    assert re.findall(r">([\d.]+)</td>", values["two"]) == ["0.000", "1.000"]
    assert re.search(r'<option value="0">chunk/talks', chunk_page)
    browsed = json.loads(re.search(r'id="browser-part-0">(.*?)</script>', chunk_page, re.DOTALL)[1])
    ((_, _, gold, _, answers),) = browsed["examples"]
    assert gold == ["The cat · NP", "sleeps · VP"]
    assert ["The · NP", 1] in answers[1][2]  # wrong


def test_a_type_that_is_called_like_a_length_is_one_unless_the_run_says_what_was_cut():
    names = ["f1", "f1.L512", "f1.PER", "exact.LOC"]
    assert types(names, "f1") == ["L512", "PER"]
    assert places(names, "f1") == []
    assert places([*names, "truncated.L512"], "f1") == [(512, None)]
    assert types([*names, "truncated.L512"], "f1") == ["PER"]


def test_lengths_and_depths_are_in_order():
    names = ["m.L2048", "m.L512.D100", "m.L512.D12.5", "m.L512", "truncated.L512", "truncated.L2048"]
    assert places(names, "m") == [(512, None), (512, "D12.5"), (512, "D100"), (2048, None)]


def test_numbers_of_pairs_are_parts_of_a_length_too():
    names = ["m.L512.P16", "m.L512.P4", "m.L512", "truncated.L512", "m.P4"]
    assert places(names, "m") == [(512, None), (512, "P4"), (512, "P16")]
    assert types(names, "m") == ["P4"]
