"""What all figures have in common: names in any script."""

import warnings
from pathlib import Path

import matplotlib as mpl
import pytest
from fontTools.ttLib import TTFont
from matplotlib import font_manager
from matplotlib.figure import Figure

from harness.report import drawing

NAME = "模型"


@pytest.fixture
def chinese_font(tmp_path, monkeypatch):
    """An installed font that has the characters of `NAME`, with shapes of the usual font."""
    usual = font_manager.findfont("DejaVu Sans")
    font = TTFont(usual)
    for table in font["cmap"].tables:
        table.cmap = {ord(char): "A" for char in NAME} if table.isUnicode() else {}
    for record in font["name"].names:
        record.string = "Harness Test"
    font.save(tmp_path / "test.ttf")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", list(font_manager.fontManager.ttflist))
    font_manager.fontManager.addfont(tmp_path / "test.ttf")
    drawing._fonts_with.cache_clear()
    yield
    drawing._fonts_with.cache_clear()


def drawn(folder: Path) -> tuple[str, list[str]]:
    """A figure with the name as title, in a legend and at a tick, as SVG; and the warnings of drawing it."""
    folder.mkdir(exist_ok=True)
    with warnings.catch_warnings(record=True) as caught, mpl.rc_context(drawing.PLAIN):
        warnings.simplefilter("always")
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], label=f"bert {NAME}")
        axes.set_title(NAME)
        axes.set_yticks([0], [NAME])
        axes.legend()
        _, svg = drawing.save(figure, folder / "figure")
    return svg.read_text(encoding="utf-8"), [str(one.message) for one in caught]


def test_a_name_in_another_script_is_drawn_in_an_installed_font_that_has_it(tmp_path, chinese_font):
    svg, warned = drawn(tmp_path / "drawn")
    assert warned == []
    used = [part.partition('"')[0] for part in svg.split('xlink:href="#')]
    assert sum(one.startswith("HarnessTest") for one in used) == 3 * len(NAME)
    assert not any("LastResort" in one for one in used)


def test_a_name_that_no_installed_font_has_gives_a_figure_and_no_warning(tmp_path, monkeypatch):
    usual = [entry for entry in font_manager.fontManager.ttflist if entry.name.startswith("DejaVu")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", usual)
    drawing._fonts_with.cache_clear()
    svg, warned = drawn(tmp_path)
    assert warned == []
    assert "<svg" in svg
