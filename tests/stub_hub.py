"""A hub in this process: a folder ``OWNER/NAME`` is a repository with one commit, served as the Hugging Face hub serves it."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

COMMIT = "0123456789" * 4


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The address of a hub with the repositories in a folder."""

    def handler(*arguments):
        return _Handler(root, *arguments)

    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def card(**configs: Mapping[str, str]) -> str:
    """A dataset card that declares configurations: the file of each split."""
    lines = ["---", "configs:"]
    for name, files in configs.items():
        lines += [f"- config_name: {name}", "  data_files:"]
        for split, path in files.items():
            lines += [f"  - split: {split}", f"    path: {path}"]
    return "\n".join([*lines, "---", ""])


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, root: Path, *arguments: object) -> None:
        self.root = root
        super().__init__(*arguments)

    def log_message(self, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        match unquote(urlparse(self.path).path).strip("/").split("/"):
            case ["api", "datasets", owner, name, *rest]:
                self._about(self.root / owner / name, rest)
            case ["datasets", owner, name, "resolve", _, *path]:
                self._file(self.root / owner / name / "/".join(path))
            case _:
                self._missing("EntryNotFound")

    def do_POST(self) -> None:
        parts = unquote(urlparse(self.path).path).strip("/").split("/")
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        paths = json.loads(body)["paths"] if body.startswith("{") else parse_qs(body)["paths"]
        repository = self.root / parts[2] / parts[3]
        self._json([_entry(repository, repository / path) for path in paths if (repository / path).exists()])

    def _about(self, repository: Path, rest: list[str]) -> None:
        if not repository.is_dir():
            return self._missing("RepoNotFound")
        if len(rest) > 1 and rest[1] not in ("main", COMMIT):
            return self._missing("RevisionNotFound")
        if rest[:1] != ["tree"]:
            return self._json({"id": "/".join(repository.parts[-2:]), "sha": COMMIT, "siblings": [], "tags": []})
        folder = repository / "/".join(rest[2:])
        if not folder.is_dir():
            return self._missing("EntryNotFound")
        return self._json([_entry(repository, path) for path in sorted(folder.iterdir())])

    def _file(self, file: Path) -> None:
        if file.is_file():
            content = file.read_bytes()
            self._send(200, content, ETag=f'"{hashlib.sha1(content).hexdigest()}"')
        else:
            self._missing("EntryNotFound")

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), Content_Type="application/json")

    def _missing(self, code: str) -> None:
        self._send(404, b"{}", X_Error_Code=code, Content_Type="application/json")

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "X_Repo_Commit": COMMIT, "Content_Length": str(len(content))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _entry(repository: Path, path: Path) -> dict[str, object]:
    name = path.relative_to(repository).as_posix()
    if path.is_dir():
        return {"type": "directory", "oid": "0" * 40, "size": 0, "path": name}
    content = path.read_bytes()
    return {"type": "file", "oid": hashlib.sha1(content).hexdigest(), "size": len(content), "path": name}
