"""A word of a pre-split sentence has the tokens that it has in running text, whatever kind of tokenizer reads it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import GPT2TokenizerFast, PreTrainedTokenizerFast, RobertaTokenizerFast

from harness.errors import InputError
from tasks import words
from tasks.ner import IGNORED, NER
from tasks.sources.sentence import Sentence
from tasks.words import read_words

TEXT = ["Anna lives in Paris and didn't pay 3.50 for Zoë's e-mail , said IBM-based U.S. officials (2024) ."] * 20
GPT4_PATTERN = Regex(r"(?i:'s|'t|'re|'ll)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+")
SPECIAL = ["[UNK]", "[PAD]"]


def trained(pre_tokenizer, model=None, trainer=None, normalizer=None):
    core = Tokenizer(model or models.BPE(unk_token="[UNK]"))
    if normalizer is not None:
        core.normalizer = normalizer
    if pre_tokenizer is not None:
        core.pre_tokenizer = pre_tokenizer
    core.train_from_iterator(TEXT, trainer or trainers.BpeTrainer(special_tokens=SPECIAL, show_progress=False))
    return core


def fast(core):
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]", pad_token="[PAD]")


def byte_level(**options):
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False)
    return trained(options.pop("pre_tokenizer", None) or pre_tokenizers.ByteLevel(**options), trainer=trainer)


def of_class(tokenizer_class):
    core = byte_level(add_prefix_space=False)
    merges = [tuple(merge) for merge in json.loads(core.to_str())["model"]["merges"]]
    return tokenizer_class(vocab=core.get_vocab(), merges=merges)


def split_and_bytes():
    split = pre_tokenizers.Split(GPT4_PATTERN, "isolated")
    both = [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    return fast(byte_level(pre_tokenizer=pre_tokenizers.Sequence(both)))


def digits_and_bytes():
    both = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    return fast(byte_level(pre_tokenizer=pre_tokenizers.Sequence(both)))


def word_piece():
    trainer = trainers.WordPieceTrainer(special_tokens=SPECIAL, show_progress=False)
    normalizer = normalizers.BertNormalizer(lowercase=True)
    return fast(trained(pre_tokenizers.BertPreTokenizer(), models.WordPiece(unk_token="[UNK]"), trainer, normalizer))


def unigram(scheme):
    trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=SPECIAL, unk_token="[UNK]", show_progress=False)
    both = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme=scheme)]
    return fast(trained(pre_tokenizers.Sequence(both), models.Unigram(), trainer))


def metaspace(scheme):
    return fast(trained(pre_tokenizers.Metaspace(prepend_scheme=scheme)))


KINDS = {
    "byte level": fast(byte_level(add_prefix_space=False)),
    "byte level, space before every text": fast(byte_level(add_prefix_space=True)),
    "pattern, then byte level": split_and_bytes(),
    "digits, then byte level": digits_and_bytes(),
    "RoBERTa": of_class(RobertaTokenizerFast),
    "GPT-2": of_class(GPT2TokenizerFast),
    "WordPiece": word_piece(),
    "metaspace always": metaspace("always"),
    "metaspace first": metaspace("first"),
    "metaspace never": metaspace("never"),
    "blanks, then metaspace always": unigram("always"),
    "blanks, then metaspace first": unigram("first"),
}
WORDS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=10)


def words_across_spaces():
    """A BPE without pre-tokenizer: its tokens span words, as those of "in Paris" do."""
    return fast(trained(None))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(sentence=st.lists(WORDS, min_size=2, max_size=12))
def test_a_word_has_the_tokens_of_the_running_text(kind, sentence):
    tokenizer = KINDS[kind]
    read = read_words(tokenizer, [sentence], add_special_tokens=False)
    own = [token for token, word in zip(read["input_ids"][0], read.word_ids(0), strict=True) if word]
    assert own
    assert own == tokenizer(" ".join(sentence), add_special_tokens=False)["input_ids"][-len(own) :]


@pytest.mark.parametrize("kind", KINDS)
def test_ner_reads_its_sentences_so(kind):
    sentence = ("Anna", "lives", "in", "Paris", ",", "didn't", "pay", "(2024)", ".")
    tokenizer = KINDS[kind]
    encoded = NER.encode([Sentence(sentence, ("O",) * len(sentence), "1")], ("O",), tokenizer, 128)
    [feature] = encoded.features
    second_word = [place for place, label in enumerate(feature["labels"]) if label != IGNORED][1]
    own = feature["input_ids"][second_word:]
    assert own == tokenizer(" ".join(sentence))["input_ids"][-len(own) :]


def test_the_first_word_is_read_as_the_others_are():
    tokenizer = KINDS["byte level"]
    [ids] = read_words(tokenizer, [["Paris", "Paris"]], add_special_tokens=False)["input_ids"]
    assert ids[: len(ids) // 2] == ids[len(ids) // 2 :]
    assert ids == tokenizer(" Paris Paris", add_special_tokens=False)["input_ids"]


def test_reading_words_leaves_the_reading_of_texts_as_it_was():
    tokenizer = KINDS["RoBERTa"]
    before = tokenizer("Paris", "Anna")["input_ids"]
    read_words(tokenizer, [["Paris", "Anna"]])
    assert tokenizer("Paris", "Anna")["input_ids"] == before


def test_a_tokenizer_whose_tokens_span_words_is_refused():
    with pytest.raises(
        InputError, match=r"gives the word .* different tokens alone than in a text.*; use other weights"
    ) as raised:
        read_words(words_across_spaces(), [["Anna", "lives"]])
    assert "\n" not in str(raised.value)


def test_every_probed_word_is_one_word():
    assert all(len(word.split()) == 1 for word in words.PROBE)


@pytest.mark.parametrize("kind", ["byte level, space before every text", "WordPiece", "metaspace always"])
def test_tokenizers_that_separate_words_themselves_get_them_as_they_are(kind):
    """Stored runs with these tokenizers, the embedded one among them, stay what they are."""
    tokenizer, sentence = KINDS[kind], ["Anna", "didn't", "", " 3.50", "\u200b", "."]
    assert (
        read_words(tokenizer, [sentence])["input_ids"] == tokenizer([sentence], is_split_into_words=True)["input_ids"]
    )
