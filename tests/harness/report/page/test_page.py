"""The page in a headless Chromium: it renders, sorts and filters, fetches nothing, and runs nothing that a record holds."""

import json
import re

import pytest

from harness.report.files import publish
from harness.report.reading import read
from harness.store import Store
from tests.harness.report.page.chromium import choose, opened, requested, texts

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</script><script>alert(3)</script>",
    "{{ 7*7 }} $x_$ &amp; \\",
]


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory, make_run, lay_run) -> str:
    """Names, datasets, predictions and errors that try to be markup."""
    store = tmp_path_factory.mktemp("hostile") / "runs"
    for number, text in enumerate(HOSTILE):
        run = make_run(
            text,
            f"nli/{text}",
            score=0.5,
            model={"weights": text},
            environment={"cpu": text},
            command=text,
            task={"notes": [text], "origin": text, "sources": {text: text}},
        )
        other = make_run(f"other {text}", f"nli/{text}", score=0.25)
        row = {"split": "test", "id": text, "text": text, "gold": text}
        lay_run(store, run, [row | {"predicted": text}])
        lay_run(store, other, [row | {"predicted": f"not {text}"}])
        failure = make_run(text, "ner/x", seed=number, kind="failure", status="failed")
        lay_run(store, failure | {"error": f"failed: {text}"})
    (store / "<img src=x onerror=alert(4)>").mkdir()
    (store / "<img src=x onerror=alert(4)>" / "run.json").write_text("{")
    return publish.write(Store(store), read(store), tmp_path_factory.mktemp("report"))[-1].as_uri()


def test_it_renders_without_an_error_and_fetches_nothing(browser, swept_page):
    opened(browser, swept_page)
    assert texts(browser, "h2") == [
        "All models over 3 datasets",
        "Leaderboard",
        "Tasks",
        "Training",
        "Scores by type",
        "Cost against length",
        "Calibration",
        "Examples",
        "Provenance",
    ]
    assert texts(browser, "#board tbody th") == ["avey-b", "bert", "modernbert", "neobert", "roberta"]
    assert len(texts(browser, "article.comparison h3")) == 3
    assert (
        browser.execute_script("return document.querySelectorAll('#panel-ner-docstrings-tiny .strip circle').length")
        == 15
    )
    urls = requested(browser)
    assert urls
    assert all(url.startswith(("file:", "data:")) for url in urls)
    assert [entry["message"] for entry in browser.get_log("browser")] == []


@pytest.mark.parametrize("width", [390, 768])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_width_makes_the_page_scroll_sideways(browser, swept_page, hostile_page, width, scheme):
    for page in (swept_page, hostile_page):
        opened(browser, page, width, scheme)
        browser.execute_script("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_dark_and_light_have_readable_contrast(browser, swept_page):
    ink = {}
    for scheme in ("light", "dark"):
        opened(browser, swept_page, scheme=scheme)
        for name in ("--ink", "--soft", "--accent", "--bad", "--good", "--caution"):
            colours = browser.execute_script(
                "const style = getComputedStyle(document.documentElement);"
                "return [style.getPropertyValue(arguments[0]), style.getPropertyValue('--ground')]",
                name,
            )
            assert contrast(*colours) >= 4.5, (scheme, name)
        ink[scheme] = browser.execute_script("return getComputedStyle(document.body).color")
    assert ink["light"] != ink["dark"]


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        channels = [int(colour.strip()[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_keyboard_alone_sorts(browser, swept_page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    opened(browser, swept_page)
    button = browser.find_element(By.CSS_SELECTOR, "#board th.number button")
    for _ in range(60):  # the Tab key reaches it
        if browser.switch_to.active_element == button:
            break
        browser.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.switch_to.active_element == button
    assert browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"

    def values():
        script = "return [...document.querySelectorAll('#board tbody tr')].map(r => Number(r.cells[2].dataset.value))"
        return browser.execute_script(script)

    button.send_keys(Keys.ENTER)
    assert values() == sorted(values(), reverse=True)
    heading = button.find_element(By.XPATH, "..")
    assert heading.get_attribute("aria-sort") == "descending"
    button.send_keys(Keys.SPACE)
    assert values() == sorted(values())
    assert heading.get_attribute("aria-sort") == "ascending"
    assert (
        len(browser.find_elements(By.CSS_SELECTOR, "#board [aria-sort=ascending], #board [aria-sort=descending]")) == 1
    )


def test_a_task_and_a_size_filter_columns_rows_and_panels(browser, swept_page):
    opened(browser, swept_page)
    choose(browser, "filter-task", "span")
    assert [text.split("answer_f1")[0] for text in texts(browser, "#board thead th")] == [
        "model",
        "size",
        "span/docstrings",
        "parameters",
    ]
    assert texts(browser, "article.comparison h3") == ["span/docstrings tiny"]
    assert "Scores by type" not in texts(browser, "h2")
    choose(browser, "filter-task", "")
    choose(browser, "filter-size", "tiny")
    assert len(texts(browser, "article.comparison h3")) == 3
    assert texts(browser, "#filter-count") == ["5 of 5 rows"]


def test_what_a_record_holds_is_shown_and_never_run(browser, hostile_page):
    opened(browser, hostile_page)
    for number, _ in enumerate(HOSTILE):
        choose(browser, "browser-comparison", str(number))
    assert browser.execute_script("return document.querySelectorAll('img, main script:not([type])').length") == 0
    shown = browser.execute_script("return document.body.innerText + document.body.textContent")
    for text in HOSTILE:
        assert text in shown
    assert [entry["message"] for entry in browser.get_log("browser")] == []  # the policy had nothing to block either
    assert all(url.startswith(("file:", "data:")) for url in requested(browser))


def test_numbers_can_be_made_again_by_the_command_beside_them(browser, swept_page):
    opened(browser, swept_page)
    commands = browser.execute_script(
        "return [...document.querySelectorAll('article pre')].map(pre => pre.textContent)"
    )
    assert len(commands) == 15
    assert commands[0].startswith("for seed in 0 1 2; do\n  python -m harness run --model ")
    assert "--seed $seed" in commands[0]


def test_a_page_of_many_tables_stays_small_and_names_what_it_leaves_out(tmp_path, make_run, lay_run, monkeypatch):
    from harness.report.page import page

    monkeypatch.setattr(page, "_PANEL_BYTES", 30_000)
    for number in range(8):
        for model in ("a", "b"):
            lay_run(tmp_path / "runs", make_run(model, f"nli/{number}"))
    html = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")[-1].read_text()
    drawn = html.count("<article")
    assert 0 < drawn < 8
    assert f"{8 - drawn} more comparisons are only in the folder" in html


def test_engines_and_named_weights_of_a_bench_are_on_the_page(tmp_path, make_record):
    settings = (
        {},
        {"compiled": True},
        {"engine": "openvino", "quantize": "int8"},
        {"quantize": "int8"},
        {"name": "MiniLM", "weights": "a" * 64},
    )
    for number, point in enumerate(settings):
        for length in (128, 512):
            folder = tmp_path / "runs" / f"bench-{number}-{length}"
            folder.mkdir(parents=True)
            record = make_record("bert", length, 0.01 * length, point=point, key=f"{number}{length}")
            (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    html = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")[-1].read_text()
    section = html[html.index('id="bench"') :].partition("</section>")[0]
    for name in ("bert", "bert (compile)", "bert (openvino int8)", "bert (torch int8)", "MiniLM"):
        assert f"</svg>{name}</" in section, name
    assert len(set(re.findall(r'<g class="c\d+">.*?#mark(\d+)', section))) == len(settings)


def test_lengths_of_pretraining_are_on_the_page_of_a_store_that_has_fine_tuned_runs_alone(tmp_path, make_run, lay_run):
    for tokens in (5_000_000, 10_000_000):
        origin = {"key": f"k{tokens}", "group": f"g{tokens}", "seed": 0, "tokens": tokens, "flops": 1e12}
        origin |= {"seconds": 60.0, "corpus": "docstrings", "longest_row": 512}
        model = {"size": "custom", "weights": f"w{tokens}", "identity": f"w{tokens}", "pretraining": origin}
        lay_run(tmp_path / "runs", make_run("bert", "nli/x", score=tokens / 2e7, model=model))
    html = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")[-1].read_text()
    section = html[html.index('id="progress"') :].partition("</section>")[0]
    assert "bert, 5M tokens: 0.2500" in section
    assert "bert, 10M tokens: 0.5000" in section


def test_a_size_has_one_mark_in_both_tables_of_models(tmp_path, make_run, lay_run):
    for size, score in (("small", 0.9), ("tiny", 0.5)):
        for model in ("a", "b"):
            run = make_run(model, "nli/x", score=score, model={"size": size, "identity": f"{model} {size}"})
            lay_run(tmp_path / "runs", run)
    html = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")[-1].read_text()

    def marks(table: str) -> list[str]:
        return re.findall(
            r'<th scope="row">(<svg.*?</svg>)', html[html.index(f'id="{table}"') :].partition("</table>")[0]
        )

    assert len(set(marks("board"))) == 4
    assert sorted(marks("board")) == sorted(marks("overall-table"))


def test_an_option_in_the_answer_is_on_one_line_at_any_width(browser, tmp_path, make_run, lay_run):
    for model, score in (("a", 0.5), ("b", 0.25)):
        lay_run(tmp_path / "runs", make_run(model, "nli/x", score=score))
    page = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")[-1].as_uri()
    for width in range(320, 640, 20):
        opened(browser, page, width)
        assert texts(browser, ".answer-first code") == ["--seeds 0-4"]
        lines = "return document.querySelector('.answer-first code').getClientRects().length"
        assert browser.execute_script(lines) == 1


def limited(browser, name: str, value: str) -> str:
    """Type a limit of cost; returns the sentence."""
    browser.execute_script(
        "const input = document.getElementById(arguments[0]); input.value = arguments[1];"
        "input.dispatchEvent(new Event('input', { bubbles: true }))",
        f"limit-{name}",
        value,
    )
    return texts(browser, "#limit-answer")[0]


def test_a_limit_of_cost_leaves_models_and_says_what_the_second_choice_loses(browser, swept_page):
    opened(browser, swept_page)
    rows = browser.execute_script(
        "return [...document.querySelectorAll('#overall-table tbody tr')].map(row => ({...row.dataset}))"
    )
    assert len(rows) == 5
    limit = sorted(float(row["latency"]) for row in rows)[2]
    left = [row for row in rows if float(row["latency"]) <= limit]
    sentence = limited(browser, "latency", str(limit))
    assert sentence.startswith(f"3 of 5 models left. First choice: {left[0]['name']}.")
    lost = float(left[0]["score"]) - float(left[1]["score"])
    change = f"{lost:.4f} lower" if lost >= 0 else f"{-lost:.4f} higher"
    assert f"The second choice, {left[1]['name']}, has a mean score {change}" in sentence
    assert texts(browser, "#overall-table tbody th") == [row["name"] for row in left]
    assert (
        browser.execute_script("return document.querySelectorAll('#cost-charts .chart:not([hidden]) .faded').length")
        == 2
    )
    assert limited(browser, "latency", "0") == "No model meets at most 0 ms; raise a limit."
    assert texts(browser, "#overall-table tbody th") == []
    assert limited(browser, "latency", "").startswith(f"First choice: {rows[0]['name']}.")


def test_the_score_of_the_best_rank_is_said_to_be_lower_where_it_is(browser, tmp_path, make_run, make_record, lay_run):
    scores = {"steady": (0.61, 0.61, 0.2), "lucky": (0.6, 0.6, 0.9)}
    for model, of_datasets in scores.items():
        for dataset, score in zip(("nli/x", "nli/y", "nli/z"), of_datasets, strict=True):
            lay_run(tmp_path / "runs", make_run(model, dataset, score=score))
    for model, milliseconds in (("steady", 9.0), ("lucky", 1.0)):
        folder = tmp_path / "runs" / f"bench-{model}"
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(make_record(model, 512, milliseconds)), encoding="utf-8")
    opened(browser, publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")[-1].as_uri())
    sentence = limited(browser, "latency", "2")
    assert "First choice: lucky. Without limits it would be steady, whose mean score is 0.2267 lower." in sentence


def test_filters_limits_and_sorting_are_in_the_address_and_come_back_from_it(browser, swept_page):
    opened(browser, swept_page)
    choose(browser, "filter-task", "ner/docstrings")
    limited(browser, "latency", "12")
    browser.execute_script("document.querySelectorAll('#board th button')[0].click()")
    address = browser.current_url
    order = texts(browser, "#board tbody th")
    assert "task=ner" in address
    opened(browser, "about:blank")
    opened(browser, address)
    assert browser.execute_script("return document.getElementById('filter-task').value") == "ner/docstrings"
    assert browser.execute_script("return document.getElementById('limit-latency').value") == "12"
    assert texts(browser, "#board tbody th") == order
    assert browser.execute_script("return document.querySelector('#board th').getAttribute('aria-sort')") == "ascending"
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_a_hostile_address_changes_nothing(browser, swept_page):
    opened(browser, "about:blank")
    opened(browser, swept_page + "#task=<b>&sort=9.99.up&cost=-1&latency=x&size=%3Cscript%3E")
    assert len(texts(browser, "#overall-table tbody th")) == 5
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_one_kind_of_cost_is_drawn_at_a_time_with_its_download(browser, swept_page):
    opened(browser, swept_page)
    kinds = browser.execute_script("return [...document.getElementById('cost-kind').options].map(one => one.value)")
    for kind in [*kinds[:-1], kinds[0]]:
        choose(browser, "cost-kind", kind)
        assert len(texts(browser, "#cost-charts .chart")) == 1
        assert len(texts(browser, "#cost-charts .download")) == 1
    choose(browser, "cost-kind", "all")
    assert len(texts(browser, "#cost-charts .chart")) == len(kinds) - 1
