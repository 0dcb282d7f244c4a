"""What a report writes for needles and for many comparisons at once."""

import csv

import pytest

from harness.report.files import figures, publish
from harness.report.reading import read
from harness.store import Store


def needle_run(make_run, model: str, found: float, sees: int) -> tuple[dict, list[dict]]:
    """A run whose needles are found with this share up to the length that it sees, and its predictions."""
    rows, scores = [], {"needle_exact_match": 0.0}
    for length in (512, 2048, 8192):
        for depth in (0, 50, 100):
            hit = length <= sees and depth <= 100 * found
            scores[f"needle_exact_match.L{length}.D{depth}"] = float(hit)
            rows.append(
                {
                    "split": "test",
                    "id": f"{length}-{depth}",
                    "kind": "word",
                    "length": length,
                    "depth": depth,
                    "question": "q",
                    "truncated": length > sees,
                    "seen": length <= sees,
                    "gold": "a",
                    "predicted": "a" if hit else "b",
                    "terms": [int(hit), 1],
                }
            )
        hits = [row["terms"][0] for row in rows if row["length"] == length]
        scores[f"needle_exact_match.L{length}"] = sum(hits) / len(hits)
        scores[f"unseen.L{length}"] = scores[f"truncated.L{length}"] = float(length > sees)
    scores["needle_exact_match"] = sum(row["terms"][0] for row in rows) / len(rows)
    run = make_run(model, "needle/word", score=scores["needle_exact_match"], scores={"test": scores})
    return run, rows


def test_needles_are_drawn_against_length_and_as_maps_and_the_page_has_their_numbers(tmp_path, make_run, lay_run):
    for model, found, sees in (("avey-b", 1.0, 10**6), ("bert", 0.5, 512)):
        lay_run(tmp_path / "runs", *needle_run(make_run, model, found, sees))
    files = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")
    names = {file.name for file in files}
    for stem in ("needle-word-tiny-against-length", "needle-word-tiny-map-avey-b", "needle-word-tiny-map-bert"):
        assert {f"{stem}.{suffix}" for suffix in ("png", "svg", "csv")} <= names
    assert all(file.stat().st_size > 0 for file in files)
    html = files[-1].read_text(encoding="utf-8")
    section = html[html.index('id="lengths"') :]
    bert = section[section.index("bert <small>needle_exact_match in percent") :]
    row = bert[bert.index("50 %</th>") :].partition("</tr>")[0]
    assert [cell.partition("<")[0] for cell in row.split('">')[1:]] == ["100", "0", "0"]
    assert "never seen" in bert.partition("</figure>")[0]


def test_labels_that_are_spelled_alike_in_a_file_have_maps_of_their_own_whatever_their_rank(
    tmp_path, make_run, lay_run
):
    labels = ("модель", "другая", "pre_1", "pre-1", "bert")
    for way, ranked in (("first", labels), ("second", labels[::-1])):
        for place, model in enumerate(ranked):
            lay_run(tmp_path / way, *needle_run(make_run, model, place / 10, 10**6))
        publish.write(Store(tmp_path / way), read(tmp_path / way), tmp_path / way / "report")
    folders = [tmp_path / way / "report" / "figures" for way in ("first", "second")]
    maps = [{file.name for file in folder.glob("*-map-*.csv")} for folder in folders]
    assert maps[0] == maps[1]
    assert len(maps[0]) == len(labels)
    assert "needle-word-tiny-map-bert.csv" in maps[0]
    for name in maps[0]:
        (first,), (second,) = ({row["model"] for row in csv.DictReader((one / name).open())} for one in folders)
        assert first == second


@pytest.mark.parametrize("cores", [1, 2])
def test_many_comparisons_are_drawn_alike_by_one_process_and_by_several(
    tmp_path, make_run, lay_run, monkeypatch, cores
):
    monkeypatch.setattr(figures, "processors", lambda: cores)
    monkeypatch.setattr(figures, "_WORTH_PROCESSES", 2)
    for number in range(2):
        for model, score in (("a", 0.5), ("b", 0.75)):
            lay_run(tmp_path / "runs", make_run(model, f"nli/{number}", score=score))
    files = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")
    pictures = {file.name for file in files if file.suffix == ".png"}
    assert pictures == {"nli-0-tiny-scores.png", "nli-1-tiny-scores.png", "overall-cost.png"}
    assert all(file.stat().st_size > 1000 for file in files if file.suffix == ".png")
    with (tmp_path / "report" / "tables" / "leaderboard.csv").open() as stream:
        assert [row["model"] for row in csv.DictReader(stream)] == ["b", "a", "b", "a"]


def test_every_figure_of_a_comparison_has_a_caption_that_stands_alone(swept_store, tmp_path):
    files = publish.write(Store(swept_store), read(swept_store), tmp_path)
    text = (tmp_path / "figures" / "captions.md").read_text(encoding="utf-8")
    captions = dict(line.removeprefix("- `").split("`: ", 1) for line in text.splitlines() if line.startswith("- "))
    drawn = {file.stem for file in files if file.suffix == ".svg" and file.parent.name == "figures"}
    assert captions.keys() == drawn
    assert all("3 seeds for each of 5 models." in text for name, text in captions.items() if name != "overall-cost")
    assert "`entity_f1_strict` on ner/docstrings, tiny (100 test examples)" in captions["ner-docstrings-tiny-scores"]
    assert "over 3 datasets" in captions["overall-cost"]
