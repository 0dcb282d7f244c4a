"""Values of a task's options, as typed."""

from __future__ import annotations

import re

from harness.errors import InputError


def whole_number(name: str, text: str, allowed: range) -> int:
    """The number that a text gives.

    Raises:
        InputError: it is not one of the allowed whole numbers.
    """
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()) or int(text) not in allowed:
        steps = f" in steps of {allowed.step}" if allowed.step > 1 else ""
        raise InputError(f"{name} takes whole numbers from {allowed[0]} to {allowed[-1]}{steps}, not {text.strip()!r}")
    return int(text)
