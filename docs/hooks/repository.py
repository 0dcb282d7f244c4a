"""Lets pages link to files outside of docs/ as they would on a code host: the site gets copies of these under ``repository/``."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_LINK = re.compile(r"(\]\()((?:\.\./)+[^)#\s]+)(\))")


def _outside(src_uri: str, link: str) -> str | None:
    """Where a link of a page leads to, from the root of the repository; ``None`` where it stays within docs/."""
    target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(src_uri), link))
    return None if target.startswith("docs/") else target


def on_files(files: Files, config: Any) -> Files:
    """Called by MkDocs once: adds the linked files."""
    root, targets = Path(config.docs_dir).parent, set[str]()
    for page in files.documentation_pages():
        links = (found[2] for found in _LINK.finditer(page.content_string))
        targets |= {target for link in links if (target := _outside(page.src_uri, link))}
    for target in sorted(targets):
        if (root / target).is_file():  # a missing one is a broken link, which ends the build
            files.append(File.generated(config, f"repository/{target}", abs_src_path=str(root / target)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by MkDocs for every page: leads these links to the copies."""

    def link(found: re.Match[str]) -> str:
        target = _outside(page.file.src_uri, found[2])
        if target is None:
            return found[0]
        return found[1] + posixpath.relpath(f"repository/{target}", posixpath.dirname(page.file.src_uri)) + found[3]

    return _LINK.sub(link, markdown)
