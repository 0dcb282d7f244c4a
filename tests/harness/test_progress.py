"""Counts as people and file names have them."""

import pytest

from harness.progress import short_count


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1K"),
        (8192, "8.19K"),
        (999_499, "999K"),
        (999_999, "1M"),
        (2_500_000, "2.5M"),
        (999_999_999, "1B"),
        (12 * 10**9, "12B"),
    ],
)
def test_a_large_count_has_three_digits_and_a_unit(number, name):
    assert short_count(number) == name
