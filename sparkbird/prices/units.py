"""What has a price: the units of which kernels, columns, look-ups and operators are counted.

All are counted for a batch, or for each of its rows; where one price stands for operators of
several kinds, these cost about the same.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Of sections of a file its groups, and their units.
# fmt: off
UNITS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    # Each strategy of onnxruntime for a forest, as `trees.choose` counts it.
    "strategies": {
        "ensemble": ("launch", "column", "near_step", "far_step", "value"),
        "traversal": ("launch", "step", "value"),
        "perfect": ("launch", "step", "value"),
        "gemm": ("launch", "test", "product"),
    },
    # What sparkbird does itself.
    "own": {
        # A forest by a kernel: `kernels.forest.Forest.work` says what the units are.
        "kernels": ("call", "ranked", "vector_step", "scalar_step", "condition", "multiplexed",
                    "operation", "added", "walked", "fetched", "stored", "spread"),
        # Arrow columns to arrays: a batch, a column of it, a number copied to a matrix that a
        # cache holds, or to one that it does not, a string encoded.
        "columns": ("call", "column", "near_number", "far_number", "string"),
        # Strings to numbers: a batch, each distinct string of it, each row.
        "lookups": ("call", "distinct", "row"),
    },
    # Operators of onnxruntime, by family: see `costs.families`.
    "operators": {
        # A graph is run, a value of it handed over, a string of that; an operator is started.
        "run": ("call", "value", "string", "launch"),
        # For each family what its operators take beyond that to start. Then an element and its
        # bytes, in and out; a stretch of elements between two broadcasts.
        "arithmetic": ("launch", "element", "byte", "span"),
        "comparison": ("launch", "element", "byte", "span"),
        "choice": ("launch", "element", "byte", "span"),
        # An element of 8 bytes, or of fewer.
        "division": ("launch", "element64", "element32", "span"),
        "exponential": ("launch", "element64", "element32", "span"),
        "logarithm": ("launch", "element64", "element32", "span"),
        "sine": ("launch", "element64", "element32", "span"),
        "power": ("launch", "element64", "element32", "span"),
        # An element: a float that becomes another, or what becomes something else.
        "cast": ("launch", "float", "to_float", "to_integer", "to_boolean"),
        # A block that stays whole, and a byte.
        "gather": ("launch", "block", "byte"),
        "slice": ("launch", "block", "byte"),
        "copy": ("launch", "block", "byte"),
        "pick": ("launch", "element", "byte"),
        # A multiplication with its addition in float64 and in float32, an element that a vector
        # is multiplied by, an element out and a byte of it.
        "product": ("launch", "multiply64", "multiply32", "input", "output", "byte"),
        "reduction": ("launch", "input", "output"),
        "extremum": ("launch", "input", "output"),
        "running": ("launch", "element"),
        "sort": ("input", "output"),
        "lookup": ("launch", "number", "string"),
        "text": ("launch", "string"),
    },
}
# fmt: on

#: What strategies are priced for; for one that a device lacks there are no operators. The prices of
#: CUDA that come along are estimated: 10,000 rows of 500 trees of depth 8 took perfect tree
#: traversal 1.01 ms on one H100 in onnxruntime 1.31, which is 25 ps a step; tree traversal gathers
#: half as much again; products run at some 10 Tflop/s beside a kernel launch of 5 microseconds.
#: Forests by kernels have prices of their own, `gpu` in a file, from jobs/results/gpu-h100.json; a
#: call is what 10,000 rows of Arrow columns took one process beyond what 65,536 took for each row.
DEVICES = ("cpu", "cuda")
