"""The browser of examples in a headless Chromium: views, filters, search, and thousands of examples in parts."""

import json
import re

import pytest

from harness.report.comparable import comparisons
from harness.report.files import publish
from harness.report.page import browser as browser_module
from harness.report.page.browser import examine
from harness.report.reading import read
from harness.store import Store
from tests.harness.report.page.chromium import choose, opened, texts, write

LABELS = ("yes", "no", "maybe")
RIGHT = {"a": "1100", "b": "1010", "c": "1000"}
"""Of four examples in turn: all are right, only a, only b, none."""
N = 4000


def rows(right: str) -> list[dict]:
    """Answers that are right where the pattern, which repeats, has a 1; the text of an example has its number in words."""
    return [
        {
            "split": "test",
            "id": f"test:{number}",
            "text": f"a sentence with {'grüne Äpfel' if number % 7 == 0 else 'nothing'} and the number {number}",
            "gold": LABELS[number % 3],
            "predicted": LABELS[(number + (right[number % 4] == "0")) % 3],
            "probabilities": dict.fromkeys(LABELS, round(0.5 + number / 2 / N, 4)),
            "terms": [int(right[number % 4]), 1],
        }
        for number in range(N)
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory, make_run, lay_run):
    """Three encoders on 4 000 test examples, and on a second dataset."""
    folder = tmp_path_factory.mktemp("browsed") / "runs"
    for model, right in RIGHT.items():
        for dataset in ("nli/many", "nli/more"):
            lay_run(folder, make_run(model, dataset), rows(right))
    return folder


@pytest.fixture(scope="module")
def page(store, tmp_path_factory) -> str:
    return publish.write(Store(store), read(store), tmp_path_factory.mktemp("report"))[-1].as_uri()


def found(browser) -> int:
    return int(re.match(r"([\d,]+) found", texts(browser, "#browser-count")[0])[1].replace(",", ""))


def test_views_hold_the_examples_that_they_name(browser, page):
    opened(browser, page)
    shown = browser.execute_script(
        "return Object.fromEntries([...document.getElementById('browser-view').options].map(o => [o.value, o.text]))"
    )
    assert shown == {
        "differ": "answers differ (2,000)",
        "mistakes": "every mistake (3,000)",
        "none": "all wrong (1,000)",
        "only-0": "only a right (1,000)",
        "only-1": "only b right (1,000)",
        "only-2": "only c right (0)",
    }
    counts = {}
    for view in shown:
        choose(browser, "browser-view", view)
        counts[view] = found(browser)
    assert counts == {"differ": 2000, "mistakes": 3000, "none": 1000, "only-0": 1000, "only-1": 1000, "only-2": 0}
    choose(browser, "browser-view", "only-1")
    assert {int(text.removeprefix("test:")) % 4 for text in texts(browser, ".example-id")} == {2}
    choose(browser, "browser-view", "none")
    assert texts(browser, "#browser-list .chip.right") == []


def test_text_labels_and_order_narrow_and_sort(browser, page):
    opened(browser, page)
    choose(browser, "browser-view", "none")
    write(browser, "browser-text", "ÄPFEL 343")  # every word, in any order and case
    assert texts(browser, ".example-id") == ["test:343"]
    write(browser, "browser-text", "")
    choose(browser, "browser-gold", "0")
    golds = texts(browser, "#browser-list .chip.gold")
    assert len(set(golds)) == 1
    assert found(browser) == pytest.approx(1000 / 3, abs=1)
    choose(browser, "browser-gold", "")
    choose(browser, "browser-order", "sure")
    assert texts(browser, ".example-id")[0] == f"test:{N - 1}"
    assert texts(browser, "#browser-list .who")[1] == "a 100 %, b 100 %, c 100 %"
    choose(browser, "browser-order", "doubtful")
    assert texts(browser, ".example-id")[0] == "test:3"
    assert texts(browser, "#browser-list .who")[1] == "a 50 %, b 50 %, c 50 %"


def test_an_answered_label_is_that_of_the_encoder_that_is_asked_to_be_wrong(browser, page):
    opened(browser, page)
    choose(browser, "browser-view", "mistakes")
    choose(browser, "browser-wrong", "1")
    choose(browser, "browser-answered", "0")
    answers = browser.execute_script(
        "return [...document.querySelectorAll('#browser-list > li')].map(li => [...li.querySelectorAll('.answer')].slice(1)"
        ".map(a => [a.querySelector('.who').textContent, a.querySelector('.chip').textContent, a.querySelector('.chip').className]))"
    )
    assert answers
    for example in answers:
        assert [(text, state) for who, text, state in example if "b " in who] == [("maybe", "chip wrong")]


def test_a_part_is_parsed_when_it_is_chosen_and_all_of_it_can_be_reached(browser, page):
    opened(browser, page)
    parsed = "return window.parsed"
    browser.execute_script(
        "window.parsed = 0; const old = JSON.parse; JSON.parse = (text) => { window.parsed += 1; return old(text); }"
    )
    choose(browser, "browser-view", "none")
    assert browser.execute_script(parsed) == 0
    choose(browser, "browser-comparison", "1")
    choose(browser, "browser-comparison", "0")
    choose(browser, "browser-comparison", "1")
    assert browser.execute_script(parsed) == 1
    choose(browser, "browser-view", "mistakes")
    clicked = browser.execute_script(
        "const more = document.getElementById('browser-more'); let n = 0; while (!more.hidden) { more.click(); n += 1; } return n"
    )
    assert clicked == 3000 // 15 - 1
    assert browser.execute_script("return document.querySelectorAll('#browser-list > li').length") == 3000


@pytest.mark.parametrize("room", [20_000, 200_000])
def test_examples_keep_within_their_room_and_each_comparison_has_its_share(store, room):
    runs = read(store).runs
    examined = examine(comparisons(runs, lambda ranked: ([""] * len(ranked), "")), Store(store), room)
    sizes = [len(part.json.encode()) for part in examined.parts]
    assert sum(sizes) < room + 2_000  # beside the examples a part has its head
    assert min(sizes) > room // 2 - 2_000
    for part in examined.parts:
        content = json.loads(part.json)
        assert 0 < len(content["examples"]) < content["found"] == 3000
        kinds = [sum(answer[1] * len(answer[0]) for answer in example[4]) for example in content["examples"]]
        assert kinds == sorted(kinds, reverse=True)  # those that none answers last
        assert kinds.count(1) == pytest.approx(2 * kinds.count(0), abs=2)


def test_of_a_huge_store_only_some_predictions_are_read_and_the_page_says_so(store, tmp_path, monkeypatch):
    size = sum(file.stat().st_size for file in store.glob("*many*/predictions.jsonl"))
    monkeypatch.setattr(browser_module, "MOST_READ", size + 1000)
    html = publish.write(Store(store), read(store), tmp_path)[-1].read_text()
    assert "the predictions of 1 more comparison were not read" in html
    assert html.count('id="browser-part-') == 1


def test_no_text_ends_the_element_around_it_or_is_broken(tmp_path, make_run, lay_run):
    text = "</script><!-- \u2028 \x85 \x1b \ud800 \u202e & ü"
    for model, said in (("a", "yes"), ("b", "no")):
        row = {"split": "test", "id": text, "text": text, "gold": text, "predicted": said}
        lay_run(tmp_path / "runs", make_run(model, "nli/x"), [row])
    html = publish.write(Store(tmp_path / "runs"), read(tmp_path / "runs"), tmp_path / "report")[-1].read_text()
    part = re.search(r'id="browser-part-0">(.*?)</script>', html, re.DOTALL)[1]
    ((identity, context, *_),) = json.loads(part)["examples"]
    assert identity == context == "</script><!-- \u2028 \\x85 \\x1b \\ud800 \\u202e & ü"
