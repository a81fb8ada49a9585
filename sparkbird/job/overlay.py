"""Configurations of several files: a base, what an environment says otherwise, and assignments.

Values of environment variables, ``${env:NAME}``, are put in last, so that a configuration can be
printed without the secrets in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sparkbird.errors import ConfigError
from sparkbird.job.lines import Document, Place, read

_VARIABLE = re.compile(r"\$\{env:(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def combined(paths: Sequence[str | Path], assignments: Iterable[str] = ()) -> Document:
    """The document that files make, each of which overrides those before it key by key.

    Lists are not added up. An assignment is ``model.device=cpu``; its value is YAML.

    Raises
    ------
    ConfigError
        A file cannot be read, or an assignment is none.
    """
    found, *others = map(read, paths)
    for other in others:
        found = _over(found, other)
    for assignment in assignments:
        found = _over(found, _assigned(assignment))
    return found


def _over(base: Document, other: Document) -> Document:
    sources = {path: base.sources.get(path, base.source) for path in base.lines}
    sources |= {path: other.sources.get(path, other.source) for path in other.lines}
    content = _merged(base.content, other.content)
    return Document(base.source, content, {**base.lines, **other.lines}, sources)


def _merged(base: Any, other: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(other, dict):
        return other
    both = {key: _merged(base[key], other[key]) for key in base.keys() & other.keys()}
    return {**base, **other, **both}


def _assigned(text: str) -> Document:
    keys, is_one, value = text.partition("=")
    if not is_one or not all(keys.split(".")):
        raise ConfigError(f"--set {text} assigns nothing", "write it as model.device=cpu.")
    try:
        content = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text}: {value!r} is not YAML", "quote it.") from error
    lines: dict[Place, int] = {}
    path = (*keys.split("."),)
    for i in range(len(path), 0, -1):
        content = {path[i - 1]: content}
        lines[path[:i]] = 1
    return Document(f"--set {keys}", content, lines)


def printed(document: Document) -> str:
    """The configuration as YAML; variables stay names."""
    return str(yaml.safe_dump(document.content, sort_keys=False, allow_unicode=True))


def resolved(document: Document, environment: Mapping[str, str]) -> Document:
    """The document with the values of variables.

    Raises
    ------
    ConfigError
        One is not set, and has no default.
    """
    content = _with_values(document, document.content, (), environment)
    return Document(document.source, content, document.lines, document.sources)


def _with_values(
    document: Document, node: Any, place: Place, environment: Mapping[str, str]
) -> Any:
    if isinstance(node, dict):
        inner = node.items()
        return {k: _with_values(document, v, (*place, k), environment) for k, v in inner}
    if isinstance(node, list):
        steps = enumerate(node)
        return [_with_values(document, v, (*place, i), environment) for i, v in steps]
    if not isinstance(node, str):
        return node

    def value_of(match: re.Match[str]) -> str:
        found = environment.get(match["name"], match["default"])
        if found is None:
            raise ConfigError(
                f"{document.at(place)}: the environment variable {match['name']} is not set",
                f"set it, or write ${{env:{match['name']}:-default}}.",
            )
        return found

    return _VARIABLE.sub(value_of, node)
