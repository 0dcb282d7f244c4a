"""A headless Chromium, and the page of a swept store."""

import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from harness.report.files import publish
from harness.report.reading import read
from harness.store import Store

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A Chromium of its own profile that logs its console and all requests."""
    driver, binary = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if not driver or not binary:
        pytest.skip("needs chromium and chromedriver, which are not on the PATH")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS.split(), f"--user-data-dir={profile}"):
            options.add_argument(flag)
        window = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        yield window
        window.quit()


@pytest.fixture(scope="session")
def swept_page(swept_store, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("report")
    return publish.write(Store(swept_store), read(swept_store), folder)[-1].as_uri()
