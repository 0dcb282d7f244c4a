"""The loop that all executors share: who takes jobs, in what order results come, and what an error or an early end leaves."""

import threading
import time
from contextlib import closing

import pytest

from harness.cells.request import Request
from harness.scheduling import executor
from harness.scheduling.executor import Failure, Finished, Job, run_in_threads


def jobs_of(*names):
    return [Job(name, Request("bert", "ner")) for name in names]


def done(job):
    return Finished(job.key, Failure("failed", job.key), 0.0)


def never():
    pass


def test_jobs_are_taken_in_the_caller_s_thread_when_there_is_room():
    taken, finished = [], []

    def jobs():
        for job in jobs_of(*"abcdef"):
            taken.append((threading.current_thread(), len(taken) - len(finished)))
            yield job

    for one in run_in_threads(jobs(), 2, done, never):
        finished.append(one.key)
    assert sorted(finished) == list("abcdef")
    assert {thread for thread, _ in taken} == {threading.current_thread()}
    assert max(ahead for _, ahead in taken) <= 2


def test_results_come_in_the_order_of_completion():
    slow_may_end = threading.Event()

    def run(job):
        if job.key == "slow":
            assert slow_may_end.wait(600)
        return done(job)

    told = []
    for one in run_in_threads(jobs_of("slow", "a", "b"), 2, run, never):
        told.append(one.key)
        if len(told) == 2:
            slow_may_end.set()
    assert told == ["a", "b", "slow"]


def test_none_is_asked_again_while_results_still_come(monkeypatch):
    monkeypatch.setattr(executor, "BUSY_POLL_S", 0.01)
    told, asked = [], []

    def jobs():
        yield jobs_of("a")[0]
        while not told:  # the other worker stays free, and the caller gets a's result meanwhile
            asked.append(1)
            yield None
        yield None  # nothing runs at all
        yield jobs_of("b")[0]

    def run(job):
        time.sleep(0.1)
        return done(job)

    for one in run_in_threads(jobs(), 2, run, never):
        told.append(one.key)
    assert told == ["a", "b"]
    assert asked


@pytest.mark.parametrize("where", ["jobs", "run"])
def test_an_error_is_raised_once_what_runs_has_been_told(where):
    failed = threading.Event()

    def jobs():
        yield from jobs_of("a", "bad") if where == "run" else jobs_of("a")
        if where == "jobs":
            failed.set()
            raise ValueError("bad")
        yield from jobs_of("never")

    def run(job):
        if job.key == "bad":
            failed.set()
            raise ValueError("bad")
        assert failed.wait(600)
        time.sleep(0.05)
        return done(job)

    ends = run_in_threads(jobs(), 2, run, never)
    assert next(ends).key == "a"
    with pytest.raises(ValueError, match="bad"):
        next(ends)


def test_closing_early_ends_what_runs():
    ended, running = threading.Event(), threading.Event()

    def run(job):
        if job.key == "long":
            running.set()
            assert ended.wait(600)
        else:
            assert running.wait(600)
        return done(job)

    with closing(run_in_threads(jobs_of("short", "long", "never"), 2, run, ended.set)) as ends:
        assert next(ends).key == "short"
    assert ended.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")]
