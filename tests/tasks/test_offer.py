import pytest

from harness.errors import InputError
from tasks import TASKS


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("wnut17", "'ner/wnut17'?"),
        ("WNUT17", "'ner/wnut17'?"),
        ("wnut", "'ner/wnut17'?"),
        ("glue", "'nli/mnli' or 'nli/mnli_mismatched' or 'classification/sst2' or 'classification/qqp'?"),
        ("sst-2", "'classification/sst2'?"),
        ("multinli", "'nli/mnli' or 'nli/mnli_mismatched'?"),
        ("conll", "'ner/conll2003'?"),
        ("scifct", "'retrieval/scifact' or 'retrieval/scidocs'?"),
        ("nre", "'ner'?"),
        ("classificaton", "'classification'?"),
    ],
)
def test_the_name_of_a_dataset_or_benchmark_is_understood(typed, offered):
    with pytest.raises(InputError, match=f"there is no task called '{typed}'; did you mean ") as refused:
        TASKS[typed]
    assert str(refused.value).endswith(f"did you mean {offered}")


def test_a_name_like_nothing_lists_the_families():
    with pytest.raises(InputError, match="there are: ner, span, nli, classification, needle, retrieval, rerank, mteb"):
        TASKS["zzzzzzzz"]
