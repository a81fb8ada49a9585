"""What the signature of a logged model says of its columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

_ARROW = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
}


def inputs_of(signature: Any) -> Any:
    """What a signature says of the columns, for `sparkbird.compile`; None if it says nothing.

    Columns with names are a schema of Arrow, of which a model may take fewer; a tensor [N, F] is
    an array of its type.
    """
    specs = signature.inputs.inputs if signature is not None and signature.inputs else []
    if specs and all(spec.name for spec in specs):
        fields = [(spec.name, _arrow(spec.type)) for spec in specs]
        return pa.schema(fields)
    if len(specs) == 1 and len(getattr(specs[0], "shape", ())) == 2 and specs[0].shape[1] > 0:
        return np.empty((0, specs[0].shape[1]), specs[0].type)
    return None


def _arrow(kind: Any) -> pa.DataType:
    """The Arrow type of a column; one that no graph takes is a struct, and as good as any."""
    if isinstance(kind, np.dtype):
        return pa.from_numpy_dtype(kind) if kind.kind in "fiub" else pa.string()
    return _ARROW.get(getattr(kind, "name", ""), pa.struct([]))
