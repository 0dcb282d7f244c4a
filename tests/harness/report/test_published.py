"""What is published holds no path of the machine, no formula, no clipped label, and marks nobody as best of nothing."""

import csv
import io
import json
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.image import imread

from harness.cli import run_command
from harness.commands.bench import _write_report
from harness.exchange.published import published, published_command, without_paths
from harness.plain_text import plain
from harness.report import drawing, styles
from harness.report.comparable import comparisons
from harness.report.cost import tables as bench_tables
from harness.report.files import leaderboard, publish, tables
from harness.report.page import page, svg
from harness.report.reading import read
from harness.report.table import as_csv, as_markdown, frame_of
from harness.store import Store
from models import MODELS


def texts_in(folder: Path) -> dict[str, str]:
    """Every file that is written as text, by name."""
    return {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in folder.rglob("*")
        if file.suffix in (".md", ".tex", ".csv", ".html", ".svg")
    }


def test_nothing_published_of_a_run_holds_a_path_of_the_machine(
    data_dir, small_bert, tmp_path, tmp_path_factory, make_run, make_record, lay_run, capsys, monkeypatch
):
    out, secret = tmp_path / "alice" / "runs", str(tmp_path_factory.getbasetemp())
    run = [
        "run",
        "--model",
        "bert",
        "--weights",
        str(small_bert),
        "--task",
        "ner/cities",
        "--data-dir",
        str(data_dir),
        "--max-steps",
        "1",
        "--max-length",
        "32",
        "--out",
        str(out),
    ]
    assert run_command(run) == 0
    (record,) = Store(out).records()
    for path in (str(small_bert), str(data_dir)):
        assert path in record["command"]
    error = f"OSError: cannot read '{data_dir}/ner/cities/train.conll'"
    changes = {"status": "failed", "error": error, "task": {"notes": [error]}, "model": {"weights": str(small_bert)}}
    failure = make_run("bert", "ner/cities", 7, **changes) | {"command": record["command"], "kind": "failure"}
    lay_run(out, failure)
    bench = make_record("bert", 512, None, "failed", error=error), make_record("bert", 128, 1.0)
    for point in bench:
        folder = out / f"bench-{point['key']}"
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(point))
    report = tmp_path / "report"
    monkeypatch.setattr("sys.argv", ["harness", "report", "--out", str(out), "--report", str(report)])
    capsys.readouterr()
    assert run_command(["report", "--out", str(out), "--report", str(report)]) == 0
    _write_report(list(bench), "bert", report / "again", list(Store(out).records()))
    capsys.readouterr()
    assert run_command(["export", record["key"], "--out", str(out)]) == 0
    files = texts_in(report) | {"model card": capsys.readouterr().out}
    assert {"tables/leaderboard.csv", "tables/failed.csv", "report.html", "model card"} <= files.keys()
    assert {name: content.count(secret) for name, content in files.items() if secret in content} == {}
    for name in ("tables/leaderboard.csv", "report.html", "model card"):
        assert re.search(r"--weights PATH\b.*--data-dir\s+DIR\b", files[name], re.DOTALL), name
    assert small_bert.name in files["tables/ner-cities-custom.tex"]
    assert re.search(r"cannot read &#39;[\w/-]*train.conll&#39;", files["report.html"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("OSError: /home/alice/data/train.conll:3 begins", "OSError: train.conll:3 begins"),
        (r"no 'C:\Users\bob\x.txt' here", "no 'x.txt' here"),
        ("in ~/models/x, ~bob/y and file:///home/q/z", "in x, y and z"),
        ("path:/a/b:/c/d --data-dir=/tmp/x/y", "path:b:d --data-dir=y"),
        ("//server/share/x", "x"),
    ],
)
def test_paths_in_a_sentence_are_their_last_name(text, shown):
    assert without_paths(text) == shown


@pytest.mark.parametrize(
    "text",
    ["and/or n/a, 3 /5", "ner/gate of org/name@1ac0b6", "https://host/a/b/c", "</b> [/red] */run.json", "tables/x.csv"],
)
def test_what_is_no_path_of_the_machine_stays(text):
    assert without_paths(text) == text


def test_a_command_keeps_its_values_and_has_placeholders_for_paths():
    command = "python -m harness run --weights /a/b --data-dir '/x y/z' --plugin ~/p.py --task-option f=/q/r --out=/o --seed 0"
    assert published_command(command) == (
        "python -m harness run --weights PATH --data-dir DIR --plugin p.py --task-option f=r --out=DIR --seed 0"
    )
    for other in ("python -m harness run --weights org/name --out results/runs", "for x in $y; do z; done", "a 'b"):
        assert published_command(other) == other


def test_a_path_that_the_record_names_is_known_whatever_it_holds(make_run):
    run = make_run(
        "bert", task={"origin": "/home/al ice, b/data", "notes": ["/home/al ice, b/data/x.conll:3", "a/data/b"]}
    )
    assert published(run)["task"]["notes"] == ["data/x.conll:3", "a/data/b"]
    assert published(run | {"task": run["task"] | {"origin": "/data"}})["task"]["notes"][1] == "a/data/b"


def test_weights_of_the_hub_keep_their_name_and_a_relative_folder_keeps_its_last_meaningful_name(make_run):
    hub = make_run("bert", model={"weights": "org/name", "identity": "org/name@1ac0"})
    assert published(hub)["model"]["weights"] == "org/name"
    folder = make_run("bert", model={"weights": "ckpt/final", "identity": "f" * 64})
    folder["command"] = "python -m harness run --weights ckpt/final"
    assert published(folder)["model"]["weights"] == "ckpt"
    assert published(folder)["command"] == "python -m harness run --weights PATH"
    assert published(folder)["model"]["identity"] == "f" * 64


def test_two_checkpoints_of_one_name_are_told_apart_in_every_table(make_run):
    runs = [
        published(make_run("bert", model={"weights": f"/home/{name}/final", "identity": name * 8}))
        for name in ("alice", "bobby")
    ]
    (found,) = comparisons(runs, lambda ranked: ([""] * len(ranked), ""))
    shown = [
        [row["weights"] for row in rows.to_dict("records")] for rows in (tables.rows_of(found), tables.seeds_of(found))
    ]
    shown.append([row[1].text for row in tables.of_comparison(found).rows])
    for weights in shown:
        assert len(set(weights)) == 2
        assert all(name.startswith("final ") for name in weights)


@given(st.text(), st.floats() | st.integers() | st.none() | st.booleans())
def test_no_text_of_a_csv_is_a_formula_and_numbers_are_what_they_were(text, number):
    content = as_csv(frame_of([{text: text, "number": number}]))
    head, *_ = csv.reader(io.StringIO(content, newline=""))
    for cell in (head[0], *(row[0] for row in list(csv.reader(io.StringIO(content, newline="")))[1:])):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) or is_number(cell)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", cell)
    if isinstance(number, float) and np.isfinite(number):
        ((_, shown),) = list(csv.reader(io.StringIO(content, newline="")))[1:] if text != "number" else ((0, number),)
        assert float(shown) == number


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_formulas_are_text_and_signed_numbers_stay_numbers():
    row = {
        "a": "=HYPERLINK(0)",
        "b": "+1+cmd",
        "c": "-2.5",
        "d": -2.5,
        "e": "@sum",
        "f": "\t=1",
        "g": "\x1b[31m",
        "h": "-",
    }
    assert as_csv(frame_of([row])).splitlines()[1] == "'=HYPERLINK(0),'+1+cmd,-2.5,-2.5,'@sum,'\t=1,\\x1b[31m,'-"


def test_where_every_score_is_0_nobody_is_best_and_axes_begin_at_0(make_run):
    runs = [make_run(model, "nli/zero", seed, score=0.0) for model in ("a", "b") for seed in range(2)]
    (found,) = comparisons(runs, lambda ranked: (["best", "tied"], "a test"))
    assert [(one.best, one.tied) for one in found.standings] == [(False, False)] * 2
    assert any("none is marked" in note for note in tables.notes_of(found))
    assert "**" not in as_markdown(tables.of_comparison(found))
    assert "**" not in as_markdown(leaderboard.table([found]))
    assert svg.linear([0.0, 0.0]).low == 0.0
    assert svg.linear([0.001, 0.003]).low == 0.0
    assert svg.linear([-0.2, -0.2]).low < -0.2 < svg.linear([-0.2, -0.2]).high
    (other,) = comparisons(
        [*runs, make_run("c", "nli/zero", 0, score=0.1)], lambda ranked: ([""] * len(ranked), "a test")
    )
    assert [one.best for one in other.standings] == [True, False, False]


@pytest.mark.parametrize(
    ("limits", "scores", "shown"),
    [
        ((-0.05, 0.05), [0.0, 0.0], (0.0, 0.05)),
        ((0.9, 1.04), [0.92, 1.0], (0.9, 1.0)),
        ((-0.3, 0.2), [-0.25, 0.1], (-0.3, 0.2)),
    ],
)
def test_axes_of_scores_end_where_scores_do(limits, scores, shown):
    assert drawing.within_shares(limits, scores) == shown


def colours_of_the_page() -> list[list[str]]:
    style = (Path(page.__file__).parent / "templates" / "page.css").read_text()
    found = re.findall(r"--c(\d+): (#[0-9a-f]{6})", style)
    count = len(svg.SHAPES)
    assert [int(number) for number, _ in found] == [*range(count), *range(count)]
    assert all(f".c{number} {{ color: var(--c{number}); }}" in style for number in range(count))
    return [[colour for _, colour in found[:count]], [colour for _, colour in found[count:]]]


def test_twelve_encoders_have_colours_and_marks_of_their_own():
    assert len(styles.STYLES) == len(svg.SHAPES) == len(set(svg.SHAPES)) == 12
    for place in range(3):
        assert len({str(style[place]) for style in styles.STYLES}) == 12
    for palette in ([colour for colour, _, _ in styles.STYLES], *colours_of_the_page()):
        for one, other in combinations(palette, 2):
            assert np.linalg.norm(lab(one) - lab(other)) > 25, (one, other)
    for first in (0, 2, 5):
        models = [*MODELS.names()[:first], *(f"other-{number}" for number in range(12 - first))]
        numbers = styles.styles_of(models)
        assert sorted(numbers.values()) == list(range(12))
        assert [numbers[model] for model in models[:first]] == list(range(first))
    many = styles.styles_of([f"model-{number}" for number in range(100)])
    assert len({styles.style(number)[:2] for number in many.values()}) == 100
    assert len({svg.style(number) for number in many.values()}) == 100


def lab(colour: str) -> np.ndarray:
    """A colour of sRGB in CIELAB (D65), in which distances are about what is seen: 2 is just noticeable."""
    share = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_long_names_are_on_several_lines_and_nothing_touches_the_edge_of_a_figure(tmp_path, make_run, lay_run):
    long = "a-long-checkpoint_with-hyperparameters-lr-0.0001_epochs-30_warmup-0.06_of-the-long-training-run"
    for number in range(2):
        model = {
            "weights": f"/x/{long}-{number}",
            "identity": f"{number}" * 64,
            "params_non_embedding": 10 ** (6 + number),
        }
        lay_run(tmp_path / "runs", make_run("bert", f"ner/{long}", score=0.5 + 0.1 * number, model=model))
    files = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")
    pictures = [imread(file)[..., :3] for file in files if file.suffix == ".png"]
    assert len(pictures) == 4
    for picture in pictures:
        edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert (edge == 1).all()


@given(st.text(), st.integers(8, 60))
@example("0" * 11 + "/", 11)
def test_a_folded_label_loses_nothing_and_is_as_wide_as_asked(text, width):
    lines = drawing.folded(text, width).split("\n")
    assert max(map(len, lines)) <= width
    assert "".join("".join(lines).split()) == "".join(plain(text).split())


def test_the_memory_of_a_bench_is_said_to_be_above_the_loaded_model(records):
    (name,) = bench_tables.by_setting(records)
    assert "MiB above model" in bench_tables.as_text(records, "line")
    assert "MiB above model" in bench_tables.as_markdown(name, records, "line", None)


def test_the_page_allows_neither_another_base_nor_forms_that_are_sent(tmp_path, make_run, lay_run):
    lay_run(tmp_path / "runs", make_run("bert"))
    page = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")[-1].read_text()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert {"default-src 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy.split("; "))
