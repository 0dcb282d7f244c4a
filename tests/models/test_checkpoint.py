"""Checkpoints that say one thing and hold another are refused in a sentence, and tokenizers read texts as saved."""

import dataclasses
import hashlib
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaModel, RobertaTokenizerFast

from harness.errors import InputError
from models import MODELS, loading
from models.encoder import Size
from models.weights import find_weights
from tasks.ner import NER
from tasks.sources.sentence import Sentence

POINTER = (
    "version https://git-lfs.github.com/spec/v1\noid sha256:53aa51172d142c89d9012cce15ae4d6cc0ca68\nsize 90868376\n"
)
TEXT = ["The test set lives in Paris", "the river and the train", "said Anna"] * 30


@pytest.fixture
def copy(small_bert, tmp_path):
    return shutil.copytree(small_bert, tmp_path / "copy")


def load(folder, encoder=MODELS["bert"]):
    return loading.load(encoder, "custom", find_weights(encoder, "custom", str(folder)))


def identity(folder, name="bert"):
    return find_weights(MODELS[name], "custom", str(folder)).identity


def with_config(folder, **values):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def with_tensors(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


# --- Git LFS ---


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_git_lfs_pointer_is_named_as_such(copy, name):
    (copy / name).write_text(POINTER)
    with pytest.raises(InputError, match=rf"{name} is a Git LFS pointer, not the file itself; run `git lfs pull`"):
        identity(copy)


def test_a_pointer_to_a_file_that_is_not_read_does_no_harm(copy):
    (copy / "pytorch_model.bin").write_text(POINTER)
    load(copy)


# --- identity ---


@pytest.mark.parametrize(
    "name", ["spm.model", "sentencepiece.bpe.model", "tokenizer.model", "added_tokens.json", "vocab.txt"]
)
def test_every_file_of_a_tokenizer_decides_the_identity(copy, name):
    before = identity(copy)
    (copy / name).write_text("{}")
    one = identity(copy)
    (copy / name).write_text("{ }")
    assert len({before, one, identity(copy)}) == 3


def test_a_file_that_no_tokenizer_reads_is_not_in_the_identity(copy):
    before = identity(copy)
    (copy / "README.md").write_text("a card")
    (copy / "trainer_state.json").write_text("{}")
    assert identity(copy) == before


# --- sizes ---


@pytest.mark.parametrize("name", ["num_hidden_layers", "num_attention_heads", "hidden_size", "vocab_size"])
@pytest.mark.parametrize("value", [-3, 0])
def test_a_size_that_no_model_has_is_refused(copy, name, value):
    with_config(copy, **{name: value})
    with pytest.raises(InputError, match=rf"says {name} {value}, but it must be a whole number of at least 1"):
        load(copy)


def test_a_size_of_another_type_is_named(copy):
    with_config(copy, num_hidden_layers="two")
    with pytest.raises(InputError, match=r"num_hidden_layers.*expected int, got str"):
        load(copy)


def test_tensors_of_a_module_that_is_left_without_parameters_are_surplus(copy):
    """Where no declared size tells which values are sizes, as in a plug-in, the tensors do."""
    with_config(copy, num_hidden_layers=0)
    plug_in = dataclasses.replace(MODELS["bert"], sizes={"tiny": Size(options={})})
    with pytest.raises(InputError, match=r"holds 32 tensors that its config.json has no place for, encoder.layer.0"):
        load(copy, plug_in)


def test_buffers_of_old_checkpoints_are_no_surplus(copy):
    with_tensors(copy, lambda tensors: tensors.update({"embeddings.position_ids": torch.arange(64)[None]}))
    load(copy)


def test_more_layers_than_tensors_are_refused_before_any_is_built(copy, monkeypatch):
    with_config(copy, num_hidden_layers=100_000)
    monkeypatch.setattr("transformers.models.bert.modeling_bert.BertLayer.__init__", lambda *_: pytest.fail("built"))
    with pytest.raises(InputError, match="says 100000 layers, but its weights are 37 tensors in all"):
        load(copy)


def test_a_model_far_larger_than_its_weights_takes_no_memory(copy, monkeypatch):
    with_config(copy, intermediate_size=2**36)  # 16 TiB a layer
    monkeypatch.setattr("transformers.BertModel.from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(InputError, match=r"makes a model of [0-9,]+ parameters, but only [0-9,]+ are stored"):
        load(copy)


# --- values ---


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named_at_load(copy, value):
    name = "encoder.layer.1.output.dense.bias"
    with_tensors(copy, lambda tensors: tensors[name].view(-1)[3:4].fill_(value))
    with pytest.raises(InputError, match=rf"{name} of .* holds values that are NaN or infinite"):
        load(copy)


# --- tokenizers ---


def byte_level():
    core = Tokenizer(models.BPE(unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special, alphabet = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"], sorted(pre_tokenizers.ByteLevel.alphabet())
    core.train_from_iterator(
        TEXT, trainers.BpeTrainer(special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    )
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


@pytest.fixture
def byte_level_bert(copy):
    byte_level().save_pretrained(copy)
    return copy


@pytest.fixture
def small_roberta(tmp_path):
    core = json.loads(byte_level().backend_tokenizer.to_str())["model"]
    vocabulary = {name: place for place, name in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])}
    for token in core["vocab"]:
        vocabulary.setdefault(token, len(vocabulary))
    tokenizer = RobertaTokenizerFast(vocab=vocabulary, merges=[tuple(merge) for merge in core["merges"]])
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
    )
    RobertaModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "roberta")
    tokenizer.save_pretrained(tmp_path / "roberta")
    return tmp_path / "roberta"


def test_texts_and_pairs_are_read_by_roberta_as_its_own_tokenizer_reads_them(small_roberta):
    own = Tokenizer.from_file(str(small_roberta / "tokenizer.json"))
    _, tokenizer = load(small_roberta, MODELS["roberta"])
    for inputs in (("The test set",), ("The test set", "said Anna")):
        assert tokenizer(*inputs)["input_ids"] == own.encode(*inputs).ids
    assert tokenizer.tokenize("The test")[0][0] == "T"


@pytest.mark.parametrize("folder", ["byte_level_bert", "small_roberta"])
def test_words_keep_the_spaces_between_them(folder, request):
    place = request.getfixturevalue(folder)
    _, tokenizer = load(place, MODELS["roberta" if folder == "small_roberta" else "bert"])
    words = ("Anna", "lives", "in", "Paris")
    [feature] = NER.encode([Sentence(words, ("O",) * 4, "1")], ("O",), tokenizer, 64).features
    assert feature["input_ids"] == tokenizer(" Anna lives in Paris")["input_ids"]


@pytest.mark.parametrize("setting", [{"tokenizer_class": "BertTokenizer"}, {"tokenizer_class": None}])
def test_a_class_that_reads_texts_otherwise_than_the_saved_tokenizer_is_refused(byte_level_bert, setting):
    """transformers 5 builds a class's own pre-tokenizer: BERT's makes every byte-level token unknown."""
    file = byte_level_bert / "tokenizer_config.json"
    saved = json.loads(file.read_text()) | setting
    file.write_text(json.dumps({name: value for name, value in saved.items() if value is not None}))
    with pytest.raises(InputError, match=r'in another by its tokenizer.json; .*"PreTrainedTokenizerFast"'):
        load(byte_level_bert)
    file.write_text(json.dumps(saved | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    assert load(byte_level_bert)[1].tokenize("lives in")[-1] == "Ġin"


def test_a_tokenizer_without_padding_is_refused(byte_level_bert):
    file = byte_level_bert / "tokenizer_config.json"
    saved = json.loads(file.read_text())
    del saved["pad_token"]
    file.write_text(json.dumps(saved))
    with pytest.raises(InputError, match="has no padding token; name one as pad_token"):
        load(byte_level_bert)


# --- the identity of what was read otherwise before ---


def digest_of_files(folder):
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        digest.update(name.encode() + hashlib.sha256((folder / name).read_bytes()).digest())
    return digest.hexdigest()


def test_the_identity_is_that_of_earlier_versions_where_spaces_were_read_well(small_bert, copy):
    assert identity(small_bert) == digest_of_files(small_bert)  # the embedded tokenizer puts a space before every text
    word_piece = Tokenizer(
        models.WordPiece({"[UNK]": 0, "[PAD]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4}, unk_token="[UNK]")
    )
    word_piece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    word_piece.save(str(copy / "tokenizer.json"))
    assert identity(copy) == digest_of_files(copy)


@pytest.mark.parametrize(
    "pre_tokenizer",
    [
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
        pre_tokenizers.Metaspace(prepend_scheme="never"),
    ],
)
def test_the_identity_is_another_where_they_were_not(copy, pre_tokenizer):
    core = byte_level().backend_tokenizer
    core.pre_tokenizer = pre_tokenizer
    core.save(str(copy / "tokenizer.json"))
    assert identity(copy) != digest_of_files(copy)


def test_hub_ids_are_told_apart_where_the_encoder_is_not_of_word_pieces(monkeypatch):
    monkeypatch.setattr("tasks.sources.hub.commit.commit_of", lambda hub_id, kind, revision: "abc")
    found = {name: find_weights(MODELS[name], "base", "owner/name").identity for name in ("bert", "roberta")}
    assert found["bert"] == "owner/name@abc"
    assert found["roberta"] != "owner/name@abc"
    assert found["roberta"].startswith("owner/name@abc")


def test_other_weights_at_a_hub_id_are_another_cell(monkeypatch):
    def identity_at(commit):
        monkeypatch.setattr("tasks.sources.hub.commit.commit_of", lambda hub_id, kind, revision: revision or commit)
        found = find_weights(MODELS["bert"], "base", "owner/name")
        assert found.revision == commit
        return found.identity

    assert identity_at("a" * 40) != identity_at("b" * 40)
    pinned = MODELS["bert"].size("base")
    assert find_weights(MODELS["bert"], "base", "hub").identity == f"{pinned.hub_id}@{pinned.revision}"
