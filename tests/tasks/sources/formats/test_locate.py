import pytest

from harness.errors import InputError
from tasks.catalogue import NER_DATASETS
from tasks.sources.formats.locate import Embedded, Folder, Hub, locate


def test_the_three_sources(data_dir):
    assert isinstance(locate("ner", "docstrings", NER_DATASETS, None), Embedded)
    assert isinstance(locate("ner", "docstrings", NER_DATASETS, str(data_dir)), Embedded)
    assert isinstance(locate("ner", "wnut17", NER_DATASETS, None), Hub)
    assert locate("ner", "cities", NER_DATASETS, str(data_dir)) == Folder(data_dir / "ner" / "cities")


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("citys", "did you mean 'cities'"),
        ("wnut17", "without --data-dir the hub's copy"),
        ("..", "no dataset name"),
        ("a/b", "no dataset name"),
    ],
)
def test_a_local_dataset_that_is_not_there_is_never_replaced_by_another(data_dir, dataset, message):
    with pytest.raises(InputError, match=message):
        locate("ner", dataset, NER_DATASETS, str(data_dir))


def test_a_missing_data_folder_and_an_unknown_dataset_are_named():
    with pytest.raises(InputError, match="does not exist"):
        locate("ner", "cities", NER_DATASETS, "/no/such/folder")
    with pytest.raises(InputError, match="did you mean 'conll2003'"):
        locate("ner", "conll03", NER_DATASETS, None)
