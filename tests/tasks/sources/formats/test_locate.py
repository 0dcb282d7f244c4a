import pytest

from harness.errors import InputError
from tasks.catalogue.ner import NER_DATASETS
from tasks.needle import NEEDLE
from tasks.sources.formats.locate import locate
from tasks.sources.haystack import find_texts


def test_the_three_sources(data_dir):
    assert locate("ner", "docstrings", NER_DATASETS, None) is NER_DATASETS["docstrings"]
    assert locate("ner", "docstrings", NER_DATASETS, str(data_dir)) is NER_DATASETS["docstrings"]
    assert locate("ner", "wnut17", NER_DATASETS, None) is NER_DATASETS["wnut17"]
    assert locate("ner", "cities", NER_DATASETS, str(data_dir)) == data_dir / "ner" / "cities"


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("citys", "did you mean 'cities'"),
        ("wnut17", "without --data-dir the hub's copy"),
        ("..", "not a dataset name"),
        ("a/b", "not a dataset name"),
    ],
)
def test_a_local_dataset_that_is_not_there_is_never_replaced_by_another(data_dir, dataset, message):
    with pytest.raises(InputError, match=message):
        locate("ner", dataset, NER_DATASETS, str(data_dir))


def test_a_folder_that_is_not_there_is_called_by_the_name_of_its_family(tmp_path):
    (tmp_path / "qa" / "squad").mkdir(parents=True)
    (tmp_path / "nli" / "sick").mkdir(parents=True)
    with pytest.raises(InputError, match=r"there is no folder .*/span/sick, but there is nli/sick$"):
        locate("span", "sick", {}, str(tmp_path), folders=("qa", "span"))
    with pytest.raises(
        InputError, match=r"there is no folder .*/ner/x; --data-dir takes a folder that holds FAMILY/DATASET$"
    ):
        locate("ner", "x", {}, str(tmp_path))
    with pytest.raises(InputError, match=r"there is no folder .*/span/squat; did you mean 'squad'"):
        locate("span", "squat", {}, str(tmp_path), folders=("qa", "span"))


def test_a_name_that_no_file_system_takes_ends_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"cannot be found in .* \(File name too long\); check --data-dir"):
        locate("ner", "x" * 5000, NER_DATASETS, str(tmp_path))
    with pytest.raises(InputError, match="File name too long"):
        locate("ner", "cities", NER_DATASETS, "x" * 5000)
    with pytest.raises(InputError, match="File name too long"):
        find_texts("mixed", NEEDLE.datasets, "x" * 5000)


def test_a_missing_data_folder_and_an_unknown_dataset_are_named():
    with pytest.raises(InputError, match="does not exist"):
        locate("ner", "cities", NER_DATASETS, "/no/such/folder")
    with pytest.raises(InputError, match="did you mean 'conll2003'"):
        locate("ner", "conll03", NER_DATASETS, None)
