"""Numbers that a bench's report draws from its points, against formulas that the points were made from."""

import pytest

from harness.report.cost.curves import by_setting, crossovers, curve, disturbed, end_of_curve, exponent, ratios


def test_the_exponent_is_the_power_that_the_values_grow_with():
    lengths = [100, 1000, 10_000, 100_000]
    assert exponent(lengths, [3 * length**1.7 for length in lengths]) == pytest.approx(1.7)


def test_the_exponent_looks_at_the_longest_texts_where_overhead_is_small():
    lengths = [1, 10, 1_000, 10_000, 100_000]
    assert exponent(lengths, [500, 500, *(length**2 for length in lengths[2:])]) == pytest.approx(2.0)


@pytest.mark.parametrize(("lengths", "values"), [([], []), ([128], [3.0]), ([128, 512], [0.0, 4.0])])
def test_fewer_than_two_values_have_no_exponent(lengths, values):
    assert exponent(lengths, values) is None


def test_a_linear_encoder_overtakes_a_quadratic_one_where_their_costs_are_equal(records):
    (found,) = [c for c in crossovers(records) if c.faster == "line" and c.slower == "square"]
    assert found.length == pytest.approx(1000, rel=1e-6)
    assert found.between == (500, 2000)
    assert found.beyond_spread


def test_a_crossover_between_points_that_are_equal_within_their_spread_is_marked(make_record):
    twins = [
        make_record("a", 100, 10.0),
        make_record("b", 100, 9.9),
        make_record("a", 200, 20.0),
        make_record("b", 200, 20.2),
    ]
    (found,) = crossovers(twins)
    assert (found.faster, found.slower, found.beyond_spread) == ("a", "b", False)


def test_ratios_compare_equal_lengths_and_carry_the_widest_interval(records):
    found = ratios(records, "line", "square")
    assert list(found) == [125, 500, 2000]
    ratio, low, high = found[2000]
    assert ratio == pytest.approx(2.0)
    assert low == pytest.approx(2.0 * 0.9 / 1.1)
    assert high == pytest.approx(2.0 * 1.1 / 0.9)


def test_curves_hold_measured_points_alone_and_say_why_they_end(records):
    assert [record["point"]["length"] for record in curve(records, "square")] == [125, 500, 2000]
    assert end_of_curve(records, "square") == ("oom", 8000)
    assert end_of_curve(records, "short") == ("beyond_max_length", 2000)
    assert end_of_curve(records, "line") is None


def test_points_of_other_settings_are_kept_apart(make_record):
    kept = [
        make_record("a", 100, 1.0),
        make_record("b", 100, 1.0),
        make_record("a", 100, 1.0, point={"batching": "batch 8"}),
        make_record("a", 100, 1.0, point={"mode": "training"}),
        make_record("a", 100, 1.0, point={"machine": "another machine"}),
    ]
    groups = by_setting(kept)
    assert sorted(map(len, groups.values())) == [1, 1, 1, 2]
    assert sum(name.startswith("inference-tiny-fp32-sdpa-batch-1") for name in groups) == 2


def test_points_from_another_machine_change_no_name(make_record):
    machines = [make_record("a", 100, 1.0, point={"machine": machine}) for machine in ("b", "d", "c", "a")]
    two, all_of_them = by_setting(machines[:2]), by_setting(machines)
    assert len(all_of_them) == 4
    assert {name: all_of_them[name] for name in two} == two
    assert list(by_setting(machines[:1])) == ["inference-tiny-fp32-sdpa-batch-1"]


def test_disturbed_points_are_those_during_which_others_took_a_tenth_of_the_processor(make_record):
    quiet = make_record("a", 100, 1.0, processor_taken_by_others=0.02)
    loud = make_record("a", 200, 1.0, processor_taken_by_others=0.4)
    short = make_record("a", 300, 1.0, processor_taken_by_others=None)
    assert disturbed([quiet, loud, short]) == [loud]
