"""Encoders that did not come with the package: a change of their architecture makes other cells."""

from dataclasses import replace

import pytest

from harness.errors import InputError
from harness.registry import load_plugin
from models import MODELS, Encoder, Size
from models.encoder import BUILT_IN
from models.tokenizer import identity
from models.weights import find_weights

PLUGIN = "from transformers import BertModel\nclass Mine(BertModel):\n    pass\n"


def encoder(model="transformers:BertModel", width=64, **options):
    sizes = {
        "tiny": Size({"hidden_size": width}),
        "base": Size({"hidden_size": 128}, hub_id="me/mine", revision="a" * 40),
    }
    return Encoder("mine", "transformers:BertConfig", model, ("bert",), sizes, model_options=options)


def scratch(one, size="tiny"):
    return find_weights(one, size, "scratch").identity


@pytest.fixture
def plugin(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN)
    load_plugin(file)
    return file


def test_random_weights_of_the_package_are_named_by_their_tokenizer_alone():
    for name in BUILT_IN:
        assert scratch(MODELS[name]) == f"scratch {identity()}"


@pytest.mark.parametrize(
    "changed",
    [
        encoder(width=128),
        encoder(add_pooling_layer=False),
        encoder("transformers:BertForMaskedLM"),
        replace(encoder(), config="transformers:RobertaConfig"),
    ],
)
def test_a_change_of_the_declaration_makes_other_random_weights(changed):
    assert scratch(encoder()) == scratch(encoder()) != scratch(changed)
    assert scratch(encoder()) != scratch(encoder(), "base")


def test_a_change_of_the_code_makes_other_weights(plugin, small_bert):
    mine = encoder("harness_plugin_mine:Mine")
    identities = {
        scratch(mine),
        *(find_weights(mine, "base", weights).identity for weights in ("hub", str(small_bert))),
    }
    again = {scratch(mine), *(find_weights(mine, "base", weights).identity for weights in ("hub", str(small_bert)))}
    assert identities == again
    plugin.write_text(f"{PLUGIN}    # changed\n")
    for weights in ("scratch", "hub", str(small_bert)):
        assert find_weights(mine, "base", weights).identity not in identities


def test_the_code_of_a_package_is_all_of_its_files(tmp_path, monkeypatch):
    package = tmp_path / "packed_encoder"
    (package / "layers").mkdir(parents=True)
    for name in ("__init__.py", "modeling.py", "layers/mixing.py"):
        (package / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    packed = encoder("packed_encoder.modeling:Model")
    before = scratch(packed)
    (package / "layers" / "mixing.py").write_text("changed = True\n")
    assert scratch(packed) != before


def test_a_checkpoint_of_a_class_of_transformers_is_named_by_its_files_alone(small_bert):
    known = find_weights(MODELS["bert"], "custom", str(small_bert)).identity
    assert find_weights(encoder(), "custom", str(small_bert)).identity == known


@pytest.mark.parametrize("model", ["no_such_module:Model", "__main__:Model", "sys:Model"])
def test_code_that_has_no_file_is_not_counted(model):
    assert scratch(encoder(model)) == scratch(encoder(model))


def test_a_folder_of_the_name_of_a_hub_id_is_not_read_in_its_place(tmp_path, monkeypatch):
    (tmp_path / "me" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for size, weights in (("base", "hub"), ("custom", f"me/mine@{'a' * 40}")):
        with pytest.raises(InputError, match="the folder me/mine would be read in place of the model on the hub"):
            find_weights(encoder(), size, weights)
