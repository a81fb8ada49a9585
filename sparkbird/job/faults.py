"""Errors of sparkbird that a worker raised, found again in what Spark makes of them."""

from __future__ import annotations

import re

from sparkbird import errors


def original(error: Exception) -> Exception:
    """The error of sparkbird that a worker raised and Spark wrapped, or `error` itself."""
    cause = getattr(error, "java_exception", None)
    text = str(error) + (f"\n{cause.toString()}" if cause is not None else "")
    found = _FROM_WORKER.search(text)
    kind = getattr(errors, found["kind"], None) if found else None
    if not found or kind is None:
        return error
    restored: Exception = kind(found["fact"], (found["hint"] or "").strip())
    return restored


#: As Python prints it last, before the stack of Java or what else Spark appends.
_FROM_WORKER = re.compile(
    r"sparkbird\.errors\.(?P<kind>\w+): (?P<fact>.+?)\.\n"
    r"(?:\s*Hint: (?P<hint>.+?)(?:\n\s*\n|\n\s*SQLSTATE|\n\s+at |\Z))?",
    re.DOTALL,
)
