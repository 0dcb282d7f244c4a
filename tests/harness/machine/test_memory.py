"""Memory as the kernel counts it, and what libraries say when it ends."""

import sys

import numpy as np
import pytest

from harness.machine import memory, provenance


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried to allocate "
            "8589934592 bytes. Error code 12 (Cannot allocate memory)",
            "a tensor of 8,192 MiB did not fit under the limit of 900 MiB",
        ),
        (
            "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of",
            "a tensor of 2,560 MiB did not fit under the limit of 900 MiB",
        ),
        ("std::bad_alloc\nand more", "std::bad_alloc"),
        ("", "memory ended"),
    ],
)
def test_the_end_of_memory_is_told_for_people(error, sentence):
    assert memory.sentence(error, 900) == sentence


def test_only_what_is_about_memory_is_out_of_memory():
    assert memory.says_out_of_memory("terminate called after throwing an instance of 'std::bad_alloc'")
    assert memory.says_out_of_memory("CUDA out of memory. Tried to allocate 2.50 GiB")
    assert not memory.says_out_of_memory("RuntimeError: shapes (2, 3) and (4, 5) cannot be multiplied")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_high_water_mark_sees_a_peak_that_is_gone_and_forgets_it_when_it_is_reset():
    memory.give_back()
    if not memory.reset_high_water_mark():
        pytest.skip("this system does not permit resetting the mark")
    before = memory.status_mib("VmRSS")
    np.ones(2**24).sum()  # 128 MiB, freed at once
    assert 100 < memory.status_mib("VmHWM") - before < 200
    memory.give_back()
    memory.reset_high_water_mark()
    assert memory.status_mib("VmHWM") - before < 50


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_does_not_have_the_peak_of_an_earlier_one():
    if not memory.reset_high_water_mark():
        pytest.skip("this system does not permit resetting the mark")
    np.ones(2**25).sum()  # 256 MiB, freed at once
    earlier = provenance.peak_memory_mib()
    provenance.reset_peak_memory()
    assert provenance.peak_memory_mib() < earlier - 200
    np.ones(2**24).sum()
    assert earlier - 200 < provenance.peak_memory_mib() < earlier


def test_what_is_available_on_a_gpu_is_what_is_free(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda: (3 * 2**30, 16 * 2**30))
    assert memory.available_mib() == 3 * 1024


def test_a_field_that_the_kernel_does_not_have_is_none():
    assert memory.status_mib("VmNothing") is None


def test_some_memory_is_available_and_not_more_than_a_machine_has():
    assert 10 < memory.available_mib() < 2**27
