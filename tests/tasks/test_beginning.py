"""Of texts that are far longer than what is read, only a beginning is tokenised, and nothing else changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tasks.beginning
import tasks.classification
from tasks.beginning import beginning
from tasks.classification import CLASSIFICATION
from tasks.sources.labelled_text import LabelledText
from tasks.sources.question import Question
from tasks.windows import encode_questions

LABELS = ("no", "yes")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
TEXTS = st.lists(WORDS, min_size=1, max_size=40).map(lambda words: " ".join(words) or "x")


class Counting:
    """A tokenizer that notes the longest text it was given."""

    def __init__(self, tokenizer):
        self.tokenizer, self.longest = tokenizer, 0
        self.truncation_side = tokenizer.truncation_side

    def __call__(self, texts, *others, **options):
        given_ = [texts] if isinstance(texts, str) else [*texts, *(text for texts in others for text in texts)]
        self.longest = max([self.longest, *map(len, given_)])
        return self.tokenizer(texts, *others, **options)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, TEXTS | st.none()), min_size=1, max_size=4),
    st.integers(4, 20).map(lambda half: 2 * half + 1),
)
def test_what_is_cut_off_makes_no_difference(tokenizer, texts, max_length):
    """An odd length leaves an even number of tokens for a pair, so that neither text gets one more than the other."""
    examples = [LabelledText(first, second, "yes", str(number)) for number, (first, second) in enumerate(texts)]
    before = CLASSIFICATION.encode(examples, LABELS, tokenizer, max_length)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.beginning, "CHARACTERS_A_TOKEN", 2)
        patch.setattr(tasks.classification, "LONG_PAIR", 0)
        encoded = CLASSIFICATION.encode(examples, LABELS, tokenizer, max_length)
    assert (encoded.features, encoded.n_truncated) == (before.features, before.n_truncated)


@settings(max_examples=30, deadline=None)
@given(TEXTS, st.integers(8, 40))
def test_a_beginning_has_the_first_tokens_and_one_more(tokenizer, text, max_length):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.beginning, "CHARACTERS_A_TOKEN", 2)
        part = beginning(text, tokenizer, max_length)
    whole, cut = (tokenizer(one, add_special_tokens=False)["input_ids"] for one in (text, part))
    assert part == text or len(cut) > max_length
    assert cut == whole[: len(cut)]


@pytest.mark.parametrize("pair", [None, "a train", "a train " * 200_000])
@pytest.mark.parametrize(
    "text", ["river Oslo " * 200_000, "x" * 2_000_000, "河" * 1_200_000], ids=["words", "x", "han"]
)
def test_a_text_of_megabytes_is_never_tokenised_whole(tokenizer, text, pair):
    counting = Counting(tokenizer)
    shorter = (text[:20_000], pair and pair[:9_999])
    examples = [LabelledText(*texts, "yes", "0") for texts in ((text, pair), shorter)]
    (long,), (short,) = (CLASSIFICATION.encode([one], LABELS, counting, 65).features for one in examples)
    assert long == short
    assert counting.longest < 50_000


def test_a_text_that_is_mostly_blanks_is_read_to_its_words():
    from transformers import BertTokenizerFast

    dropping = BertTokenizerFast(vocab={"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "river": 5})
    example = LabelledText(" " * 100_000 + "river", None, "yes", "0")
    [feature] = CLASSIFICATION.encode([example], LABELS, dropping, 64).features
    assert feature["input_ids"] == [2, 5, 3]


def test_a_question_of_megabytes_is_cut_and_counted(tokenizer):
    questions = [Question("q", "river Oslo " * length, "Ada met Alan in Oslo. " * 20, ()) for length in (200, 500_000)]
    counting = Counting(tokenizer)
    short, long = (encode_questions([question], counting, 64, training=False) for question in questions)
    assert [feature["input_ids"] for feature in long.features] == [feature["input_ids"] for feature in short.features]
    assert (short.n_truncated, long.n_truncated) == (1, 1)
    assert counting.longest < 100_000


def test_an_embedding_is_that_of_the_whole_text(tokenizer, small_bert):
    from transformers import BertModel

    from harness.nn.embedding import embed

    encoder = BertModel.from_pretrained(small_bert, add_pooling_layer=False)
    texts = ["river Oslo " * length for length in (40, 500_000)]
    counting = Counting(tokenizer)
    counting.pad = tokenizer.pad
    counting.pad_token_id = tokenizer.pad_token_id
    vectors, n_cut = embed(encoder, counting, texts, 32, "fp32")
    assert n_cut == 2
    assert abs(vectors[0] - vectors[1]).max() < 1e-6
    assert counting.longest < 100_000
