"""The saved form of a compiled model: one ONNX file that says what it is and whether it is whole.

The metadata of the model holds its schema, its versions and the remarks of the compiler. Its
last entry is the digest of all bytes before it: protobuf reads a message followed by another
as one, so the entry is appended, and checked, without reading the rest.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sparkbird import wire
from sparkbird.errors import ArtifactError
from sparkbird.schema import Schema

DIGEST = "sparkbird.digest"
SCHEMA = "sparkbird.schema"
VERSIONS = "sparkbird.versions"
REMARKS = "sparkbird.remarks"

#: The number of ModelProto.metadata_props; its entries have a key, 1, and a value, 2.
_METADATA = 14

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


def metadata(artifact: bytes) -> dict[str, str]:
    """What an artefact says of itself, read without onnx."""
    entries = (f.content for f in wire.fields(artifact) if f.number == _METADATA)
    return {key: value for (key,), (value,) in map(_key_and_value, entries)}


def schema(artifact: bytes) -> Schema:
    """What the model in an artefact takes and gives."""
    return Schema.from_json(metadata(artifact)[SCHEMA])


def _entry(value: str) -> bytes:
    """A last entry of the metadata: the digest."""
    entry = wire.delimited(1, DIGEST.encode()) + wire.delimited(2, value.encode("latin-1"))
    return wire.delimited(_METADATA, entry)


def _key_and_value(entry: memoryview) -> tuple[list[str], list[str]]:
    return wire.texts(entry, 1), wire.texts(entry, 2) or [""]
