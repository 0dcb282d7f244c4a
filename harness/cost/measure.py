"""Measure one point in this process: load, warm up, repeat; time, memory, operations and energy.

The parent sets a deadline. A point that cannot meet it stops as soon as that is certain.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from harness.cost import energy
from harness.cost.ids import zipf_ids
from harness.cost.loading import build
from harness.cost.points import Limits, Point
from harness.cost.weights import load_weights
from harness.engines import Choice
from harness.engines.build import build as build_engine
from harness.errors import InputError
from harness.machine import memory, provenance
from harness.machine.device import device as compute_device
from harness.nn.inference import autocast
from harness.nn.packed import pack
from harness.store.record import BuiltModel, Measured, Operations
from models import MODELS, flops
from models.architectures import encoder_at
from models.attention.kernels import has_attention
from models.parameters import count_parameters

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LEARNING_RATE = 1e-4
WARM_UP_CALLS = 3
WARM_UP_SECONDS = 1.0

Batch = dict[str, torch.Tensor]
Call = Callable[[], None]


def measure(point: Point, limits: Limits, deadline: float) -> Measured:
    """Measure a point.

    Args:
        point: to measure.
        limits: of the point.
        deadline: `time.time()` at which the parent stops waiting.

    Returns:
        ``status`` (``ok``, ``oom`` or ``timeout``), ``error``, and all measurements up to the end.

    Raises:
        InputError: the model cannot run with this kernel.
    """
    torch.set_num_threads(point.threads)
    reply: Measured = {"status": "ok", "error": None, "samples_ms": []}
    try:
        if torch.cuda.is_available():
            total = torch.cuda.get_device_properties(0).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, limits.memory_mib * 2**20 / total))
        else:
            memory.limit_memory(limits.memory_mib)
        _measure_into(reply, point, limits, deadline)
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        if not (isinstance(error, (MemoryError, torch.OutOfMemoryError)) or memory.says_out_of_memory(str(error))):
            raise
        reply |= {"status": "oom", "error": memory.sentence(str(error), limits.memory_mib)}
    return reply


def _measure_into(reply: Measured, point: Point, limits: Limits, deadline: float) -> None:
    began = time.perf_counter()
    encoder = MODELS[point.model] if point.model in MODELS else encoder_at(point.location)
    device = torch.device("cpu") if point.choice.on_cpu else compute_device()
    model = (load_weights(point, encoder) if point.weights else build(point, encoder)).to(device)
    reply["model"] = _describe(model)
    reply["attention"] = model.config._attn_implementation if has_attention(type(model)) else None
    reply["flops"] = _operations(model, point)
    reply["environment"] = provenance.environment()
    batches = _batches(point, device)
    _touch(model, point, device)
    calls = _training(model, point, batches) if point.mode == "training" else _inference(reply, model, point, batches)
    del model
    reply["load_s"] = time.perf_counter() - began

    gc.collect()
    memory.give_back()
    gc.enable()
    before_mib, exact = memory.status_mib("VmRSS"), memory.reset_high_water_mark()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        loaded = (torch.cuda.memory_allocated(), torch.cuda.memory_reserved())
    try:
        reply["warm_up_ms"] = _warm_up(calls, device)
        joules = energy.read_joules()
        _repeat(reply, calls, device, limits, deadline)
    finally:
        peak_mib = memory.status_mib("VmHWM")
        reply["memory"] = {
            "peak_above_loaded_mib": None if peak_mib is None or before_mib is None else peak_mib - before_mib,
            "loaded_mib": before_mib,
            "high_water_mark_reset": exact,
        }
        if device.type == "cuda":
            reply["memory"] |= {
                "peak_above_loaded_mib": (torch.cuda.max_memory_allocated() - loaded[0]) / 2**20,
                "peak_reserved_above_loaded_mib": (torch.cuda.max_memory_reserved() - loaded[1]) / 2**20,
                "loaded_mib": loaded[0] / 2**20,
            }
    reply["joules_per_call"] = energy.spent(joules, energy.read_joules(), len(reply["samples_ms"]))


def _inference(reply: Measured, model: nn.Module, point: Point, batches: Sequence[Batch]) -> list[Call]:
    """The forward pass in evaluation mode, as `harness run` predicts, in the engine of the point; one call for each batch."""
    device = next(model.parameters()).device
    built = build_engine(model, batches[0], point.choice, point.threads)
    reply["model"]["disk_mib"] = built.disk_mib
    if point.choice != Choice():
        reply["build_s"] = built.seconds
    else:
        pack(model, point.precision)

    @torch.inference_mode()
    def call(batch: Batch) -> None:
        with autocast(device, point.precision):
            built.module(**batch)

    return [partial(call, batch) for batch in batches]


def _training(model: nn.Module, point: Point, batches: Sequence[Batch]) -> list[Call]:
    """Forward with dropout, backward, AdamW step; one call for each batch.

    The loss is the mean square of the hidden states: it reaches every weight and adds no head, whose cost would be the
    same for every encoder.
    """
    device = next(model.parameters()).device
    model.train()
    forward = torch.compile(model) if point.compiled else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)

    def call(batch: Batch) -> None:
        with autocast(device, point.precision):
            loss = forward(**batch).last_hidden_state.float().square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return [partial(call, batch) for batch in batches]


def _operations(model: PreTrainedModel, point: Point) -> Operations | None:
    """Operations of the point's one batch; ``None`` for batches of a user's own texts, which have padding."""
    if point.texts:
        return None
    counted = flops.count(model.config, zipf_ids(point.batch_size, point.length, point.vocabulary), point.mode)
    return {"needed": counted.needed, "executed": counted.executed} if counted else None


def _batches(point: Point, device: torch.device) -> list[Batch]:
    """The point's one batch, or the batches of a user's own texts: texts of similar length together, padded to the longest."""
    if not point.texts:
        return [_batch(zipf_ids(point.batch_size, point.length, point.vocabulary), device)]
    groups = [point.texts[start : start + point.batch_size] for start in range(0, len(point.texts), point.batch_size)]
    batches = []
    for group in groups:
        batch = _batch(zipf_ids(len(group), group[0], point.vocabulary), device)
        lengths = torch.tensor(group, device=device)
        batch["attention_mask"] = (torch.arange(group[0], device=device) < lengths[:, None]).long()
        batches.append(batch)
    return batches


def _batch(ids: NDArray[np.int64], device: torch.device) -> Batch:
    input_ids = torch.from_numpy(ids).to(device)
    return {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}


@torch.inference_mode()
def _touch(model: nn.Module, point: Point, device: torch.device) -> None:
    """Run one short text, so that the memory of libraries loaded at first use does not count for the point.

    Raises:
        InputError: the model's output is not that of an encoder.
    """
    training = model.training
    model.eval()
    batch = _batch(zipf_ids(1, min(point.length, 128), point.vocabulary), device)
    with autocast(device, point.precision):
        states = getattr(model(**batch), "last_hidden_state", None)
    if not isinstance(states, torch.Tensor) or states.shape[:2] != batch["input_ids"].shape:
        raise InputError(f"{point.model} returns no last_hidden_state of shape (batch, length, width)")
    model.train(training)


def _warm_up(calls: Sequence[Call], device: torch.device) -> list[float]:
    """Milliseconds of calls that do not count: every batch once, and then more until it is warm."""
    samples = [_timed_ms(call, device) for call in calls]
    while len(samples) < WARM_UP_CALLS and sum(samples) < WARM_UP_SECONDS * 1e3:
        samples.append(_timed_ms(calls[0], device))
    return samples


def _repeat(reply: Measured, calls: Sequence[Call], device: torch.device, limits: Limits, deadline: float) -> None:
    """Run all calls again and again until both minima are reached: one pass is one repetition."""
    samples, passes, expected = reply["samples_ms"], list[float](), sum(reply["warm_up_ms"][-len(calls) :])
    while len(passes) < limits.min_repetitions or sum(samples) < limits.min_seconds * 1e3:
        missing = max(limits.min_repetitions - len(passes), 1)
        if time.time() + missing * expected / 1e3 > deadline:
            reply["status"] = "timeout"
            reply["error"] = (
                f"a call takes {expected / 1e3:.3g} s, and {limits.min_repetitions} of them do not fit "
                f"into {limits.timeout_s:g} s"
            )
            return
        for call in calls:
            samples.append(_timed_ms(call, device))
        passes.append(sum(samples[-len(calls) :]))
        expected = min(passes)
    if len(calls) > 1:
        reply["passes_ms"] = passes


def _timed_ms(call: Call, device: torch.device) -> float:
    """Milliseconds of a call, measured by events of the GPU or else by the clock."""
    if device.type == "cuda":
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        return float(start.elapsed_time(end))
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3


def _describe(model: nn.Module) -> BuiltModel:
    weights = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    counts = count_parameters(model)
    return {
        "params_total": counts["params_total"],
        "params_non_embedding": counts["params_non_embedding"],
        "weights_mib": weights / 2**20,
    }
