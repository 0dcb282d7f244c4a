"""Masking and rows: shares, fixed counts, special tokens, and an order that seed and epoch alone decide."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.nn.masking import Masker
from harness.pretraining.recipe import PretrainRecipe, read_value
from harness.pretraining.rows import Rows
from harness.store.pretrained import read_pretraining
from models import MODELS
from models.shipped import shipped_for
from tasks.task import IGNORED

SPECIAL, MASK, VOCABULARY = [0, 1, 2, 3, 4], 4, 200


def ids_of(rows=64, length=128, seed=0):
    return np.random.default_rng(seed).integers(5, VOCABULARY, (rows, length))


@pytest.mark.parametrize("corruption", [(80, 10, 10), (100, 0, 0), (0, 50, 50)])
def test_masked_positions_are_replaced_in_the_shares_asked_for(corruption):
    ids = ids_of(400)
    masked = Masker(VOCABULARY, MASK, SPECIAL, corruption).mask(ids, 38, np.random.default_rng(0))
    seen = np.take_along_axis(masked.input_ids, masked.positions, 1)
    assert masked.labels.shape == (400, 38)
    assert (masked.labels == np.take_along_axis(ids, masked.positions, 1)).all()
    shares = [(seen == MASK).mean(), ((seen != MASK) & (seen != masked.labels)).mean(), (seen == masked.labels).mean()]
    assert np.array(shares) == pytest.approx(np.array(corruption) / 100, abs=0.012)
    random = seen[(seen != MASK) & (seen != masked.labels)]
    assert not random.size or (random.min() > 4 and random.max() > 190)
    untouched = np.ones_like(ids, bool)
    np.put_along_axis(untouched, masked.positions, False, 1)
    assert (masked.input_ids == ids)[untouched].all()


@given(st.integers(1, 20), st.integers(2, 40), st.floats(0, 1), st.integers(0, 2**32), st.data())
def test_special_tokens_are_never_predicted_and_every_row_has_the_same_count(rows, length, share, seed, data):
    generator = np.random.default_rng(seed)
    ids = np.where(generator.random((rows, length)) < share, generator.integers(0, 5, (rows, length)), 77)
    count = data.draw(st.integers(1, length))
    masked = Masker(VOCABULARY, MASK, SPECIAL).mask(ids, count, generator)
    assert masked.positions.shape == masked.labels.shape == (rows, count)
    assert (np.diff(masked.positions, axis=1) > 0).all()
    predicted = masked.labels != IGNORED
    assert (predicted.sum(1) == np.minimum(count, (ids > 4).sum(1))).all()
    special = ids <= 4
    assert (masked.input_ids[special] == ids[special]).all()


def test_a_position_is_masked_as_often_as_any_other():
    masked = Masker(VOCABULARY, MASK, SPECIAL).mask(ids_of(4000, 32), 8, np.random.default_rng(1))
    share = np.bincount(masked.positions.ravel(), minlength=32) / 4000
    assert share == pytest.approx(np.full(32, 0.25), abs=0.04)


def test_every_epoch_reads_every_block_once_in_an_order_of_its_own():
    stream = np.arange(100, dtype=np.uint16)
    rows = Rows(stream, 16, None, seed=3)
    assert len(rows) == 6
    read = [rows.read(place, 1, 16)[0] for place in range(18)]
    epochs = [[row[0] // 16 for row in read[start : start + 6]] for start in (0, 6, 12)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4, 5] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert (
        rows.read(4, 4, 16) == np.stack(read[4:8])
    ).all()  # a batch may hold the end of one and the start of the next
    assert (Rows(stream, 16, None, seed=3).read(9, 3, 16) == np.stack(read[9:12])).all()
    assert any((Rows(stream, 16, None, seed=4).read(0, 6, 16) != np.stack(read[:6])).ravel())


def test_short_rows_are_parts_of_long_ones_and_begin_like_a_text():
    rows = Rows(np.arange(100, 164, dtype=np.uint16), 32, 2, seed=0)
    long, short = rows.read(0, 2, 32), rows.read(0, 2, 8)
    assert short.shape == (8, 8)
    assert (short[:, 0] == 2).all()
    assert (long[:, 0] == 2).all()
    assert (short[:4].ravel()[1:8] == long[0, 1:8]).all()


def test_the_schedules_of_the_default_recipe():
    recipe = PretrainRecipe(8192 * 1000)
    assert (recipe.steps, recipe.warmup_steps, recipe.trunk_of(1000)) == (1000, 20, 750)
    factors = [recipe.rate_factor(step, 750, 1000) for step in range(1000)]
    assert factors[0] == pytest.approx(1 / 20)
    assert set(factors[19:751]) == {1.0}
    assert factors[875] == pytest.approx(0.5)
    assert factors[999] == pytest.approx(1 / 250)
    assert [recipe.row_length(step, 750) for step in (0, 749, 750)] == [256, 256, 512]
    counts = [recipe.mask_count(step, 750, 1000) for step in range(1000)]
    assert counts[0] == counts[749] == 77
    assert counts[-1] == round(0.15 * 512)
    assert sorted(set(counts[750:]), reverse=True) == list(dict.fromkeys(counts[750:]))
    assert len(set(counts)) <= 9, "each count is a new shape"


def test_the_first_rows_are_shorter_for_the_tokens_that_were_asked_for():
    recipe = PretrainRecipe(512 * 1000, batch_tokens=512, first_rows=(32, 512 * 100))
    assert [recipe.row_length(step, 750) for step in (0, 99, 100, 749, 750)] == [32, 32, 256, 256, 512]
    assert recipe.mask_count(0, 750, 1000) == round(0.3 * 32)


def test_what_a_recipe_says_only_if_asked_for_changes_no_identity_of_before():
    shipped = read_pretraining(shipped_for(MODELS["modernbert"]))["identity"]["recipe"]
    usual = PretrainRecipe(shipped["tokens"], 4e-3, "muon", 4096, precision="bf16")
    assert json.loads(json.dumps(usual.values())) == shipped
    assert not {"--first-rows", "--positions"} & set(usual.arguments())
    asked = replace(usual, first_rows=(32, 1_000_000), positions="sinusoids")
    assert asked.values() == usual.values() | {"first_rows": (32, 1_000_000), "positions": "sinusoids"}
    said = asked.arguments()
    assert read_value("first_rows", said[said.index("--first-rows") + 1]) == (32, 1_000_000)
    assert said[said.index("--positions") + 1] == "sinusoids"


@given(st.integers(0, 999), st.integers(1, 999))
def test_the_rate_is_a_share_of_the_highest_and_the_masks_fit_into_a_row(step, trunk):
    recipe = PretrainRecipe(512 * 1000, batch_tokens=512, mask_rate=(0.2, 0.2))
    assert 0 < recipe.rate_factor(step, trunk, 1000) <= 1
    assert recipe.mask_count(step, trunk, 1000) == round(0.2 * recipe.row_length(step, trunk))
