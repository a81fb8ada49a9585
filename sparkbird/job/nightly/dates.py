"""The logical dates of a run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sparkbird.errors import ConfigError

_HINT = "write it as 2026-11-28."


def day(text: str) -> date:
    """The date that `text` says, as ISO 8601 writes it.

    Raises
    ------
    ConfigError
        It is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no date", _HINT) from error


def between(first: date, last: date, *, limit: int) -> list[date]:
    """All dates from the first to the last, in order.

    Raises
    ------
    ConfigError
        The last is before the first, or there are more than `limit`.
    """
    if last < first:
        raise ConfigError(f"--to {last} is before --from {first}", "turn them round.")
    count = (last - first).days + 1
    if count > limit:
        raise ConfigError(
            f"{first} to {last} are {count} dates, more than the {limit} of date.limit",
            "score fewer, or raise it: --set date.limit=...",
        )
    return [first + timedelta(days=i) for i in range(count)]


def wanted(
    one: str | None, first: str | None, last: str | None, *, late: int, limit: int
) -> tuple[list[date], set[date]]:
    """The dates to score, and those among them that are scored again only if their rows changed.

    By default it is yesterday, by UTC. `late` dates before the first are looked at again.

    Raises
    ------
    ConfigError
        One date and a range are given, half a range, or a bad one.
    """
    if one and (first or last):
        raise ConfigError("--date and a range", "give one date, or --from and --to.")
    if bool(first) != bool(last):
        raise ConfigError("a range has two ends", "give both --from and --to.")
    if first and last:
        found = between(day(first), day(last), limit=limit)
    else:
        found = [day(one) if one else datetime.now(UTC).date() - timedelta(days=1)]
    before = [found[0] - timedelta(days=i) for i in range(late, 0, -1)]
    return before + found, {*before}
