"""The page by the rules of axe-core, which is not part of the project: ``HARNESS_AXE`` names its ``axe.min.js``.

npm pack axe-core && tar xzf axe-core-*.tgz && export HARNESS_AXE=$PWD/package/axe.min.js
"""

import os
from pathlib import Path

import pytest

from tests.harness.report.page.chromium import opened

AXE = os.environ.get("HARNESS_AXE", "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1300])
def test_axe_finds_nothing_serious(browser, swept_page, width, scheme):
    if not Path(AXE).is_file():
        pytest.skip("needs axe-core: HARNESS_AXE names its axe.min.js (npm pack axe-core)")
    opened(browser, swept_page, width, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    browser.execute_script(Path(AXE).read_text(encoding="utf-8"))
    result = browser.execute_async_script(
        "axe.run(document).then(arguments[arguments.length - 1], (error) => arguments[arguments.length - 1]({ error: String(error) }))"
    )
    serious = [one for one in result["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in serious] == []
