"""Fixtures that more than one test folder uses."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of golden numbers and real datasets beside the checkout; tests that need it skip where it is missing."""
    folder = Path(os.environ.get("HARNESS_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared folder of golden numbers and datasets, which is not at {folder}")
    return folder
