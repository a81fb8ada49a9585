"""The saved form of a compiled model: one ONNX file that says what it is and whether it is whole.

The metadata of the model holds its schema, its versions and the remarks of the compiler. Its
last entry is the digest of all bytes before it: protobuf reads a message followed by another
as one, so the entry is appended, and checked, without reading the rest.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sparkbird.errors import ArtifactError

DIGEST = "sparkbird.digest"
SCHEMA = "sparkbird.schema"
VERSIONS = "sparkbird.versions"
REMARKS = "sparkbird.remarks"

_HEX = 64  # letters of a SHA-256 digest


def sealed(model: bytes) -> bytes:
    """`model`, a serialised ModelProto, with its digest as the last entry of its metadata."""
    return model + _entry(hashlib.sha256(model).hexdigest())


def digest(artifact: bytes, *, source: str = "the model") -> str:
    """The digest of an artefact, checked against its content.

    Raises
    ------
    ArtifactError
        The bytes are not an artefact of sparkbird, or not all of one.
    """
    length = len(_entry("0" * _HEX))
    body, tail = artifact[:-length], artifact[-length:]
    claimed = tail[-_HEX:].decode("latin-1")
    if tail != _entry(claimed):
        raise ArtifactError(
            f"{source} is not a whole model saved by sparkbird",
            "it was cut short, or another program wrote it; save it again with CompiledModel.save.",
        )
    if hashlib.sha256(body).hexdigest() != claimed:
        raise ArtifactError(f"{source} is damaged: its digest does not match", "save it again.")
    return claimed


def read(path: str | Path) -> bytes:
    """The bytes of the artefact at `path`, checked.

    Raises
    ------
    ArtifactError
        There is no such file, or it is not a whole artefact.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"cannot read {path}: {error.strerror}", "give the path of a saved model."
        ) from error
    digest(content, source=str(path))
    return content


def _entry(value: str) -> bytes:
    """ModelProto.metadata_props (field 14) with one StringStringEntryProto, in wire format."""
    entry = b"\x0a" + _sized(DIGEST.encode()) + b"\x12" + _sized(value.encode("latin-1"))
    return b"\x72" + _sized(entry)


def _sized(content: bytes) -> bytes:
    assert len(content) < 128, "a longer length takes two bytes"
    return bytes([len(content)]) + content
