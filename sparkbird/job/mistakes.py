"""What is wrong with a configuration: every mistake, with its line and a way out."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from sparkbird.errors import ConfigError
from sparkbird.job.lines import Document
from sparkbird.job.section import Place, Section

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_Root = TypeVar("_Root", bound=Section)

#: Where a mistake is: keys and numbers from the root.
_Path = tuple[Any, ...]


def checked(root: type[_Root], document: Document) -> _Root:
    """The configuration of class `root` that `document` is.

    Raises
    ------
    ConfigError
        It says what it may not say; all mistakes are named.
    """
    if not isinstance(document.content, dict):
        raise ConfigError(
            f"{document.source}:1: a configuration is a mapping of keys to values",
            f"it needs {', '.join(_required(root))}.",
        )
    try:
        return root.model_validate(document.content)
    except ValidationError as error:
        mistakes = [*_Mistakes(root, document).of(error)]
    if len(mistakes) == 1:
        raise ConfigError(*mistakes[0])
    facts = "\n".join(f"  - {fact}" for fact, _ in mistakes)
    hints = "\n".join(dict.fromkeys(hint for _, hint in mistakes))
    raise ConfigError(f"{len(mistakes)} mistakes in {document.source}:\n{facts}", hints)


@dataclass(frozen=True)
class _Mistakes:
    """The mistakes of a document that is to be a configuration of class `root`."""

    root: type[Section]
    document: Document

    def of(self, error: ValidationError) -> Iterator[tuple[str, str]]:
        """A fact with its line, and a hint, for each mistake that pydantic found, by line."""
        found: dict[_Path, tuple[str, str]] = {}
        for detail in error.errors():
            path = self._path(detail)
            describe = _DESCRIBED.get(detail["type"], _Mistakes._wrong_value)
            found.setdefault(path, describe(self, path, detail))
        at = self.document.at
        for path in sorted(found, key=lambda path: int(at(path).rpartition(":")[2])):
            fact, hint = found[path]
            yield f"{at(path)}: {fact}", hint

    def _path(self, detail: ErrorDetails) -> _Path:
        """Where the mistake is, without what pydantic puts in for the kinds of a union."""
        node, path = self.document.content, []
        for step in detail["loc"]:
            if _is_in(node, step):
                node = node[step]
                path.append(step)
        missing = detail["type"] == "missing"
        return (*path, *detail["loc"][-1:]) if missing else tuple(path)

    def _unknown_key(self, path: _Path, _: ErrorDetails) -> tuple[str, str]:
        key, allowed = path[-1], _keys(self._section(path[:-1]))
        near = difflib.get_close_matches(str(key), allowed, n=1)
        place = f" in {_dotted(path[:-1])}" if path[:-1] else ""
        return (
            f"unknown key {key!r}{place}",
            (f"did you mean {near[0]!r}? " if near else "")
            + f"{_dotted(path[:-1]) or 'A configuration'} has {', '.join(allowed)}.",
        )

    def _missing_key(self, path: _Path, _: ErrorDetails) -> tuple[str, str]:
        section = self._section(path[:-1])
        place = _dotted(path[:-1]) or "the configuration"
        needed, allowed = ", ".join(_required(section)), ", ".join(_keys(section))
        return (
            f"the key {path[-1]!r} is missing in {place}",
            f"{place} needs {needed}; it may have {allowed}.",
        )

    def _wrong_value(self, path: _Path, detail: ErrorDetails) -> tuple[str, str]:
        given = f", not {detail['input']!r}" if not isinstance(detail["input"], dict) else ""
        allowed = _ALLOWED.get(detail["type"], _plain)(detail)
        if detail["type"] == "string_type":
            return f"{_dotted(path)}: {allowed}{given}", "quote what YAML reads as something else."
        return f"{_dotted(path)}: {allowed}{given}", self._description(path)

    def _broken_rule(self, path: _Path, detail: ErrorDetails) -> tuple[str, str]:
        rule, place = str(detail["ctx"]["error"]), _dotted(path)
        keys = ", ".join(_keys(self._section(path)))
        return (f"{place}: {rule}" if place else rule), f"{place or 'A configuration'} has {keys}."

    def _section(self, path: _Path) -> type[BaseModel]:
        """The class of the section at `path`."""
        section: type[BaseModel] = self.root
        for step in path:
            field = section.model_fields.get(str(step))
            kinds = [field.annotation, *get_args(field.annotation)] if field else []
            inner = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
            section = inner[0] if inner else section
        return section

    def _description(self, path: _Path) -> str:
        """What the key at `path` means, or the nearest one above it that is described."""
        known = self._section(path[:-1]).model_fields
        fields = {field.alias or name: field for name, field in known.items()}
        if path[-1] not in fields:
            return self._description(path[:-1])
        return f"{_dotted(path)}: {fields[path[-1]].description}."


def _is_in(node: Any, step: Any) -> bool:
    if isinstance(node, Mapping):
        return step in node
    return isinstance(node, list) and isinstance(step, int) and step < len(node)


def _plain(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Input ")
    return message[0].lower() + message[1:]


_DESCRIBED: dict[str, Callable[[_Mistakes, _Path, ErrorDetails], tuple[str, str]]] = {
    "extra_forbidden": _Mistakes._unknown_key,  # noqa: SLF001
    "missing": _Mistakes._missing_key,  # noqa: SLF001
    "value_error": _Mistakes._broken_rule,  # noqa: SLF001
}
_ALLOWED: dict[str, Callable[[ErrorDetails], str]] = {
    "literal_error": lambda detail: f"must be {detail['ctx']['expected']}",
    "string_type": lambda _: "must be a text",
    "string_too_short": lambda _: "must not be empty",
    "dict_type": lambda _: "must be a mapping of keys to values",
    "mapping_type": lambda _: "must be a mapping of keys to values",
    "model_type": lambda _: "must be a mapping of keys to values",
    "tuple_type": lambda _: "must be a list",
    "union_tag_not_found": lambda _: "must be a list or a mapping",
    "union_tag_invalid": lambda _: "must be a list or a mapping",
    "too_short": lambda _: "must have at least one entry",
}


def _keys(section: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _required(section: type[BaseModel]) -> list[str]:
    """The keys that must be there; of 'path' and 'table' either will do."""
    either = ["'path' or 'table'"] if issubclass(section, Place) else []
    return either + [n for n, field in section.model_fields.items() if field.is_required()]


def _dotted(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))
