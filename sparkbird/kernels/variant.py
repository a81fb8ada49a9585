"""What differs from one kernel that runs trees to the other."""

from __future__ import annotations

from dataclasses import dataclass

from sparkbird.kernels.emit import Kind


@dataclass(frozen=True)
class Variant:
    """What differs from one kernel to the other.

    ranks    of one byte or of two
    missing  whether some nodes send NaN to the left, and others of the same column do not
    leaf     the kind of the values of leaves; U32 are numbers
    tiles    how many go down a tree together
    """

    ranks: Kind
    missing: bool
    leaf: Kind
    tiles: int
