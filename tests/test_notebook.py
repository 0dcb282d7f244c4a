"""The notebook of the docs runs from top to bottom."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"


@pytest.mark.slow
def test_the_notebook_runs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=600, kernel_name="python3")
    client.execute(cwd=NOTEBOOK.parent, env=os.environ | {"PYTHONPATH": str(NOTEBOOK.parents[1])})
    shown = [output["data"] for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    assert any("avey-b" in data.get("text/html", "") and "macro_f1" in data["text/html"] for data in shown)
    assert any("image/png" in data for data in shown)
    # Progress is text on stderr, not HTML among the results.
    assert not any("<pre" in data.get("text/html", "") for data in shown)
    streams = [
        output for cell in notebook.cells for output in cell.get("outputs", ()) if output.output_type == "stream"
    ]
    assert {output.name for output in streams} == {"stderr"}
    assert "avey-b on classification/colours" in "".join(output.text for output in streams)
