"""The exit codes of a scoring job, for schedulers to tell one failure from another."""

from __future__ import annotations

from sparkbird.errors import (
    CheckError,
    ConfigError,
    InputError,
    InvalidValueError,
    LockedError,
    SchemaError,
)

DONE, FAILED = 0, 1

#: By error; what is not here is 1. Whether to try again is for whoever reads the number: 5 will
#: pass by itself, 2 and 3 will not.
CODES: tuple[tuple[type[Exception], int], ...] = (
    (ConfigError, 2),
    (InputError, 3),
    (SchemaError, 3),
    (InvalidValueError, 3),
    (CheckError, 4),
    (LockedError, 5),
)


def exit_code(error: Exception | None) -> int:
    """That of a job that ended with this error, or with none."""
    if error is None:
        return DONE
    return next((code for kind, code in CODES if isinstance(error, kind)), FAILED)
