"""The embedded collection: what a document is, and that splits share nothing but the pool."""

import pytest

from tasks.sources.docstrings.parse import Docstring
from tasks.sources.docstrings.retrieval import MASK, masked_source


def test_a_docstring_and_the_own_name_are_not_in_the_source():
    code = '''
    @cached
    def walk(tree, depth=0):
        """Walk a tree.

        walk(tree) says more.
        """
        for child in tree.children:
            walk(child, depth + 1)
        return sidewalk(tree)
    '''
    expected = """@cached
def _(tree, depth=0):
    for child in tree.children:
        _(child, depth + 1)
    return sidewalk(tree)"""
    assert masked_source(code) == expected
    assert MASK == "_"


@pytest.mark.parametrize(
    "code", ['def f():\n    """Nothing else."""\n', "class C:\n    pass\n", "def f(:\n", "", "x = 1\n"]
)
def test_what_is_no_function_with_a_body_is_no_document(code):
    assert masked_source(code) is None


def test_async_functions_count():
    assert masked_source("async def f():\n    return await f()\n") == "async def _():\n    return await _()"


def test_splits_share_no_text_and_every_query_has_one_document(monkeypatch):
    import tasks.sources.docstrings.retrieval as module
    from tasks.sources.docstrings.packages import PackageDocuments

    sources = {
        "a.py": "def alpha(x):\n    y = x + 1\n    return y\n",
        "b.py": "def beta(x):\n    y = x + 2\n    return y\n",
        "copy.py": "def alpha(x):\n    y = x + 1\n    return y\n",
    }
    monkeypatch.setattr(module, "source", lambda docstring: sources[docstring.path])
    monkeypatch.setattr(module, "SIZES", {"train": 8, "dev": 8, "test": 8})

    def package(name, split, path, summary):
        function = path[:-3] if path != "copy.py" else "alpha"
        docstring = Docstring(name, name, function, "function", ("x",), summary, path, 1, 3)
        return PackageDocuments(name, split, (docstring,), {})

    found = {
        "one": package("one", "train", "copy.py", "Add one to a number."),
        "two": package("two", "dev", "b.py", "Add two to a number."),
        "three": package("three", "test", "a.py", "Count a number up by one."),
    }
    built = module.build(found, lambda done, total: None)
    assert [len(built[split]) for split in ("train", "dev", "test")] == [0, 1, 1]  # the copied source stays in test
    assert built["test"][0].summary == "Count a number up by one."
