"""Graphs as text: a line for each node, as a call in Python, constants in their places.

    x: float64[3]
    a = Sub(x, [1.0, 2.0, 3.0])
    y = Gather(a, [2, 0], axis=1)
    return y

Inputs have rows [N, ...] of the type said. Numbers with a point are float64, others int64;
another type is said as in ``float32([1.0])``. Attributes are keywords.
"""

from __future__ import annotations

import ast
import itertools

import numpy as np
import onnx
from onnx import helper, numpy_helper

from sparkbird.dtypes import BY_NAME
from sparkbird.graph.build import IR_VERSION, OPSET
from sparkbird.graph.op import ABSENT, ML, Node, Tensor, argument, tensor
from sparkbird.graph.tensor import Integers

_ML_OPERATORS = {"LabelEncoder", "TreeEnsemble"}
_DTYPES = {name: row.numpy for name, row in BY_NAME.items()} | {"float16": np.dtype(np.float16)}


def parse(text):
    """The arguments and the outputs of a graph, each by name."""
    arguments, values, calls, outputs = {}, {}, [], ()
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.AnnAssign):
            name = statement.target.id
            values[name] = arguments[name] = argument(name, *_type(statement.annotation))
        elif isinstance(statement, ast.Return):
            outputs = [item.id for item in getattr(statement.value, "elts", [statement.value])]
        else:
            targets = getattr(statement.targets[0], "elts", statement.targets)
            calls.append(([target.id for target in targets], statement.value))
    for names, call in calls:
        values |= _called(names, call, values)
    return arguments, {f"output {i}": values[name] for i, name in enumerate(outputs)}


def _type(annotation):
    if isinstance(annotation, ast.Name):
        return (_DTYPES[annotation.id],)
    return _DTYPES[annotation.value.id], *np.atleast_1d(ast.literal_eval(annotation.slice)).tolist()


def _called(names, call, values):
    operands = tuple(_operand(item, values) for item in call.args)
    attributes = {item.arg: _attribute(item.value) for item in call.keywords}
    domain = ML if call.func.id in _ML_OPERATORS else ""
    node = Node(call.func.id, operands, attributes, domain, 5 if domain else 1, len(names))
    kinds = _inferred(node)
    return {
        name: Tensor(node, *kind, i)
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }


def _operand(item, values):
    if isinstance(item, ast.Name):
        return values[item.id]
    return ABSENT if _literal(item) is None else tensor(_literal(item))


def _literal(item):
    if isinstance(item, ast.Call):
        return np.array(ast.literal_eval(item.args[0]), _DTYPES[item.func.id])
    value = ast.literal_eval(item)
    return value if value is None else np.array(value)


def _attribute(item):
    if isinstance(item, ast.Call):
        return _literal(item)
    value = ast.literal_eval(item)
    return Integers(np.array(value)) if isinstance(value, list) else value


def _inferred(node):
    """The type and the shape of each result, as ONNX tells them; a TreeEnsemble's we know."""
    if node.op == "TreeEnsemble":
        return [(node.operands[0].dtype, ("N", node.attributes["n_targets"]))]
    from sparkbird.graph.build import _Writer

    writer = _Writer(onnx.GraphProto(name="one"), set())
    for number, operand in enumerate(node.operands):
        if operand is ABSENT:
            continue
        if operand.node.op == "Constant":
            writer._write(operand)
        elif operand.node not in writer.names:
            writer.names[operand.node] = [f"i{number}_{r}" for r in range(operand.node.results)]
        name = writer._name(operand)
        if operand.node.op != "Constant" and name not in {i.name for i in writer.graph.input}:
            kind = helper.np_dtype_to_tensor_dtype(operand.dtype) if operand.dtype != object else 8
            writer.graph.input.append(helper.make_tensor_value_info(name, kind, operand.shape))
    writer.names[ABSENT.node] = [""]
    names = writer._node(node)
    versions = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, 4)]
    model = helper.make_model(writer.graph, opset_imports=versions, ir_version=IR_VERSION)
    told = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    kinds = {info.name: info.type.tensor_type for info in told.graph.value_info}
    return [_kind(kinds[name]) for name in names]


def _kind(kind):
    lengths = [
        d.dim_value if d.HasField("dim_value") else d.dim_param or "T" for d in kind.shape.dim
    ]
    dtype = object if kind.elem_type == 8 else helper.tensor_dtype_to_np_dtype(kind.elem_type)
    return np.dtype(dtype), tuple(
        "N" if i == 0 and isinstance(n, str) else n for i, n in enumerate(lengths)
    )


def listing(proto):
    """The text of a built graph, its values called a, b, ... in order."""
    names = {info.name: info.name for info in proto.graph.input} | {"": "None"}
    names |= {c.name: _array(numpy_helper.to_array(c)) for c in proto.graph.initializer}
    lines = [_input(info) for info in proto.graph.input]
    ends = {
        node.output[0]: node.input[0] for node in proto.graph.node if node.op_type == "Identity"
    }
    letters = (letter for letter in map(_letters, itertools.count()) if letter not in names)
    for node in proto.graph.node:
        if node.op_type == "Identity" and node.output[0] in {o.name for o in proto.graph.output}:
            continue
        for name in node.output:
            names[name] = next(letters)
        keywords = [f"{a.name}={_value(a)}" for a in node.attribute]
        called = ", ".join([*(names[name] for name in node.input), *keywords])
        lines.append(f"{', '.join(names[name] for name in node.output)} = {node.op_type}({called})")
    returned = ", ".join(names[ends[output.name]] for output in proto.graph.output)
    return "\n".join([*lines, f"return {returned}"]) + "\n"


def _letters(number):
    return (_letters(number // 26 - 1) if number >= 26 else "") + "abcdefghijklmnopqrstuvwxyz"[
        number % 26
    ]


def _input(info):
    kind = info.type.tensor_type
    dtype = next(row.name for row in BY_NAME.values() if row.onnx == kind.elem_type)
    lengths = [str(d.dim_value) for d in kind.shape.dim[1:]]
    return f"{info.name}: {dtype}" + (f"[{', '.join(lengths)}]" if lengths else "")


def _value(attribute):
    value = helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return _typed(numpy_helper.to_array(value))
    return repr(
        value.decode()
        if isinstance(value, bytes)
        else [*value]
        if hasattr(value, "__iter__")
        else value
    )


def _array(array):
    plain = array.dtype in (np.float64, np.int64, np.bool_, object) and array.size
    return _written(array) if plain else _typed(array)


def _typed(array):
    return f"{array.dtype}({_written(array)})"


def _written(array):
    return repr(array.tolist()).replace("inf", "1e999")
