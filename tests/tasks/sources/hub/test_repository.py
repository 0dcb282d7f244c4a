"""Any dataset of the hub by its id, against a hub that is served in this process."""

import json

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from harness.cells.task_options import with_task_options
from harness.errors import InputError
from tasks import TASKS
from tasks.sources.hub import commit
from tasks.sources.hub.repository import Address, Repository
from tests.stub_hub import COMMIT, card, served

PAIRS = Features(
    {"premise": Value("string"), "hypothesis": Value("string"), "label": ClassLabel(names=["yes", "maybe", "no"])}
)
TAGGED = Features({"tokens": List(Value("string")), "ner_tags": List(ClassLabel(names=["O", "B-PER", "I-PER"]))})
SPLITS_OF_MNLI = {"train": 60, "validation_matched": 12, "validation_mismatched": 13, "test_matched": 9}


def pairs(count, label=None):
    return [
        {"premise": f"It rains {n}.", "hypothesis": "Wet.", "label": n % 3 if label is None else label}
        for n in range(count)
    ]


def questions(count):
    answers = {"text": ["London"], "answer_start": [13]}
    return [
        {"id": f"q{n}", "title": f"T{n // 3}", "context": "Ada lived in London.", "question": f"Where {n}?"}
        | {"answers": answers}
        for n in range(count)
    ]


def write(folder, files, readme=""):
    """Files of rows, or of rows and features."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            rows, features = content
            Dataset.from_list(rows, features=features).to_parquet(path)
        elif path.suffix == ".tsv":
            pd.DataFrame(content).to_csv(path, sep="\t", index=False)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in content))
    (folder / "README.md").write_text(readme)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    mnli = {f"mnli/{s}.parquet": (pairs(n, -1 if "test" in s else None), PAIRS) for s, n in SPLITS_OF_MNLI.items()}
    sst2 = {"sst2/train.parquet": ([{"sentence": f"good {n}", "label": n % 2} for n in range(30)], None)}
    configs = {"mnli": {s: f"mnli/{s}.parquet" for s in SPLITS_OF_MNLI}, "sst2": {"train": "sst2/train.parquet"}}
    write(root / "me" / "glue", mnli | sst2, card(**configs))
    sentences = [{"tokens": ["Ada", f"x{n}"], "ner_tags": [1, 0]} for n in range(40)]
    files = {f"data/{s}-00000-of-00001.parquet": (sentences, TAGGED) for s in ("train", "validation", "test")}
    write(root / "me" / "tagged", files)
    write(root / "me" / "squad", {"train.jsonl": questions(30), "validation.jsonl": questions(5)})
    documents = [{"_id": f"d{n}", "title": "", "text": f"document {n}"} for n in range(20)]
    queries = [{"_id": f"q{n}", "text": f"question {n}"} for n in range(20)]
    judged = [{"query-id": f"q{n}", "corpus-id": f"d{n}", "score": 1} for n in range(20)]
    texts = {"corpus.jsonl": documents, "queries.jsonl": queries}
    qrels = {"train.jsonl": judged[:15], "test.jsonl": judged[15:]}
    parts = {"corpus": {"corpus": "corpus.jsonl"}, "queries": {"queries": "queries.jsonl"}}
    default = {"train": "qrels/train.jsonl", "test": "qrels/test.jsonl"}
    inside = {f"qrels/{name}": rows for name, rows in qrels.items()}
    write(root / "mteb" / "facts", texts | inside, card(default=default, **parts))
    write(root / "beir" / "facts", texts, card(**parts))
    write(root / "beir" / "facts-qrels", qrels)
    scifact = {
        f"{name}/{name}-00000-of-00001.parquet": (rows, None)
        for name, rows in (("corpus", documents), ("queries", queries))
    }
    write(root / "BeIR" / "scifact", scifact)
    write(root / "BeIR" / "scifact-qrels", {"train.tsv": judged[:15], "test.tsv": judged[15:]})
    triples = [{"anchor": f"question {n}", "positive": f"passage {n}", "negative": f"wrong {n}"} for n in range(40)]
    write(root / "me" / "triples", {"train.jsonl": triples})
    write(root / "me" / "reviews", {"train.jsonl": [{"blurb": f"nice {n}", "stars": n % 3} for n in range(50)]})
    (root / "me" / "empty").mkdir()
    return root


@pytest.fixture(autouse=True)
def hub(root, tmp_path, monkeypatch):
    """Serves the repositories, with empty caches; yields the cache of the hub's files."""
    commit.ask.cache_clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    with served(root) as address:
        for place in ("huggingface_hub.constants.ENDPOINT", "datasets.config.HF_ENDPOINT"):
            monkeypatch.setattr(place, address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield tmp_path / "hub"
    commit.ask.cache_clear()


def load(family, name, **options):
    return with_task_options(TASKS[family], options).load(name, None)


def sizes(data):
    return [len(data.splits[split]) for split in ("train", "dev", "test")]


def test_a_sentence_dataset_is_recognised_by_its_features():
    data = load("ner", "hf:me/tagged")
    assert data.origin == f"me/tagged@{COMMIT}"
    assert sizes(data) == [40, 40, 40]
    assert data.labels == ("O", "B-PER", "I-PER")
    assert data.splits["dev"][3].tokens == ("Ada", "x3")
    assert data.splits["dev"][3].tags == ("B-PER", "O")
    assert data.notes == (f"main of me/tagged is commit {COMMIT}; hf:me/tagged@{COMMIT} always names these data",)


def test_a_test_split_without_labels_is_said_and_dev_is_cut_from_train():
    data = load("nli", "hf:me/glue:mnli")
    assert sizes(data) == [54, 6, 12]
    assert data.labels == ("yes", "maybe", "no")
    notes = "\n".join(data.notes)
    assert "test_matched has no gold labels (-1, '-', empty or null)" in notes
    assert "validation_matched is the test split here" in notes
    assert "6 examples were cut from train by text, the same for every run" in notes
    assert "not read: validation_mismatched" in notes
    assert load("nli", "hf:me/glue:mnli").fingerprint == data.fingerprint


def test_splits_can_be_named():
    data = load("nli", "hf:me/glue:mnli", test_split="validation_mismatched")
    assert sizes(data) == [60, 12, 13]
    with pytest.raises(InputError, match="has no split 'validation_mis'; did you mean 'validation_mismatched'"):
        load("nli", "hf:me/glue:mnli", test_split="validation_mis")


def test_with_train_alone_both_other_splits_are_cut_from_it():
    data = load("classification", f"hf:me/glue@{COMMIT}:sst2")
    assert sizes(data) == [25, 2, 3]
    assert len({example.text for examples in data.splits.values() for example in examples}) == 30
    assert not any("always names these data" in note for note in data.notes)


def test_squad_columns_are_questions():
    data = load("span", "hf:me/squad")
    assert sizes(data) == [27, 3, 5]
    assert data.splits["test"][0].answers[0].text == "London"
    assert not {one.title for one in data.splits["train"]} & {one.title for one in data.splits["dev"]}


@pytest.mark.parametrize("name", ["mteb/facts", "beir/facts"])
def test_judgements_are_in_the_repository_as_of_mteb_or_beside_it_as_of_beir(name):
    task = TASKS["retrieval"]
    data = task.load(f"hf:{name}", None)
    assert sizes(data) == [14, 1, 5]
    assert len(data.documents) == 20
    assert data.splits["test"][0].judgements == {"d15": 1}
    assert task.has_training(f"hf:{name}", None)
    assert ("facts-qrels" in task.identity(f"hf:{name}", None)) == name.startswith("beir")
    assert (f"the judgements are those of beir/facts-qrels@{COMMIT}" in data.notes) == name.startswith("beir")


def test_a_declared_collection_that_is_not_pinned_says_which_commits_were_read():
    data = TASKS["retrieval"].load("scifact", None)
    assert sizes(data) == [14, 1, 5]
    assert data.origin == f"BeIR/scifact@{COMMIT}"
    assert data.notes[0] == f"the judgements are those of BeIR/scifact-qrels@{COMMIT}"


@pytest.mark.parametrize(
    "address", [Address("me/squad"), Address("me/squad", COMMIT), Address("me/glue", "main", "sst2")]
)
def test_rows_can_be_streamed(address, tmp_path, monkeypatch):
    (tmp_path / address.hub_id).mkdir(parents=True)
    (tmp_path / address.hub_id / "train.jsonl").write_text('{"text": "of a folder of this name"}\n')
    monkeypatch.chdir(tmp_path)
    rows = list(Repository(address).stream("train"))
    assert len(rows) == 30
    assert "text" not in rows[0]


def test_triples_are_a_collection_of_all_their_passages():
    data = load("retrieval", "hf:me/triples")
    assert sizes(data) == [33, 3, 4]
    assert len(data.documents) == 80
    query = data.splits["train"][0]
    (positive,), (negative,) = query.judgements, query.negatives
    assert data.documents[positive].text == query.text.replace("question", "passage")
    assert data.documents[negative].text == query.text.replace("question", "wrong")


def test_columns_can_be_named_one_by_one_or_together():
    apart = load("classification", "hf:me/reviews", text="blurb", label="stars")
    together = with_task_options(TASKS["classification"], {"text": "blurb,label=stars,labels=bad,fair,good"})
    assert together.options["label"] == "stars"
    assert together.load("hf:me/reviews", None).labels == ("bad", "fair", "good")
    assert apart.labels == ("0", "1", "2")


@pytest.mark.parametrize(
    ("family", "name", "options", "sentence"),
    [
        ("ner", "hf:me/none", {}, r"there is no dataset me/none on the hub, or it is private"),
        ("ner", "hf:me/tagged@v9", {}, r"me/tagged has no revision 'v9' on the hub"),
        ("ner", "hf:tagged", {}, r"'hf:tagged' is not a dataset of the hub; write hf:OWNER/NAME"),
        ("nli", "hf:me/glue", {}, r"me/glue has the configurations mnli, sst2; name one, as in hf:me/glue:mnli"),
        ("nli", "hf:me/glue:mnl", {}, r"me/glue has no configuration 'mnl'; did you mean 'mnli'"),
        ("ner", "hf:me/empty", {}, r"me/empty@0123456789.* holds no data that `datasets` reads"),
        (
            "nli",
            "hf:me/glue:sst2",
            {},
            r"no column .* is known to be the pair: .*'sentence' \(text\).*--task-option pair",
        ),
        ("span", "hf:me/glue:sst2", {}, r"no column .* is known to be the question"),
        ("ner", "hf:me/glue:sst2", {}, r"no column .* is known to be the tokens"),
        ("retrieval", "hf:me/glue:sst2", {}, r"no column .* is known to be the query"),
        ("classification", "hf:me/reviews", {"text": "blurbs"}, r"no column 'blurbs'; did you mean 'blurb'"),
        ("lm", "hf:me/reviews", {}, r"lm reads no tables"),
        ("ner", "wnut17", {"tokens": "words"}, r"ner/wnut17 is declared, so its columns are known"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(family, name, options, sentence):
    if family == "classification":
        options = {"label": "stars", **options}
    with pytest.raises(InputError, match=sentence) as raised:
        load(family, name, **options)
    assert "\n" not in str(raised.value)


def test_without_network_the_hubs_cache_is_read_and_said(hub, monkeypatch):
    from huggingface_hub import snapshot_download

    before = load("ner", "hf:me/tagged")
    snapshot_download("me/tagged", repo_type="dataset")
    unplugged(monkeypatch)
    after = load("ner", "hf:me/tagged")
    assert after.fingerprint == before.fingerprint
    assert after.origin == before.origin
    assert any("the hub could not be reached" in note for note in after.notes)
    assert TASKS["ner"].identity("hf:me/tagged", None) == TASKS["ner"].identity(f"hf:me/tagged@{COMMIT}", None)


def test_without_network_and_cache_the_error_says_how_to_get_the_files(monkeypatch):
    unplugged(monkeypatch)
    with pytest.raises(
        InputError, match=r"could not be read from the hub .*`hf download me/tagged --repo-type dataset`"
    ):
        load("ner", "hf:me/tagged")
    assert COMMIT in TASKS["ner"].identity(f"hf:me/tagged@{COMMIT}", None)  # a full commit needs no hub


def unplugged(monkeypatch):
    commit.ask.cache_clear()
    for place in ("huggingface_hub.constants.ENDPOINT", "datasets.config.HF_ENDPOINT"):
        monkeypatch.setattr(place, "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hf:a/b", ("a/b", "main", "")),
        ("hf:a/b:c-d", ("a/b", "main", "c-d")),
        ("hf:a/b@refs/convert/parquet", ("a/b", "refs/convert/parquet", "")),
        (f"hf:a/b.c@{COMMIT}:x y", ("a/b.c", COMMIT, "x y")),
    ],
)
def test_an_address_has_a_revision_and_a_configuration(text, parts):
    address = Address.parse(text)
    assert (address.hub_id, address.revision, address.config) == parts
