"""Energy from counters that are made up; where none can be read there is none."""

import pytest

from harness.cost import energy


@pytest.fixture
def zones(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "_RAPL", tmp_path)

    def add(folder: str, name: str, microjoules: int) -> None:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "name").write_text(name + "\n")
        (tmp_path / folder / "energy_uj").write_text(f"{microjoules}\n")

    return add


def test_packages_are_added_and_nothing_is_counted_twice(zones):
    zones("intel-rapl:0", "package-0", 3_000_000)
    zones("intel-rapl:1", "package-1", 4_000_000)
    zones("intel-rapl:0:0", "core", 2_000_000)
    zones("intel-rapl:2", "psys", 9_000_000)
    assert energy.read_joules()["rapl"] == 7.0


def test_without_a_counter_there_is_no_energy(zones, tmp_path):
    assert "rapl" not in energy.read_joules()
    zones("intel-rapl:0", "package-0", 1)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    assert "rapl" not in energy.read_joules()


def test_joules_are_told_a_call_and_a_counter_that_wrapped_is_left_out():
    assert energy.spent({"rapl": 1.0}, {"rapl": 7.0}, 3) == {"rapl": 2.0}
    assert energy.spent({"rapl": 9.0}, {"rapl": 1.0}, 3) == {}
    assert energy.spent({"rapl": 1.0}, {"rapl": 7.0}, 0) == {}
    assert energy.spent({}, {}, 3) == {}
