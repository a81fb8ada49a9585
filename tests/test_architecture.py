"""The floors of sparkbird: a module imports from its own room and from floors below."""

import ast
from pathlib import Path

import pytest

#: From the ground up. Rooms on one floor do not know each other.
FLOORS = [
    {"errors"},
    {"classes", "dtypes", "schema", "wire"},
    {"artifact", "graph", "inputs", "kernels", "prices"},
    {"logged", "runtime", "trees"},
    {"converters", "costs", "frames"},
    {"model"},
    {"compiler"},
    {"spark"},
    {"parity"},
    {"mlflow"},
    {"doctor", "job"},
    {"demo"},
    {"benchmark"},
    {"cli"},
    {"__main__"},
]
ROOT = Path(__file__).parents[1] / "sparkbird"
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def floor(room: str) -> int:
    return next(height for height, rooms in enumerate(FLOORS) if room in rooms)


def imported_rooms(source: str) -> set[str]:
    """The rooms that a module names in imports, also within functions."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "sparkbird":
            rooms |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sparkbird."):
            rooms.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            rooms |= {parts[1] for parts in names if parts[0] == "sparkbird" and len(parts) > 1}
    return rooms


def misplaced(room: str, source: str) -> set[str]:
    return {other for other in imported_rooms(source) - {room} if floor(other) >= floor(room)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_its_room_and_from_below(path):
    room = path.relative_to(ROOT).with_suffix("").parts[0]
    assert misplaced(room, path.read_text()) == set()


def test_an_upward_import_would_be_seen():
    assert misplaced("graph", "def f():\n    from sparkbird.spark.udf import udf\n") == {"spark"}
    assert misplaced("graph", "import sparkbird.trees.forest") == {"trees"}
