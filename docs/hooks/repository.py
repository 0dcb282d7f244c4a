"""Lets pages link to files outside of docs/ as they would on a code host: the site gets copies of these under ``repository/``.

A copied page may link to further files, and back into docs/.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)\s]*)?\))")
_COPIES = "repository/"


def _in_repository(src_uri: str) -> str:
    """Where a file of the site is, from the root of the repository."""
    return src_uri.removeprefix(_COPIES) if src_uri.startswith(_COPIES) else f"docs/{src_uri}"


def _on_site(path: str) -> str:
    """Where a file of the repository is on the site."""
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{_COPIES}{path}"


def _target(page: str, link: str) -> str:
    """Where a link of a page of the repository leads to, from the root."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), link))


def on_files(files: Files, config: Any) -> Files:
    """Called by MkDocs once: adds the linked files, and those that they link to."""
    root, copied = Path(config.docs_dir).parent, set[str]()
    pages = [(_in_repository(page.src_uri), page.content_string) for page in files.documentation_pages()]
    while pages:
        page, text = pages.pop()
        for found in _LINK.finditer(text):
            path = _target(page, found[2])
            # A missing file is a broken link, which ends the build.
            if path.startswith("docs/") or path in copied or not (root / path).is_file():
                continue
            copied.add(path)
            if path.endswith(".md"):
                pages.append((path, (root / path).read_text(encoding="utf-8")))
    for path in sorted(copied):
        files.append(File.generated(config, _on_site(path), abs_src_path=str(root / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by MkDocs for every page: leads links out of docs/, and out of copies, to where the files are on the site."""
    here = _in_repository(page.file.src_uri)

    def link(found: re.Match[str]) -> str:
        path = _target(here, found[2])
        if here.startswith("docs/") and path.startswith("docs/"):
            return found[0]
        return found[1] + posixpath.relpath(_on_site(path), posixpath.dirname(page.file.src_uri)) + found[3]

    return _LINK.sub(link, markdown)
