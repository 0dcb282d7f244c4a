"""Losses and pseudo-log-likelihoods against computations with transformers alone, one token at a time."""

import math

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from harness.errors import InputError
from harness.nn.masked_lm import HEAD_FILE, MaskedLM, Scorer, load_scorer, scorer_of
from harness.nn.pseudo_likelihood import pseudo_log_likelihoods, tokens_of
from harness.nn.text_loss import document_losses, masked_text
from models import MODELS
from models.weights import find_weights
from tasks.task import IGNORED
from tests.conftest import save_bert
from tests.harness.pretraining.conftest import SMALL

SENTENCES = [
    "the train met a river",
    "then Ada left near the outlandish, unforeseen riverboat.",
    "a",
    "and said: numb3rs!",
    "in the old of to saw met near with a train left river and then said " * 2,
]


@pytest.fixture(scope="module")
def masked_bert(tokenizer, tmp_path_factory):
    """A BERT with a masked-LM head whose large random weights make its predictions differ."""
    return save_bert(tmp_path_factory.mktemp("mlm") / "bert", tokenizer, masked_lm=True, initializer_range=0.3)


def loaded(folder, name="bert"):
    encoder = MODELS[name]
    return load_scorer(encoder, "custom", find_weights(encoder, "custom", str(folder)))


def words_of(tokenizer, text):
    """The word of each token, by the characters that the tokenizer's own pre-tokeniser puts together."""
    spans = [span for _, span in tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    offsets = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)["offset_mapping"]
    # add_prefix_space moves nothing in the offsets; a token lies in the word that its last character lies in.
    return [next(number for number, (start, end) in enumerate(spans) if start < last <= end) for _, last in offsets]


def one_at_a_time(folder, text):
    """The pseudo-log-likelihood by its definition: one forward a token, no padding, all logits."""
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    plain = tokenizer(text, add_special_tokens=False)["input_ids"]
    words, total = words_of(tokenizer, text), 0.0
    for place, token in enumerate(plain):
        seen = [
            tokenizer.mask_token_id if words[other] == words[place] and other >= place else plain[other]
            for other in range(len(plain))
        ]
        ids = torch.tensor([[tokenizer.cls_token_id, *seen, tokenizer.sep_token_id]])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, place + 1]
        total += float(logits.double().log_softmax(-1)[token])
    return total


def test_a_pseudo_log_likelihood_is_what_its_definition_gives(masked_bert):
    scorer, _, tokenizer = loaded(masked_bert)
    tokens = tokens_of(tokenizer, SENTENCES)
    assert any((one.ends - one.scored > 1).any() for one in tokens)  # there are words of several tokens
    found = pseudo_log_likelihoods(scorer, tokens, tokenizer, "fp32")
    expected = [one_at_a_time(masked_bert, text) for text in SENTENCES]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_batches_and_padding_change_no_likelihood(masked_bert, monkeypatch):
    scorer, _, tokenizer = loaded(masked_bert)
    tokens = tokens_of(tokenizer, SENTENCES)
    together = pseudo_log_likelihoods(scorer, tokens, tokenizer, "fp32")
    alone = [pseudo_log_likelihoods(scorer, [one], tokenizer, "fp32")[0] for one in tokens]
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr("harness.nn.pseudo_likelihood.MASKED_TOKENS_PER_BATCH", 50)
    monkeypatch.setattr("harness.nn.pseudo_likelihood.SENTENCES_AT_ONCE", 2)
    np.testing.assert_allclose(pseudo_log_likelihoods(scorer, tokens, tokenizer, "fp32"), together, atol=1e-5)


def test_later_tokens_of_a_word_are_masked_and_earlier_ones_are_not(tokenizer):
    seen = []

    def logits(input_ids, attention_mask, places):
        seen.extend(ids[mask.bool()].tolist() for ids, mask in zip(input_ids, attention_mask, strict=True))
        return torch.zeros(len(places), len(tokenizer))

    (tokens,) = tokens_of(tokenizer, ["the zqzq"])
    assert tokens.ends.tolist() == [2, *[len(tokens.ids) - 1] * (len(tokens.scored) - 1)]
    found = pseudo_log_likelihoods(Scorer(torch.nn.Linear(1, 1), logits), [tokens], tokenizer, "fp32")
    mask, ids = tokenizer.mask_token_id, tokens.ids.tolist()
    expected = [
        [*ids[:place], *[mask] * (end - place), *ids[end:]]
        for place, end in zip(tokens.scored, tokens.ends, strict=True)
    ]
    assert sorted(seen) == sorted(expected)
    assert found[0] == pytest.approx(-len(tokens.scored) * math.log(len(tokenizer)), rel=1e-6)


def test_the_loss_of_a_text_is_what_its_definition_gives(masked_bert):
    documents = [" ".join(SENTENCES), "the old house", "Ada said: a train left. " * 5, "zqzq " * 4]
    scorer, _, tokenizer = loaded(masked_bert)
    text = masked_text(tokenizer, documents, 32, None)
    found = document_losses(scorer, text, len(documents), "fp32")
    model = AutoModelForMaskedLM.from_pretrained(masked_bert).eval()
    nats, right = np.zeros(len(documents)), np.zeros(len(documents))
    for ids, positions, labels, of in zip(
        text.masked.input_ids, text.masked.positions, text.masked.labels, text.document_of, strict=True
    ):
        with torch.no_grad():
            scores = model(input_ids=torch.from_numpy(ids)[None]).logits[0].double().log_softmax(-1)
        for position, label, document in zip(positions, labels, of, strict=True):
            nats[document] -= float(scores[position, label])
            right[document] += int(scores[position].argmax()) == label
    np.testing.assert_allclose(found.nats, nats, rtol=1e-5)
    assert found.right.tolist() == right.tolist()
    assert found.masked.sum() == (text.masked.labels != IGNORED).sum()


def test_every_masked_token_belongs_to_the_document_that_holds_it(tokenizer):
    documents = ["the train " * 20, "a river " * 20, "Ada saw Oslo " * 10]
    text = masked_text(tokenizer, documents, 16, None)
    ids = [set(tokenizer(one, add_special_tokens=False)["input_ids"]) for one in documents]
    assert set(text.document_of.flatten()) == {0, 1, 2}
    for label, document in zip(text.masked.labels.flatten(), text.document_of.flatten(), strict=True):
        assert label in ids[document]


def test_a_text_shorter_than_a_row_is_one_row(tokenizer):
    text = masked_text(tokenizer, ["the train met a river"], 512, None)
    assert text.masked.input_ids.shape == (1, text.n_tokens)
    assert text.bytes_a_token == pytest.approx(len("the train met a river") / (text.n_tokens - 1))


@pytest.mark.parametrize("name", sorted(SMALL))
def test_chosen_positions_are_decoded_as_all_are(name, tokenizer, tmp_path):
    encoder = MODELS[name]
    options = SMALL[name] | {"masked_lm_head": True} if name in ("avey-b", "neobert") else SMALL[name]
    ids = dict.fromkeys(("pad_token_id",), tokenizer.pad_token_id)
    torch.manual_seed(0)
    config = encoder.config_class(**options, vocab_size=len(tokenizer), **ids)
    native = AutoModelForMaskedLM.from_config(config).eval()
    with torch.no_grad():
        for weight in native.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    native.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    scorer, _, _ = loaded(tmp_path, name)
    batch = dict(tokenizer(SENTENCES, padding=True, return_tensors="pt"))
    places = torch.tensor([1, 2, batch["input_ids"].shape[1] + 1])
    given = {key: batch[key] for key in ("input_ids", "attention_mask")}
    with torch.no_grad():
        expected = native(**given).logits.flatten(0, 1)[places].log_softmax(-1)
        found = scorer(**given, places=places)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(native(**given).logits.flatten(0, 1)[places].log_softmax(-1), expected)


def test_a_head_beside_the_bare_encoder_is_read(tokenizer, tmp_path):
    from safetensors.torch import save_file
    from transformers import BertModel

    folder = save_bert(tmp_path / "bare", tokenizer)
    with pytest.raises(InputError, match="has no masked-LM head"):
        loaded(folder)
    model = MaskedLM(BertModel.from_pretrained(folder, add_pooling_layer=False)).eval()
    head = {name: model.state_dict()[name] for name in ("dense.weight", "norm.weight", "bias")}
    save_file(head, folder / HEAD_FILE)
    scorer, _, tokenizer = loaded(folder)
    ids = torch.tensor([tokenizer("the train met a river")["input_ids"]])
    with torch.no_grad():
        expected = model(ids, torch.tensor([[2]]))["logits"].log_softmax(-1)
        torch.testing.assert_close(scorer(ids, torch.ones_like(ids), torch.tensor([2])), expected)


def test_a_hook_is_gone_after_use(masked_bert):
    model = AutoModelForMaskedLM.from_pretrained(masked_bert)
    with pytest.raises(IndexError), torch.no_grad():
        scorer_of(model)(torch.ones(1, 4, dtype=torch.long), torch.ones(1, 4, dtype=torch.long), torch.tensor([99]))
    assert not model.base_model._forward_hooks


def test_a_head_without_weights_is_known_by_what_the_config_names(tokenizer, tmp_path):
    from models.avey_b import AveyBForMaskedLM, AveyBModel

    config = MODELS["avey-b"].config_class(**SMALL["avey-b"], vocab_size=len(tokenizer), pad_token_id=0)
    for model in (AveyBForMaskedLM, AveyBModel):
        model(config).save_pretrained(tmp_path / model.__name__)
        tokenizer.save_pretrained(tmp_path / model.__name__)
    loaded(tmp_path / "AveyBForMaskedLM", "avey-b")
    with pytest.raises(InputError, match=r"has no masked-LM head \(its config\.json names AveyBModel\)"):
        loaded(tmp_path / "AveyBModel", "avey-b")
