"""The file of a record: JSON that ends with a digest of itself, so that any change is noticed when it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from harness.errors import InputError
from harness.json_file import JsonError, parse_json
from harness.store.completeness import IncompleteError, check_complete
from harness.store.record import SCHEMA_VERSION, Record

RECORD = "run.json"

_PREDICTIONS_DIGEST = "predictions_sha256"
_SEAL = b',\n "sha256": "'
_OF_THIS_SCHEMA = f'\n "schema_version": {SCHEMA_VERSION},'.encode()
_FINISHED = b'\n "status": "ok"'
"""Only the record's own keys follow a newline and one blank: newlines in texts are escaped."""


class DamagedError(Exception):
    """A file that is not a complete record of this schema; the message completes a sentence that begins with the file."""


class NewerError(DamagedError):
    """A record that a newer harness wrote."""


@dataclass(frozen=True)
class Sealed:
    """A record from its file, with the sha256 (hex) of its predictions if it has any."""

    record: Record
    predictions_sha256: str | None


def sealed(record: Record, predictions_sha256: str | None) -> bytes:
    """The content of a record's file: its JSON, and at the end the sha256 of everything before it."""
    content = {**record, **({_PREDICTIONS_DIGEST: predictions_sha256} if predictions_sha256 else {})}
    body = encoded(json.dumps(content, ensure_ascii=False, indent=1)).removesuffix(b"\n}")
    return body + _SEAL + hashlib.sha256(body).hexdigest().encode() + b'"\n}\n'


def encoded(text: str) -> bytes:
    r"""JSON as UTF-8; half a surrogate pair, which has no bytes in UTF-8, becomes its JSON escape, such as ``\udc80``."""
    return text.encode("utf-8", "backslashreplace")


def read_sealed(file: Path) -> Sealed:
    """The record in a file.

    Raises:
        DamagedError: the file cannot be read, is cut off, changed since it was written, of another schema, or lacks a key that
            readers rely on; `NewerError` if the schema is newer.
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
        raise DamagedError("is not a record: it holds no JSON object")
    if _is_sealed(content) is False:
        raise DamagedError("was changed since it was written: its digest does not match")
    version = record.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise NewerError(f"is of a newer harness: schema {version}, and this one reads {SCHEMA_VERSION}")
    if version != SCHEMA_VERSION:
        raise DamagedError(f"is not a record of schema {SCHEMA_VERSION}")
    try:
        check_complete(record)
    except IncompleteError as error:
        raise DamagedError(str(error)) from error
    record.pop("sha256", None)
    digest = record.pop(_PREDICTIONS_DIGEST, None)
    return Sealed(cast(Record, record), digest)


def read_record(file: Path) -> Record | None:
    """The record in a file, or ``None`` if it is missing, incomplete, or of another schema."""
    try:
        return read_sealed(file).record
    except DamagedError:
        return None


def read_replaceable(file: Path) -> Record | None:
    """The record in a file that this harness may write, or ``None`` if it is missing, incomplete, or of an older schema.

    Raises:
        InputError: a newer harness wrote it; this one cannot read the result and would run and replace it.
    """
    try:
        return read_sealed(file).record
    except NewerError as error:
        raise InputError(f"{file} {error}; update the harness, or choose another folder with --out") from error
    except DamagedError:
        return None


def is_finished(file: Path) -> bool:
    """Whether the file holds the complete record of a finished run, without parsing it if its digest matches.

    Raises:
        InputError: a newer harness wrote it.
    """
    try:
        content = file.read_bytes()
    except OSError:
        return False
    if _OF_THIS_SCHEMA in content and _is_sealed(content):
        return _FINISHED in content
    record = read_replaceable(file)
    return record is not None and record["status"] == "ok"


def sha256(pieces: Iterable[bytes]) -> str:
    """sha256 (hex) of bytes in pieces."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _is_sealed(content: bytes) -> bool | None:
    """Whether a record's digest matches; ``None`` if it has none, as in records that people wrote."""
    body, seal, digest = content.rpartition(_SEAL)
    return digest == hashlib.sha256(body).hexdigest().encode() + b'"\n}\n' if seal else None
