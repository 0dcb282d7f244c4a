"""Vectors of texts as a checkpoint declares them, held against sentence-transformers' own ``encode`` of the same folder."""

import json
import shutil
from itertools import product

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.cells.vectors import PLAIN, vectors_of
from harness.errors import InputError, UnsuitedError
from harness.nn.embedding import embed, lower_case
from harness.pipelines.pipeline import run
from models import MODELS, loading
from models.declared import declared
from models.weights import Weights, find_weights
from tasks.retrieval import POOLINGS, RETRIEVAL

LENGTH = 24
TEXTS = [
    "the old house",
    "a train",
    "The River walked",
    "the river " * 40,
    "walked then said very near the old old river",
]
OLD_NAMES = ["cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]


def write_checkpoint(root, source, modules=("Pooling", "Normalize"), pooling=None, config=None, transformer=None):
    """A copy of an encoder's folder with the files that sentence-transformers writes beside it."""
    shutil.copytree(source, root)
    listed = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for number, name in enumerate(modules, start=1):
        kind = name if "." in name else f"sentence_transformers.models.{name}"
        listed.append({"idx": number, "name": str(number), "path": f"{number}_{name}", "type": kind})
        (root / f"{number}_{name}").mkdir()
    (root / "modules.json").write_text(json.dumps(listed))
    if "Pooling" in modules:
        content = {"word_embedding_dimension": 32} | (pooling or {"pooling_mode_mean_tokens": True})
        (root / "1_Pooling" / "config.json").write_text(json.dumps(content))
    (root / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": LENGTH} | (transformer or {})))
    if config is not None:
        (root / "config_sentence_transformers.json").write_text(json.dumps(config))
    return root


CLS = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
E5 = {"prompts": {"query": "query: ", "passage": "passage: "}}


@pytest.fixture
def bge(tmp_path, small_bert):
    """As BGE is published: the first token's state, to unit length."""
    return write_checkpoint(tmp_path / "bge", small_bert, pooling=CLS)


@pytest.fixture
def e5(tmp_path, small_bert):
    """As E5 is published, with its prompts declared."""
    return write_checkpoint(tmp_path / "e5", small_bert, config=E5)


def loaded(folder):
    weights = find_weights(MODELS["bert"], "custom", str(folder))
    return weights, *loading.load(MODELS["bert"], "custom", weights)


def ours(folder, texts=TEXTS, prompt="", options=RETRIEVAL.options):
    weights, model, tokenizer = loaded(folder)
    by = vectors_of(weights, "embedding", options)
    if by.lower:
        lower_case(tokenizer)
    return embed(model, tokenizer, [prompt + text for text in texts], LENGTH, "fp32", by=by)[0]


def theirs(folder, **options):
    model = SentenceTransformer(str(folder), device="cpu")
    return model.encode(TEXTS, show_progress_bar=False, **options)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_folder_like_bge(bge):
    assert np.allclose(ours(bge), theirs(bge), atol=1e-5)
    assert not np.allclose(ours(bge), ours(bge, options=RETRIEVAL.options | {"pooling": "mean"}), atol=1e-2)


def test_a_folder_like_e5(e5):
    by = vectors_of(loaded(e5)[0], "embedding", RETRIEVAL.options)
    assert (by.query_prompt, by.document_prompt) == ("query: ", "passage: ")
    for name, prompt in (("query", by.query_prompt), ("passage", by.document_prompt)):
        assert np.allclose(ours(e5, prompt=prompt), theirs(e5, prompt_name=name), atol=1e-5)


NEW_STYLE = [{"pooling_mode": mode} for mode in POOLINGS] + [{"pooling_mode": ["cls", "mean"]}]
OLD_STYLE = [
    {f"pooling_mode_{name}": name in chosen for name in OLD_NAMES}
    for chosen in [*([one] for one in OLD_NAMES), OLD_NAMES]
]


@pytest.mark.parametrize("pooling", [*NEW_STYLE, *OLD_STYLE, {"pooling_mode_cls_token": False}], ids=str)
def test_every_pooling_is_that_of_sentence_transformers(tmp_path, small_bert, pooling):
    folder = write_checkpoint(tmp_path / "model", small_bert, pooling=pooling)
    assert np.allclose(ours(folder), theirs(folder), atol=1e-5)


@pytest.mark.parametrize("pooling", [*POOLINGS, "cls+mean"])
def test_the_option_decides_against_the_checkpoint(bge, tmp_path, small_bert, pooling):
    asked = write_checkpoint(tmp_path / "asked", small_bert, pooling={"pooling_mode": pooling.split("+")})
    assert np.allclose(ours(bge, options=RETRIEVAL.options | {"pooling": pooling}), theirs(asked), atol=1e-5)


def test_every_combination_of_old_keys_is_read_as_sentence_transformers_reads_it(tmp_path, small_bert):
    folder = write_checkpoint(tmp_path / "model", small_bert)
    weights = loaded(folder)[0]
    for values in product([False, True], repeat=len(OLD_NAMES)):
        config = {"word_embedding_dimension": 32} | {
            f"pooling_mode_{n}": v for n, v in zip(OLD_NAMES, values, strict=True)
        }
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
        want = Pooling.load(str(folder), subfolder="1_Pooling").pooling_mode
        assert declared(weights).pooling == ((want,) if isinstance(want, str) else want)


def test_a_folder_that_this_version_of_sentence_transformers_saved(bge, tmp_path):
    model = SentenceTransformer(str(bge), device="cpu", prompts=E5["prompts"], default_prompt_name="query")
    model.save_pretrained(str(tmp_path / "saved"))
    by = vectors_of(loaded(tmp_path / "saved")[0], "embedding", RETRIEVAL.options)
    assert (by.pooling, by.query_prompt, by.document_prompt, by.unit) == (("cls",), "query: ", "passage: ", True)
    assert np.allclose(ours(tmp_path / "saved"), theirs(tmp_path / "saved", prompt=""), atol=1e-5)


def test_inner_products_where_the_checkpoint_declares_them(tmp_path, small_bert):
    dot = {"similarity_fn_name": "dot"}
    folder = write_checkpoint(tmp_path / "dot", small_bert, ("Pooling",), config=dot)
    assert np.allclose(ours(folder), theirs(folder), atol=1e-5)
    assert not np.allclose(np.linalg.norm(ours(folder), axis=1), 1, atol=1e-2)
    for name, modules, config in (("scaled", ("Pooling", "Normalize"), dot), ("cosine", ("Pooling",), None)):
        folder = write_checkpoint(tmp_path / name, small_bert, modules, config=config)
        assert np.allclose(ours(folder), unit(theirs(folder)), atol=1e-5)


def test_lower_case_where_the_checkpoint_declares_it(tmp_path, small_bert):
    folder = write_checkpoint(tmp_path / "lower", small_bert, transformer={"do_lower_case": True})
    assert np.allclose(ours(folder), theirs(folder), atol=1e-5)
    assert not np.allclose(ours(folder), ours(small_bert), atol=1e-3)


PROMPTS = [
    ({"query": "Q", "document": "D", "passage": "P"}, None, "Q", "D"),
    ({"query": "Q", "document": "", "passage": "P"}, None, "Q", "P"),
    ({"query": "Q", "corpus": "C"}, "query", "Q", "C"),
    ({"query": "Q"}, None, "Q", ""),
    ({"query": "Q"}, "query", "Q", "Q"),
    ({"query": "", "document": "", "all": "A"}, "all", "", ""),
    ({"all": "A"}, "all", "A", "A"),
    ({"query": None}, "document", "", ""),
    ({}, None, "", ""),
]


@pytest.mark.parametrize(("prompts", "default", "query", "document"), PROMPTS)
def test_which_prompt_goes_where(tmp_path, small_bert, prompts, default, query, document):
    config = {"prompts": prompts, "default_prompt_name": default}
    weights = loaded(write_checkpoint(tmp_path / "model", small_bert, config=config))[0]
    by = vectors_of(weights, "embedding", RETRIEVAL.options)
    assert (by.query_prompt, by.document_prompt) == (query, document)
    mine = vectors_of(weights, "embedding", RETRIEVAL.options | {"query_prefix": "mine "})
    assert (mine.query_prompt, mine.document_prompt) == ("", document)
    assert vectors_of(weights, "embedding", RETRIEVAL.options | {"prompts": "none"}).identity == PLAIN.identity


UNSUPPORTED = [
    ({"modules": ("Pooling", "Dense")}, "declares the module sentence_transformers.models.Dense"),
    ({"modules": ("Pooling", "custom.Normalize")}, "declares the module custom.Normalize"),
    ({"modules": ()}, "declares modules without a Pooling"),
    ({"config": {"similarity_fn_name": "manhattan"}}, "declares the similarity manhattan"),
    ({"pooling": {"include_prompt": False}, "config": E5}, "declares that prompts are left out of the pooling"),
]


@pytest.mark.parametrize(("files", "message"), UNSUPPORTED)
def test_what_cannot_be_followed_is_refused_by_name_unless_a_pooling_is_chosen(
    tmp_path, small_bert, world, files, message
):
    folder = write_checkpoint(tmp_path / "model", small_bert, **files)
    with pytest.raises(UnsuitedError, match=f"{message}.*, which is not supported; --task-option pooling=mean scores"):
        cell_of(folder, world)
    with pytest.raises(UnsuitedError, match=f"{message}.*, which is not supported$"):
        plan(Request("bert", "mteb/SciFact", str(folder)))
    assert "pooling" in dict(cell_of(folder, world, pooling="mean").cell.task_options)
    assert plan(Request("bert", "classification", str(folder))).cell.weights_identity == loaded(folder)[0].identity


MALFORMED = [
    ("modules.json", "{", "modules.json of .* cannot be read as JSON"),
    ("modules.json", "[" * 100_000, "modules.json of .* cannot be read as JSON"),
    ("modules.json", "{}", "modules.json of .* holds no JSON list"),
    ("modules.json", '[{"type": 3}]', "modules.json of .* does not list modules by type and path"),
    ("modules.json", "\ud800", "modules.json of .* cannot be read as JSON"),
    ("1_Pooling/config.json", '{"pooling_mode": "best"}', "has the pooling_mode"),
    ("1_Pooling/config.json", '{"pooling_mode": [3]}', "has the pooling_mode"),
    ("1_Pooling/config.json", "[]", "1_Pooling/config.json of .* holds no JSON object"),
    ("config_sentence_transformers.json", '{"prompts": {"query": 3}}', "has prompts that are not texts"),
    (
        "config_sentence_transformers.json",
        '{"default_prompt_name": "q"}',
        "has the default_prompt_name 'q', but no such",
    ),
    ("config_sentence_transformers.json", '{"default_prompt_name": ["q"]}', "has the default_prompt_name"),
]


@pytest.mark.parametrize(("file", "content", "message"), MALFORMED)
def test_malformed_declarations_are_named(bge, world, file, content, message):
    (bge / file).write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match=message):
        cell_of(bge, world)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A collection to search, with queries to train on."""
    root = tmp_path_factory.mktemp("world")
    folder = root / "retrieval" / "trains"
    (folder / "qrels").mkdir(parents=True)
    words = "river house train city old very near walked said then".split()  # noqa: SIM905
    documents = [{"_id": f"d{n}", "text": f"the {words[n % 10]} met {words[n // 10]} {n}"} for n in range(60)]
    queries = [{"_id": f"q{n}", "text": f"{words[n // 10]} and {words[n % 10]}"} for n in range(60)]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    for split, numbers in (("train", range(40)), ("dev", range(40, 50)), ("test", range(50, 60))):
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(f"q{n}\td{n}\t1" for n in numbers))
    return root


def cell_of(folder, world, recipe=None, **options):
    recipe = {"epochs": 0, "precision": "fp32", "max_length": LENGTH} | (recipe or {})
    return plan(
        Request("bert", "retrieval/trains", str(folder), data_dir=str(world), recipe=recipe, task_options=options)
    )


def done(planned):
    return run(planned)


def test_a_run_scores_what_sentence_transformers_embeds(tmp_path, small_bert, world):
    folder = write_checkpoint(
        tmp_path / "model", small_bert, pooling=CLS, config=E5, transformer={"max_seq_length": 32}
    )
    found = done(cell_of(folder, world))
    model = SentenceTransformer(str(folder), device="cpu")
    model.max_seq_length = LENGTH
    data = RETRIEVAL.load("trains", str(world))
    documents = model.encode([one.content for one in data.documents.values()], prompt_name="passage")
    queries = model.encode([query.text for query in data.splits["test"]], prompt_name="query")
    scores = dict(zip((query.id for query in data.splits["test"]), queries @ documents.T, strict=True))
    places = {name: place for place, name in enumerate(data.documents)}
    for row in (row for row in found.predictions if row["split"] == "test"):
        assert [score for _, score in row["predicted"]] == pytest.approx(sorted(scores[row["id"]])[::-1][:10], abs=1e-5)
        assert [score for _, score in row["predicted"]] == pytest.approx(
            [scores[row["id"]][places[name]] for name, _ in row["predicted"]], abs=1e-5
        )
    notes = " | ".join(found.record["task"]["notes"])
    assert "texts are pooled by cls, as the checkpoint declares" in notes
    assert "the checkpoint's prompts: 'query: ' before queries, 'passage: ' before documents" in notes
    assert "texts are cut at 24 tokens (--max-length); the checkpoint declares 32" in notes


def test_training_pools_as_declared_and_prompts_as_declared(bge, small_bert, tmp_path, world):
    plain = write_checkpoint(tmp_path / "plain", small_bert)
    recipe = {"epochs": 1, "batch_size": 8, "max_length": LENGTH, "learning_rate": 1e-3}
    prefixes = {"query_prefix": "query: ", "document_prefix": "passage: "}
    e5 = write_checkpoint(tmp_path / "e5", small_bert, config=E5)
    by_cls, asked, by_mean = (
        done(cell_of(folder, world, recipe, **options))
        for folder, options in ((bge, {}), (plain, {"pooling": "cls"}), (plain, {}))
    )
    assert by_cls.record["losses"] == asked.record["losses"] != by_mean.record["losses"]
    assert by_cls.predictions == asked.predictions
    prompted, prefixed = done(cell_of(e5, world, recipe)), done(cell_of(plain, world, recipe, **prefixes))
    assert prompted.record["losses"] == prefixed.record["losses"] != by_mean.record["losses"]
    assert prompted.predictions == prefixed.predictions


def test_mteb_gets_the_declared_vectors(tmp_path, small_bert):
    from harness.pipelines.mteb import MtebEncoder

    folder = write_checkpoint(
        tmp_path / "model",
        small_bert,
        ("Pooling",),
        CLS,
        {**E5, "default_prompt_name": "query", "similarity_fn_name": "dot"},
    )
    weights, model, tokenizer = loaded(folder)
    encoder = MtebEncoder(model, tokenizer, LENGTH, "fp32", by=vectors_of(weights, "mteb", {}))
    batches = [{"text": TEXTS[:2]}, {"text": TEXTS[2:]}]
    for kind, name in (("query", "query"), ("document", "passage"), (None, None)):
        assert np.allclose(encoder.encode(batches, prompt_type=kind), theirs(folder, prompt_name=name), atol=1e-5)
    vectors = theirs(folder)
    assert np.allclose(encoder.similarity(vectors, vectors), vectors @ vectors.T, atol=1e-3)


def test_keys_follow_what_the_checkpoint_declares_and_only_that(bge, e5, small_bert, tmp_path, world):
    plain = cell_of(small_bert, world).cell
    mean = cell_of(write_checkpoint(tmp_path / "mean", small_bert), world).cell
    assert mean.key == plain.key  # both have always been scored by the mean
    assert plain.weights_identity == loaded(small_bert)[0].identity
    cells = [
        plain,
        cell_of(bge, world).cell,
        cell_of(e5, world).cell,
        cell_of(bge, world, pooling="mean").cell,
        cell_of(e5, world, query_prefix="q ").cell,
        cell_of(small_bert, world, pooling="cls").cell,
        cell_of(
            write_checkpoint(tmp_path / "dot", small_bert, ("Pooling",), config={"similarity_fn_name": "dot"}), world
        ).cell,
    ]
    assert len({cell.key for cell in cells}) == len(cells)
    # Only the digest of the weights themselves can be looked up elsewhere.
    assert all(cell.weights_identity.split()[0] == plain.weights_identity for cell in cells)
    label = plan(Request("bert", "classification", str(bge))).cell
    assert label.weights_identity == plain.weights_identity


def test_the_command_of_a_record_repeats_the_cell(bge, world):
    for options in ({}, {"pooling": "max", "prompts": "none"}):
        planned = cell_of(bge, world, **options)
        assert plan(planned.resolved).cell.key == planned.cell.key


def test_an_unknown_value_of_an_option_is_refused():
    for value, message in (
        ("clss", "no pooling 'clss'; did you mean 'cls'"),
        ("", "no pooling ''"),
        ("cls+", "no pooling ''"),
    ):
        with pytest.raises(InputError, match=message):
            RETRIEVAL.configured({"pooling": value})
    with pytest.raises(InputError, match="prompts is one of declared, none, not 'some'"):
        RETRIEVAL.configured({"prompts": "some"})


def test_a_declaration_that_cannot_be_read_is_refused_unless_nothing_of_it_is_used(monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    def raising(error):
        def download(*arguments, **options):
            raise error

        monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)

    weights = Weights("hub", "owner/name", "abc", "owner/name@abc")
    chosen = RETRIEVAL.options | {"pooling": "mean", "prompts": "none"}
    raising(LocalEntryNotFoundError("offline"))
    for options in (RETRIEVAL.options, RETRIEVAL.options | {"pooling": "mean"}):
        with pytest.raises(InputError, match=r"declares could not be read from the hub; .*pooling=mean .*prompts=none"):
            vectors_of(weights, "embedding", options)
    with pytest.raises(InputError, match="owner/name declares could not be read from the hub; go online") as raised:
        vectors_of(weights, "mteb", {})
    assert "--task-option" not in str(raised.value)
    assert any("the hub could not be asked" in note for note in vectors_of(weights, "embedding", chosen).notes(64))
    raising(EntryNotFoundError("there is no such file"))
    by = vectors_of(weights, "embedding", RETRIEVAL.options)
    assert by.identity == ""
    assert not by.notes(64)


def test_a_checkpoint_on_the_hub_is_read_as_one_in_a_folder(monkeypatch, bge):
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    def download(repository, name, revision):
        assert (repository, revision) == ("owner/name", "abc")
        if not (bge / name).is_file():
            raise EntryNotFoundError(name)
        return str(bge / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    weights = Weights("hub", "owner/name", "abc", "owner/name@abc")
    assert vectors_of(weights, "embedding", RETRIEVAL.options).pooling == ("cls",)
