"""Make text safe to show in a terminal, a spreadsheet or an SVG file: no part of it is a command to that program."""

from __future__ import annotations

import re

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters except tab and newline, overrides of the writing direction, and halves of surrogate pairs."""


def plain(text: str) -> str:
    r"""The text with every control character written out, such as ``\x1b`` for ESC.

    Datasets, paths and error messages can contain anything, and a terminal obeys escape sequences. Halves of surrogate
    pairs have no bytes in UTF-8, so they are written out as well.
    """
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
