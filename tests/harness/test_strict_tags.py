"""``--strict-tags``: what it refuses, before anything runs, and what it leaves alone."""

import pytest

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.errors import InputError


@pytest.fixture
def worlds(tmp_path):
    for name, text in {"sound": "Ada\tB-PER\nmet\tO\n", "irregular": "Ada\tB-PER\n\nmet\tO\nAda\tI-PER\n"}.items():
        (tmp_path / "ner" / name).mkdir(parents=True)
        for split in ("train", "dev", "test"):
            (tmp_path / "ner" / name / f"{split}.conll").write_text(text)
    return tmp_path


def asked(worlds, name, strict):
    return Request("bert", name, data_dir=str(worlds), strict_tags=strict)


def test_irregular_tags_are_refused_before_the_store_is_asked(worlds):
    assert plan(asked(worlds, "ner/irregular", strict=False)).cell.key
    with pytest.raises(InputError, match=r"train.conll:4 has the tag 'I-PER' where IOB2.* has 'B-PER'"):
        plan(asked(worlds, "ner/irregular", strict=True))


def test_the_same_cell_is_meant_where_nothing_is_refused_and_its_command_repeats_the_option(worlds):
    lax, strict = (plan(asked(worlds, "ner/sound", strict)) for strict in (False, True))
    assert strict.cell.key == lax.cell.key
    assert "--strict-tags" in strict.resolved.command()
    assert "--strict-tags" not in lax.resolved.command()


def test_tasks_without_tags_take_no_notice():
    keys = {plan(Request("bert", "nli/docstrings", strict_tags=strict)).cell.key for strict in (False, True)}
    assert len(keys) == 1
