"""The file of a record: JSON that ends in a digest of itself, so that whatever happened to it is seen when it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from harness.json_file import JsonError, parse_json
from harness.store.record import SCHEMA_VERSION, Record

RECORD = "run.json"

_REQUIRED = {
    "run": {"key", "status", "model", "task", "scores"},
    "failure": {"key", "status", "error", "model", "task", "command"},
    "bench": {"key", "status", "model", "point"},
    "pretraining": {"key", "status", "model", "task", "recipe", "scores", "curve"},
    "imported": {"key", "status", "protocol", "model", "task", "scores", "source"},
}
_PREDICTIONS_DIGEST = "predictions_sha256"
_SEAL = b',\n "sha256": "'
_FINISHED = b'\n "status": "ok"'
"""Only a key of the record itself stands after a newline and one blank: a newline inside of a text is escaped."""


class DamagedError(Exception):
    """A file that is no whole record of this schema; the message ends the sentence "FILE ..."."""


@dataclass(frozen=True)
class Sealed:
    """A record as its file has it, with the sha256 (hex) of its predictions where it has some."""

    record: Record
    predictions_sha256: str | None


def sealed(record: Record, predictions_sha256: str | None) -> bytes:
    """The content of a record's file: its JSON, and last the sha256 of all that stands before."""
    content = {**record, **({_PREDICTIONS_DIGEST: predictions_sha256} if predictions_sha256 else {})}
    body = encoded(json.dumps(content, ensure_ascii=False, indent=1)).removesuffix(b"\n}")
    return body + _SEAL + hashlib.sha256(body).hexdigest().encode() + b'"\n}\n'


def encoded(text: str) -> bytes:
    r"""JSON as UTF-8; half a surrogate pair, which UTF-8 has no bytes for, becomes ``\udc80``, which is JSON for it."""
    return text.encode("utf-8", "backslashreplace")


def read_sealed(file: Path) -> Sealed:
    """The record in a file.

    Raises:
        DamagedError: the file cannot be read, is cut off, changed since it was written, or of another schema.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DamagedError(f"cannot be read ({error.strerror})") from error
    try:
        record = parse_json(content)
    except JsonError as error:
        raise DamagedError(f"is cut off or damaged: it {error}") from error
    if not isinstance(record, dict):
        raise DamagedError("is no record: it holds no JSON object")
    if _is_sealed(content) is False:
        raise DamagedError("was changed since it was written: its digest does not fit")
    version = record.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DamagedError(f"is of a newer harness: schema {version}, and this one reads {SCHEMA_VERSION}")
    if version != SCHEMA_VERSION:
        raise DamagedError(f"is no record of schema {SCHEMA_VERSION}")
    required = _REQUIRED.get(str(record.get("kind", "run")))
    if required is None or not required <= record.keys():
        raise DamagedError("lacks what a record holds" if required else f"is of an unknown kind, {record['kind']!r}")
    record.pop("sha256", None)
    digest = record.pop(_PREDICTIONS_DIGEST, None)
    return Sealed(cast(Record, record), digest)


def read_record(file: Path) -> Record | None:
    """The record in a file, or ``None`` where it is missing, not whole, or of another schema."""
    try:
        return read_sealed(file).record
    except DamagedError:
        return None


def is_finished(file: Path) -> bool:
    """Whether the file holds a whole record of a run that ended well, without reading more of it than that takes."""
    try:
        content = file.read_bytes()
    except OSError:
        return False
    if _is_sealed(content):
        return _FINISHED in content
    record = read_record(file)
    return record is not None and record["status"] == "ok"


def sha256(pieces: Iterable[bytes]) -> str:
    """sha256 (hex) of bytes in pieces."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _is_sealed(content: bytes) -> bool | None:
    """Whether a record's digest fits; ``None`` where it has none, as records that people wrote."""
    body, seal, digest = content.rpartition(_SEAL)
    return digest == hashlib.sha256(body).hexdigest().encode() + b'"\n}\n' if seal else None
