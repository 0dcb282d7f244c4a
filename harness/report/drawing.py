"""What all figures have in common: settings of matplotlib, their files, and labels that fit."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.plain_text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "encoder-harness",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "legend.fontsize": 8.5,
}
PLAIN: dict[Any, Any] = {**SETTINGS, "text.parse_math": False, "axes.spines.top": False, "axes.spines.right": False}
"""Without a frame, and with labels as they are: a dollar in a name starts no formula."""
LONGEST_LINE = 44
"""Characters of a label on one line."""


def save(figure: Figure, stem: Path) -> list[Path]:
    """Save a figure as PNG and SVG, without the date, so that the same records give the same files.

    The canvas grows by what lies outside of it, so that no label is clipped.
    """
    files = [stem.with_name(f"{stem.name}.{suffix}") for suffix in ("png", "svg")]
    with any_script(figure):
        for file, metadata in zip(files, ({"Software": None}, {"Date": None}), strict=True):
            figure.savefig(file, dpi=160, metadata=metadata, bbox_inches="tight")
    return files


@contextmanager
def any_script(figure: Figure) -> Iterator[None]:
    """Draw characters that the usual font lacks, such as Chinese ones, in installed fonts that have them.

    Where no font has them boxes are drawn, without a warning for each: the tables and the page show the name.
    """
    from matplotlib.font_manager import FontProperties, findfont, get_font
    from matplotlib.text import Text

    usual = get_font(findfont(FontProperties()))
    for label in figure.findobj(Text):
        lacking = frozenset(char for char in label.get_text() if char > "~" and not usual.get_char_index(ord(char)))
        if lacking:
            label.set_fontfamily(list(dict.fromkeys([*label.get_fontfamily(), *_fonts_with(lacking)])))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield


@cache
def _fonts_with(characters: frozenset[str]) -> list[str]:
    """The names of installed fonts that have some of these characters, the font with most of them first."""
    from matplotlib.font_manager import fontManager, get_font

    has: dict[str, set[str]] = {}
    for entry in fontManager.ttflist:
        # The font of last resort has a box for every character.
        if entry.style == "normal" and not entry.name.startswith("Last Resort"):
            try:
                font = get_font(entry.fname)
            except (OSError, RuntimeError):  # it was removed, or has no outlines
                continue
            has.setdefault(entry.name, {char for char in characters if font.get_char_index(ord(char))})
    chosen, left = list[str](), set(characters)
    for name in sorted(has, key=lambda name: (-len(has[name]), name)):
        if has[name] & left:
            chosen.append(name)
            left -= has[name]
    return chosen


def short_length(length: int) -> str:
    """``512``, ``8K`` for 8192, ``96K`` for 98304."""
    return f"{length // 1024}K" if length >= 1024 and length % 1024 == 0 else f"{length:,}"


def within_shares(limits: tuple[float, float], scores: Sequence[float]) -> tuple[float, float]:
    """Limits of an axis of scores: not below 0 unless a score is, and not above 1 unless one is."""
    low, high = limits
    return max(low, 0.0) if min(scores) >= 0 else low, min(high, 1.0) if max(scores) <= 1 else high


def folded(text: str, width: int = LONGEST_LINE) -> str:
    """A label on as many lines as it needs, broken after blanks, slashes, underscores and hyphens if possible."""
    lines = [""]
    broken = rf"[^\s/_-]{{1,{width - 1}}}[/_-]|[^\s/_-]{{1,{width}}}\s?|[\s/_-]"
    for piece in re.findall(broken, plain(text)):
        if len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)
