"""YAML whose keys remember their lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sparkbird.errors import ConfigError

#: Where a value stands in a document: keys and positions from the top down.
Place = tuple[Any, ...]


@dataclass(frozen=True)
class Document:
    """What a YAML file says, and on which line, counted from 1, each of its keys stands.

    `sources` are the files of keys that other files brought.
    """

    source: str
    content: Any
    lines: dict[Place, int] = field(default_factory=dict)
    sources: dict[Place, str] = field(default_factory=dict)

    def at(self, path: Place) -> str:
        """``file:line`` of the key at `path`, or of the nearest key above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.sources.get(path, self.source)}:{self.lines.get(path, 1)}"


def read(path: str | Path) -> Document:
    """The document in the file `path`.

    Raises
    ------
    ConfigError
        There is no such file, or it is not YAML.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise ConfigError(
            f"cannot read the configuration {path}: {reason}",
            "give the path of a YAML file; paths are relative to the current directory.",
        ) from error
    return parse(text, source=str(path))


def parse(text: str, *, source: str) -> Document:
    """The document that `text` is; `source` is its name in messages.

    Raises
    ------
    ConfigError
        `text` is not YAML, or says a key twice.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        document = Document(source, None)
        content = None if node is None else _content(loader, node, (), document)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(
            f"{source}:{line}: not YAML: {error.problem}", "check quotes, colons and indentation."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}:1: not YAML: {error}", "save it as text.") from error
    finally:
        loader.dispose()
    return Document(source, content, document.lines)


def _content(loader: yaml.SafeLoader, node: yaml.Node, path: Place, document: Document) -> Any:
    """The value of `node`, the lines of its keys noted in `document`."""
    document.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_content(loader, n, (*path, i), document) for i, n in enumerate(node.value)]
    return loader.construct_object(node, deep=True)


def _mapping(
    loader: yaml.SafeLoader, node: yaml.MappingNode, path: Place, document: Document
) -> dict[Any, Any]:
    mapping = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key_node)
        line = key_node.start_mark.line + 1
        if key in mapping:
            raise ConfigError(
                f"{document.source}:{line}: {key!r} is said twice, first on line "
                f"{document.lines[(*path, key)]}",
                "keep one of them.",
            )
        document.lines[(*path, key)] = line
        mapping[key] = _content(loader, value_node, (*path, key), document)
    return mapping
