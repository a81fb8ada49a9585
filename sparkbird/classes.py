"""Classes of models, sorted for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def by_reason(refused: Mapping[str, tuple[str, str]]) -> dict[str, list[str]]:
    """The names of classes by the reason why they are not compiled.

    >>> by_reason({"b.C": ("it is C", ""), "a.D": ("it is C", "")})
    {'it is C': ['C', 'D']}
    """
    found: dict[str, list[str]] = {}
    for name, (reason, _) in refused.items():
        found.setdefault(reason, []).append(name.rpartition(".")[2])
    return found


def by_module(names: Sequence[str]) -> dict[str, list[str]]:
    """The names of classes by the module they are in, both in alphabetical order.

    >>> by_module(["b.C", "a.D", "b.A"])
    {'a': ['D'], 'b': ['A', 'C']}
    """
    found: dict[str, list[str]] = {}
    for module, _, own in sorted(name.rpartition(".") for name in names):
        found.setdefault(module, []).append(own)
    return found
