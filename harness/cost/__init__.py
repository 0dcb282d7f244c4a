"""The cost of an encoder at a length on this machine: throughput, latency and peak memory, one child process per point.

    python -m harness bench --models all --lengths 128,512,2048,8192,32768,98304 --extend-positions

``points`` and ``settings`` define the measurements, ``child`` measures one point in a new process, ``supervise`` watches it
from outside, ``results`` makes the record, ``run`` does this for all points, and ``bench`` goes from options to records.
"""
