"""Avey-B among the libraries: Auto classes, pipelines, sentence-transformers, compilation, export, checkpointing."""

import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedTokenizerFast,
    pipeline,
)

from models.avey_b import AveyBConfig, AveyBForMaskedLM, AveyBForTokenClassification, AveyBModel

WORDS = ["[PAD]", "[UNK]", "[MASK]", "the", "cat", "sat", "on", "a", "mat", "and", "dog", "ran"]


def random_model(model_class=AveyBForMaskedLM, **options):
    torch.manual_seed(0)
    sizes = {"vocab_size": len(WORDS), "d_embed": 16, "n_layers": 4, "chunk_size": 8, "k": 2, "pad_token_id": 0}
    return model_class(AveyBConfig(**sizes | options)).eval()


@pytest.fixture
def batch():
    ids = torch.randint(len(WORDS), (2, 40), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 21:] = 0
    return ids, mask


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint with its tokenizer, as `save_pretrained` leaves it."""
    path = tmp_path_factory.mktemp("avey-b")
    backend = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(path)
    random_model().save_pretrained(path)
    return path


def test_a_saved_folder_reloads(folder, batch):
    config, model = AutoConfig.from_pretrained(folder), AutoModelForMaskedLM.from_pretrained(folder)
    assert isinstance(config, AveyBConfig)
    assert isinstance(model, AveyBForMaskedLM)
    saved = random_model().state_dict()
    assert load_file(folder / "model.safetensors").keys() == saved.keys()
    assert all(torch.equal(tensor, saved[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(model(*batch).logits, random_model()(*batch).logits)


def test_every_head_loads_the_trunk_under_its_published_names(folder):
    trunk, report = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert isinstance(trunk, AveyBModel)
    assert not any(report.values())
    for auto, added in (
        (AutoModelForTokenClassification, {"classifier.weight", "classifier.bias"}),
        (AutoModelForSequenceClassification, {"classifier.weight", "classifier.bias"}),
        (AutoModelForQuestionAnswering, {"qa_outputs.weight", "qa_outputs.bias"}),
    ):
        model, report = auto.from_pretrained(folder, output_loading_info=True)
        assert set(report["missing_keys"]) == added
        assert not report["unexpected_keys"]
        state = model.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in trunk.state_dict().items())


def test_a_head_survives_saving(tmp_path, batch):
    model = random_model(AveyBForTokenClassification, num_labels=5)
    model.save_pretrained(tmp_path)
    again = AutoModelForTokenClassification.from_pretrained(tmp_path).eval()
    assert again(*batch).logits.shape == (2, 40, 5)
    assert torch.equal(again(*batch).logits, model(*batch).logits)


def test_heads_ignore_padding_and_train(folder, batch):
    ids, mask = batch
    alone = ids[1:, :21]
    for auto, labels in (
        (AutoModelForTokenClassification, {"labels": torch.where(mask.bool(), ids % 2, -100)}),
        (AutoModelForSequenceClassification, {"labels": torch.tensor([0, 1])}),
        (
            AutoModelForQuestionAnswering,
            {"start_positions": torch.tensor([1, 2]), "end_positions": torch.tensor([3, 9])},
        ),
    ):
        model = auto.from_pretrained(folder).eval()
        output = model(ids, mask, **labels)
        output.loss.backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        key = "start_logits" if auto is AutoModelForQuestionAnswering else "logits"
        want = model(alone)[key][0]
        got = output[key][1] if auto is AutoModelForSequenceClassification else output[key][1, :21]
        assert (got - want).abs().max() < 1e-5
        if auto is AutoModelForQuestionAnswering:
            assert output.start_logits[1].argmax() < 21


def test_fill_mask(folder):
    best = pipeline("fill-mask", model=str(folder))("the cat [MASK] on a mat", top_k=3)
    assert [guess["token_str"] in WORDS for guess in best] == [True] * 3


def test_sentence_transformers(folder):
    encoder = SentenceTransformer(str(folder))
    both = encoder.encode(["the cat", "a dog ran and the cat sat on a mat and the dog sat on the mat"])
    assert both.shape == (2, 16)
    assert abs(both[0] - encoder.encode("the cat")).max() < 1e-5


def test_a_larger_vocabulary(batch):
    model = random_model()
    model.resize_token_embeddings(20)
    assert model(*batch).logits.shape == (2, 40, 20)
    assert model.config.vocab_size == 20


@pytest.mark.parametrize("compression", [True, False])
def test_gradient_checkpointing_changes_nothing(batch, compression):
    model = random_model(compression=compression).train()
    ids, mask = batch
    gradients = []
    for enable in (False, True):
        if enable:
            model.gradient_checkpointing_enable()
        model.zero_grad()
        model(ids, mask, labels=ids).loss.backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.allclose(one, other, rtol=1e-5, atol=1e-7) for one, other in zip(*gradients, strict=True))


@pytest.mark.parametrize("padding", ["live", "zero"])
@pytest.mark.parametrize("options", [{}, {"ranker_direction": "bidirectional"}, {"compression": False}])
def test_export_for_a_fixed_length(batch, padding, options):
    model = random_model(padding=padding, **options)
    exported = torch.export.export(model, batch).module()
    other = batch[0].flip(1), torch.ones_like(batch[1])
    other[1][0, 7:] = 0
    for ids, mask in (batch, other):
        kept = mask.bool()
        got, want = exported(ids, mask).logits[kept], model(ids, mask).logits[kept]
        assert (got - want).abs().max() < 1e-5 * want.abs().max()


def test_onnx_for_a_fixed_length(batch, tmp_path):
    for package in ("onnx", "onnxscript"):
        pytest.importorskip(package)
    runtime = pytest.importorskip("onnxruntime")
    model = random_model(padding="zero")
    # onnxscript's optimizer takes an eps of 1e-12 for a zero and drops it.
    torch.onnx.export(model, batch, tmp_path / "model.onnx", dynamo=True, optimize=False, verbose=False)
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    other = batch[0].flip(1), torch.ones_like(batch[1])
    other[1][0, 7:] = 0
    for ids, mask in (batch, other):
        kept = mask.bool()
        (logits,) = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        want = model(ids, mask).logits[kept]
        assert (torch.from_numpy(logits)[kept] - want).abs().max() < 1e-5 * want.abs().max()


@pytest.mark.slow
def test_compiled(batch):
    model = random_model()
    # What the compiler's front end captures is ours to get right; its back end takes minutes and a C++ compiler.
    compiled = torch.compile(model, backend="aot_eager")
    ids, mask = batch
    for length in (40, 23):
        with torch.no_grad():
            got, want = (
                compiled(ids[:, :length], mask[:, :length]).logits,
                model(ids[:, :length], mask[:, :length]).logits,
            )
        assert (got - want).abs().max() < 1e-5 * want.abs().max()
    compiled(ids, mask, labels=ids).loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
