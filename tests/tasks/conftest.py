"""Tokenizers of every kind that joins two texts and counts characters in its own way."""

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast


def word_piece():
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
        "the",
        "river",
        ".",
    ]
    core = Tokenizer(models.WordPiece({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )


def roberta_like():
    names = ["<s>", "</s>", "<pad>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    core = Tokenizer(models.BPE({name: index for index, name in enumerate(names)}, [], unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # as RoBERTa reads texts
    core.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token="<unk>",
        pad_token="<pad>",
        cls_token="<s>",
        sep_token="</s>",
        model_input_names=["input_ids", "attention_mask"],
    )


def sentence_piece():
    """Metaspace and no special tokens at all."""
    pieces = [
        ("<unk>", 0.0),
        ("▁", -2.0),
        ("▁the", -1.0),
        ("▁river", -3.0),
        *((c, -4.0) for c in "abcdefghijklmnopqrstuvwxyz."),
    ]
    core = Tokenizer(models.Unigram(pieces, unk_id=0))
    core.normalizer = normalizers.NFKC()
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", pad_token="<unk>")


MADE = {"word_piece": word_piece, "roberta_like": roberta_like, "sentence_piece": sentence_piece}


@pytest.fixture(scope="module", params=["embedded", *MADE])
def any_tokenizer(request):
    """A tokenizer of the embedded kind, then each of these."""
    return MADE[request.param]() if request.param in MADE else request.getfixturevalue("tokenizer")
