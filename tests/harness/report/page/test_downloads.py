"""Downloads beside tables and figures, from a page that was opened from disk under its strict policy."""

import csv
import io
import json
import struct
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.harness.report.page.chromium import choose, opened


@pytest.fixture
def folder(browser, tmp_path) -> Path:
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    return tmp_path


def downloaded(browser, folder: Path, selector: str, kind: str) -> bytes:
    """The file of a button beside the element that a selector finds."""
    script = """
        const part = document.querySelector(arguments[0]);
        const near = part.closest('.scroll') ?? part.closest('.chart') ?? part;
        const bar = near.parentElement.querySelector(':scope > details.download') ?? near.nextElementSibling;
        [...bar.querySelectorAll('button')].find((one) => one.textContent === arguments[1]).click();
    """
    before = set(folder.iterdir())
    browser.execute_script(script, selector, kind)
    for _ in range(100):
        new = [file for file in set(folder.iterdir()) - before if file.suffix != ".crdownload"]
        if new and new[0].stat().st_size:
            return new[0].read_bytes()
        time.sleep(0.1)
    raise AssertionError(f"no {kind} was downloaded")


def test_a_table_is_saved_as_it_is_shown_in_four_formats(browser, swept_page, folder):
    opened(browser, swept_page)
    choose(browser, "filter-task", "span")
    text = {kind: downloaded(browser, folder, "#board", kind).decode() for kind in ("CSV", "TeX", "Markdown", "JSON")}
    head, *body = list(csv.reader(io.StringIO(text["CSV"])))
    assert len(body) == 5
    assert head[2].startswith("span/docstrings")
    assert len(head) == 4  # what is filtered out is not in it
    shown = browser.execute_script(
        "return [...document.querySelectorAll('#board tbody tr')].map(r => [...r.cells])"
        ".map(cells => cells.find(c => !c.hidden && c.dataset.value).dataset.value)"
    )
    assert [row[2] for row in body] == shown
    assert [row["model"] for row in json.loads(text["JSON"])] == [row[0] for row in body]
    assert json.loads(text["JSON"])[0][head[2]] == float(body[0][2])
    assert r"\toprule" in text["TeX"]
    assert text["TeX"].count(r"\textbf{") == text["Markdown"].count("**") // 2 == 1
    assert text["TeX"].count(r" \\") == 6
    assert "avey-b" in text["TeX"]
    assert len(text["Markdown"].splitlines()) == 7
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_a_cell_that_begins_like_a_formula_and_markup_are_text_in_every_format(browser, swept_page, folder):
    opened(browser, swept_page)
    hostile = '=1+1 & <b> "x", a|b_c'
    browser.execute_script("document.querySelector('#board tbody th').textContent = arguments[0]", hostile)
    rows = list(csv.reader(io.StringIO(downloaded(browser, folder, "#board", "CSV").decode())))
    assert f"'{hostile}" in {row[0] for row in rows}
    assert r"a\textbar{}b\_c" in downloaded(browser, folder, "#board", "TeX").decode()
    assert r"&lt;b&gt; \"x\", a\|b\_c".replace(r"\"", '"') in downloaded(browser, folder, "#board", "Markdown").decode()
    assert hostile in {row["model"] for row in json.loads(downloaded(browser, folder, "#board", "JSON"))}


def test_a_figure_is_saved_by_itself(browser, swept_page, folder):
    opened(browser, swept_page)
    chart = "#calibration .chart svg"
    svg = ElementTree.fromstring(downloaded(browser, folder, chart, "SVG"))
    texts = [one.text for one in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert "share that is right" in texts
    assert not list(svg.iter("{http://www.w3.org/2000/svg}use"))  # marks are drawn, not referred to
    marks = [one for one in svg.iter("{http://www.w3.org/2000/svg}path") if one.get("fill", "").startswith("rgb")]
    assert len(marks) > 5
    png = downloaded(browser, folder, chart, "PNG")
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == tuple(2 * int(float(svg.get(side))) for side in ("width", "height"))
    assert [entry["message"] for entry in browser.get_log("browser")] == []
