"""Which kernel a model gets, on this machine and on ones with a GPU that are pretended."""

import importlib.machinery

import pytest
import torch
from transformers import PreTrainedModel

from harness.errors import InputError
from models import MODELS
from models.attention import kernels
from models.scratch import from_config


class Plain(PreTrainedModel):
    """Has attention that only torch's own kernel can compute."""

    _supports_sdpa = True


class Old(PreTrainedModel):
    """Declares FlashAttention alone."""

    _supports_flash_attn = True


@pytest.fixture
def gpu(monkeypatch):
    """A GPU, and FlashAttention if asked for."""

    def pretend(flash: bool) -> None:
        spec = importlib.machinery.ModuleSpec("flash_attn", None) if flash else None
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(kernels.importlib.util, "find_spec", lambda name: spec)

    return pretend


@pytest.mark.parametrize("name", ["bert", "roberta", "modernbert", "neobert"])
def test_attention_encoders_get_the_kernel_of_this_package_on_a_cpu(name):
    assert kernels.best(MODELS[name].model_class, half_precision=True) == "local"


def test_a_model_gets_what_it_takes():
    assert kernels.best(MODELS["avey-b"].model_class, half_precision=False) is None
    assert kernels.best(Plain, half_precision=False) == "sdpa"
    assert kernels.best(Old, half_precision=False) == "eager"


@pytest.mark.parametrize(
    ("flash", "half_precision", "expected"),
    [(True, True, "flash_attention_2"), (True, False, "local"), (False, True, "local")],
)
def test_a_gpu_uses_flash_attention_where_it_is_installed_and_exact(gpu, flash, half_precision, expected):
    gpu(flash)
    for name in ("bert", "roberta", "modernbert", "neobert"):
        assert kernels.best(MODELS[name].model_class, half_precision) == expected
    assert kernels.best(Plain, half_precision) == "sdpa"


def test_flash_attention_is_made_to_repeat(gpu, monkeypatch):
    gpu(flash=True)
    monkeypatch.setenv("FLASH_ATTENTION_DETERMINISTIC", "0")
    monkeypatch.delenv("FLASH_ATTENTION_DETERMINISTIC")
    encoder = MODELS["modernbert"]
    config = encoder.config_class()
    kernels.choose(config, encoder.model_class, "best", half_precision=True)
    assert config._attn_implementation == "flash_attention_2"
    assert config.deterministic_flash_attn
    assert kernels.os.environ["FLASH_ATTENTION_DETERMINISTIC"] == "1"


def test_a_kernel_that_the_machine_lacks_is_one_sentence(gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for kernel in ("flash_attention_2", "flex_attention"):
        with pytest.raises(InputError, match=rf"^{kernel} needs an NVIDIA GPU; use --attn best$"):
            kernels.check_machine(kernel)
    gpu(flash=False)
    with pytest.raises(InputError, match=r"^flash_attention_2 needs the package flash-attn; use --attn best$"):
        kernels.check_machine("flash_attention_2")
    kernels.check_machine("flex_attention")


def test_a_kernel_that_a_model_lacks_is_one_sentence(gpu):
    gpu(flash=True)
    with pytest.raises(InputError, match=r"^Plain has no local kernel; choose --attn best, eager, sdpa$"):
        kernels.choose(MODELS["bert"].config_class(), Plain, "local", half_precision=False)


@pytest.mark.parametrize("asked", ["eager", "sdpa", "local"])
def test_the_kernel_that_is_asked_for_is_the_one_that_runs(asked):
    encoder = MODELS["neobert"]
    config = encoder.config_class(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, vocab_size=10)
    assert from_config(encoder, config, attention=asked).config._attn_implementation == asked
