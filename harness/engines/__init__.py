"""Run a torch model as it would be deployed: through torch, torch.compile, ONNX Runtime or OpenVINO, quantised or not.

Any command that holds a model can pass it through an engine. The model may be a bare encoder, an encoder with a head of
`harness.nn.heads`, or one of transformers' classes for tasks:

    from harness.engines import Choice, check
    from harness.engines.build import build

    choice = Choice("openvino", "int8")         # torch and none are the defaults and change nothing
    check(choice)                               # InputError: a missing extra, or what the engine cannot do
    built = build(model, sample, choice)        # sample: some of the longest inputs, {"input_ids": (B, T), "attention_mask": (B, T), ...};
                                                # the model moves to the CPU if its engine runs there
    logits = built.module(**batch)["logits"]    # same inputs and outputs as the model, for batches of any size and up to that length

``built.module`` is a `torch.nn.Module` in evaluation mode. It takes the inputs that the sample has, as keywords, and returns the
kind of output that the model returns (a dict, or a `ModelOutput`) with its tensors in float32. It has the model's ``config``. Exported
engines and int8 run on the CPU; an exported engine has no parameters, so `harness.nn.inference.predict` runs it there. Engines decide
their precision, see ``choice.precision``: autocast acts on torch without quantisation alone. ``built.disk_mib`` is the size of the
deployed file.

`build` raises `UnsupportedError`, an `InputError`, if this model cannot run in this engine. Batches of a bench go on after it.

``choice`` holds names and checks and imports no torch; ``build`` dispatches; ``in_torch``, ``onnx``, ``onnx_runtime`` and ``open_vino``
are the engines.
"""

from harness.engines.choice import ENGINES, QUANTIZATIONS, Choice, UnsupportedError, check

__all__ = ["ENGINES", "QUANTIZATIONS", "Choice", "UnsupportedError", "check"]
