"""What must be equal for all encoders: splits and samples, the longest input, batches that change nothing; and what must not:
each tokenizer's own special tokens.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.nn.inference import predict
from harness.pipelines.sampling import sample
from tasks.classification import NLI
from tasks.ner import NER
from tasks.sources.labelled_text import LabelledText
from tasks.sources.question import Question
from tasks.sources.sentence import Sentence
from tasks.sources.splits import hold_out
from tasks.span import SPAN

ROOT = Path(__file__).parents[2]
PROSE = "the old house near the river in Oslo saw a train and then Ada walked to New York with Grace " * 8


def bracketed(kind):
    """A tokenizer with special tokens of its own, one a character otherwise: as BERT or as RoBERTa joins texts."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    first, last = ("[CLS]", "[SEP]") if kind == "bert" else ("<s>", "</s>")
    names = [first, last, "[PAD]", "[UNK]", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    core = Tokenizer(models.BPE({name: index for index, name in enumerate(names)}, [], unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    processor = processors.BertProcessing if kind == "bert" else processors.RobertaProcessing
    core.post_processor = processor((last, 1), (first, 0))
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token=first,
        sep_token=last,
        model_input_names=["input_ids", "attention_mask"],
    )


def features(task, tokenizer, max_length):
    """One long input of each family."""
    words = tuple(PROSE.split())
    made = {
        "ner": lambda: NER.encode([Sentence(words, ("O",) * len(words), "0")], ("O",), tokenizer, max_length),
        "nli": lambda: NLI.encode([LabelledText(PROSE, PROSE, "no", "0")], ("no", "yes"), tokenizer, max_length),
        "span": lambda: SPAN.encode([Question("0", "where?", PROSE, ())], ("start", "end"), tokenizer, max_length),
    }
    return made[task]().features


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("task", ["ner", "nli", "span"])
def test_every_input_has_the_tokenizers_own_special_tokens_and_the_same_longest_input(task, kind):
    tokenizer = bracketed(kind)
    made = [feature["input_ids"] for feature in features(task, tokenizer, 64)]
    assert max(map(len, made)) == 64
    pairs = task != "ner"
    for ids in made:
        assert ids[0] == tokenizer.cls_token_id
        assert ids[-1] == tokenizer.sep_token_id
        between = ids[1:-1].count(tokenizer.sep_token_id)
        assert between == (0 if not pairs else 1 if kind == "bert" else 2)


def test_a_cut_dev_split_and_a_sample_follow_from_the_data_alone():
    examples = [(number, number // 3) for number in range(300)]

    def made(seed):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        return hold_out(examples, 20, lambda example: example[1]), list(sample(examples, 40))

    assert made(0) == made(1)
    (train, dev), _ = made(0)
    assert not {group for _, group in train} & {group for _, group in dev}
    assert sorted(train + dev) == examples


def test_a_cut_dev_split_follows_from_the_data_alone_in_every_process():
    code = (
        "from tasks.sources.splits import hold_out; from harness.pipelines.sampling import sample\n"
        "texts = [f'text {n}' for n in range(200)]\n"
        "print(hold_out(texts, 20, lambda text: text)[1], sample(texts, 9))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_tags_do_not_depend_on_the_batch(tokenizer, small_bert):
    from transformers import BertModel

    from harness.nn.heads import TokenHead

    torch.manual_seed(0)
    labels = ("O", "B-X", "I-X")
    model = TokenHead(BertModel.from_pretrained(small_bert, add_pooling_layer=False), 3)
    words = PROSE.split()
    examples = [Sentence(tuple(words[: 3 * n]), ("O",) * len(words[: 3 * n]), str(n)) for n in range(1, 12)]
    encoded = NER.encode(examples, labels, tokenizer, 64)
    found = []
    for size in (1, 3, 64):
        logits = predict(model, encoded.features, tokenizer, "fp32", size)
        found.append([sentence.tags for sentence in NER.decode(examples, labels, encoded, logits)])
    assert found[0] == found[1] == found[2]
    assert len({tag for tags in found[0] for tag in tags}) > 1
