"""Children that behave and children that do not: what the parent makes of each of them."""

import dataclasses
import os
import re
import subprocess
import sys
import time

import psutil
import pytest

from harness.cost import disturbance
from harness.cost.loading import build
from harness.cost.points import Limits, Point
from harness.cost.supervise import calibrate_in_child, measure_in_child
from harness.errors import InputError
from models import MODELS
from tests.processes import wait_until

POINT = Point("bert", "tiny", "inference", 16, "batch 1", 1, "fp32", "sdpa", False, 1, 8192, False, "test")
LIMITS = Limits(timeout_s=300, memory_mib=4096, min_repetitions=3, min_seconds=0.05)


def child(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import os, sys, json, time, signal\nrequest = json.load(sys.stdin)\n{code}")


def ask(code: str, timeout_s: float = 120.0):
    return measure_in_child(POINT, Limits(timeout_s, 4096, 3, 0.05), command=child(code))


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("print('Segmentation fault, or so')", "failed", "not a measurement: Segmentation fault, or so"),
        ("print('{}')", "failed", "not a measurement"),
        ("print(json.dumps({'status': 'ok', 'samples_ms': []}))", "failed", "not a measurement"),
        ("print(json.dumps({'status': 'ok', 'samples_ms': ['1']}))", "failed", "not a measurement"),
        ("print(json.dumps({'status': 'ok', 'samples_ms': [float('nan')]}))", "failed", "not a measurement"),
        ("print('[1, 2]')", "failed", "not a measurement"),
        ("sys.stdout.buffer.write(bytes(range(256)))", "failed", "not a measurement"),
        ("pass", "failed", r"not a measurement: \(nothing\)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "failed", "ended by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "failed", "ended by SIGSEGV"),
        ("sys.exit(3)", "failed", "exit code 3"),
        ("print('terminate: std::bad_alloc', file=sys.stderr, flush=True); os.abort()", "oom", "bad_alloc"),
        ("raise RuntimeError('a bug')", "failed", "exit code 1"),
    ],
)
def test_a_child_that_answers_nothing_useful_becomes_a_row(code, status, error):
    reply = ask(code)
    assert reply["status"] == status
    assert re.search(error, reply["error"])
    assert "\n" not in reply["error"]


def has_ended(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_child_that_hangs_is_ended_in_time_with_all_that_it_started(tmp_path):
    mark = tmp_path / "grandchild"
    code = f"""
import subprocess
grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
open({str(mark)!r}, 'w').write(str(grandchild.pid))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
"""
    began = time.monotonic()
    reply = ask(code, timeout_s=5.0)
    assert time.monotonic() - began < 300
    assert reply["status"] == "timeout"
    assert reply["error"] == "no answer within 5 s"
    wait_until(lambda: has_ended(int(mark.read_text())), "the end of the grandchild")


def test_an_answer_stands_even_if_something_that_the_child_started_keeps_the_pipe_open():
    code = """
import subprocess
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
print(json.dumps({'status': 'ok', 'error': None, 'samples_ms': [1.0]}))
"""
    began = time.monotonic()
    assert ask(code, timeout_s=5.0)["status"] == "ok"
    assert time.monotonic() - began < 300


def test_a_large_answer_and_much_noise_do_not_block():
    reply = ask(
        "sys.stderr.write('x' * 10**6)\nprint(json.dumps({'status': 'ok', 'error': None, 'samples_ms': [1.5] * 100000}))"
    )
    assert reply["status"] == "ok"
    assert len(reply["samples_ms"]) == 100_000


def test_a_real_child_measures_and_says_what_it_measured_whatever_a_plug_in_prints(tmp_path):
    plugin = tmp_path / "noisy.py"
    plugin.write_text("import os\nprint('noise')\nos.write(1, b'more noise')\n")
    reply = measure_in_child(POINT, LIMITS, [str(plugin)])
    assert reply["status"] == "ok", reply
    assert len(reply["samples_ms"]) >= 3
    assert sum(reply["samples_ms"]) >= 50
    assert reply["attention"] == "sdpa"
    assert reply["environment"]["threads"] == 1
    assert reply["model"]["params_total"] == 5_388_288
    assert reply["model"]["weights_mib"] == pytest.approx(5_388_288 * 4 / 2**20)
    assert reply["flops"]["needed"] > 16 * 2 * 3_000_000
    assert reply["memory"]["peak_above_loaded_mib"] < 64
    assert reply["wall_s"] > reply["load_s"]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux")
def test_memory_over_the_limit_is_out_of_memory_and_so_is_a_limit_below_torch_itself():
    long = Point("bert", "tiny", "training", 4096, "batch 1", 1, "fp32", "eager", False, 1, 8192, True, "test")
    over = measure_in_child(long, Limits(300, 900, 1, 0.0))
    assert over["status"] == "oom", over
    assert "did not fit under the limit of 900 MiB" in over["error"]
    assert over["model"]["params_total"] > 5_000_000
    nothing = measure_in_child(POINT, Limits(300, 1, 1, 0.0))
    assert nothing["status"] == "oom"
    assert "memory limit of 1 MiB is less than" in nothing["error"]


def test_peak_memory_is_what_the_call_needs():
    """Eager attention holds scores of 4 heads x 2048 x 2048 floats, and softmax as much again."""
    asked = Point("bert", "tiny", "inference", 2048, "batch 1", 1, "fp32", "eager", False, 1, 8192, True, "test")
    reply = measure_in_child(asked, Limits(300, 4096, 1, 0.0))
    assert reply["status"] == "ok", reply
    scores_mib = 4 * 2048**2 * 4 / 2**20
    assert 2 * scores_mib <= reply["memory"]["peak_above_loaded_mib"] <= 4 * scores_mib


def test_a_point_that_cannot_finish_stops_by_itself_and_says_what_a_call_takes():
    asked = Point("bert", "tiny", "inference", 512, "batch 1", 1, "fp32", "sdpa", False, 1, 8192, False, "test")
    began = time.monotonic()
    reply = measure_in_child(asked, Limits(240, 4096, 10**6, 0.0))
    assert reply["status"] == "timeout", reply
    assert "1000000 of them do not fit into 240 s" in reply["error"]
    assert time.monotonic() - began < 200


def test_a_kernel_that_the_machine_lacks_is_a_sentence():
    asked = dataclasses.replace(POINT, model="neobert", attention="flash_attention_2")
    with pytest.raises(InputError, match="flash_attention_2 needs an NVIDIA GPU; use --attn best"):
        build(asked, MODELS["neobert"])


def test_calibration_measures_plausible_rates_or_nothing():
    rates = calibrate_in_child(1)
    assert 1e9 < rates["matmul_flops_per_s"]["fp32"] < 1e15
    assert 1e8 < rates["memory_bytes_per_s"] < 1e13
    assert calibrate_in_child(1, child("print('garbage')")) is None


def test_the_child_is_told_its_threads():
    code = "print(json.dumps({'status': 'ok', 'error': os.environ['OMP_NUM_THREADS'], 'samples_ms': [1.0]}))"
    assert measure_in_child(POINT, LIMITS, command=child(code))["error"] == "1"


def test_work_of_others_is_seen():
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        spin = "began = time.time()\nwhile time.time() - began < 1.5: pass\n"
        crowded = ask(spin + "print(json.dumps({'status': 'ok', 'error': None, 'samples_ms': [1.0]}))")
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert crowded["processor_taken_by_others"] > 0.4


def test_the_work_of_an_ended_child_is_not_that_of_others():
    before = disturbance.read()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 1: pass"], check=True)
    after = disturbance.read()
    assert after.own - before.own >= 0.95
    assert after.machine - before.machine >= 0.95


def test_the_share_of_others_is_of_all_processors(monkeypatch):
    monkeypatch.setattr("psutil.cpu_count", lambda: 2)
    zero = disturbance.Reading(0.0, 0.0, 0.0)
    assert disturbance.taken_by_others(zero, disturbance.Reading(10.0, 12.0, 8.0)) == pytest.approx(0.2)
    assert disturbance.taken_by_others(zero, disturbance.Reading(10.0, 8.0, 8.1)) == 0.0  # counters tick apart
    assert disturbance.taken_by_others(zero, disturbance.Reading(0.2, 0.2, 0.0)) is None
