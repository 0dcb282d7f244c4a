"""What an encoder costs at a length on this machine: throughput, latency and peak memory, a child process a point.

    python -m harness bench --models all --lengths 128,512,2048,8192,32768,98304 --extend-positions

``points`` says what is measured, ``child`` measures one point in a fresh process, ``supervise`` watches it from
outside, ``results`` makes the record, and ``run`` goes from point to point.
"""
