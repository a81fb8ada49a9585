"""How often Spark will compute the Python functions of a dataframe, and why."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.errors import PySparkException

from sparkbird.errors import InputError
from sparkbird.spark.plan import Call, Node, nodes, parts

#: How many columns Spark writes of a node before it writes "... more fields".
_FIELDS = "spark.sql.debug.maxToStringFields"
_ALL = "1000000"

#: Why a function is computed again, by what makes Spark do so, and what to do about it.
_KEEP = "or .cache() the dataframe, or write it and read it again, before"
_ONCE = f"make it with sparkbird.udf(model, nondeterministic=True), {_KEEP}"
_REASONS = {
    "filter": ("a filter on it is computed first, and then the column", f"{_ONCE} the filter."),
    "join": (
        "a join on it drops its NULLs first, and then computes the column",
        f"{_ONCE} the join.",
    ),
    "calls": (
        "it is called that often, and is not deterministic or has such arguments",
        "call it once, and copy its column.",
    ),
    "branches": (
        "that many branches of the plan compute it",
        ".cache() the dataframe that has it, or write it and read it again.",
    ),
}


@dataclass(frozen=True)
class Function:
    """A Python function with its arguments, and how often the whole plan computes it."""

    name: str
    arguments: str
    times: int

    def __str__(self) -> str:
        return f"{self.name}({self.arguments})"


@dataclass(frozen=True)
class Evaluation:
    """A node of the plan whose rows go to Python and back.

    operator   Spark's name for it, "ArrowEvalPython" or the like
    functions  what it computes in one transfer of the rows
    cached     whether it is left out as soon as a cache is full
    """

    operator: str
    functions: tuple[Function, ...]
    cached: bool

    def __str__(self) -> str:
        said = ", ".join(map(str, self.functions))
        return f"{self.operator}: {said}" + (", to fill a cache" if self.cached else "")


@dataclass(frozen=True)
class Repeat:
    """A function that is computed more than once with the same arguments.

    columns  those that hold its result, as far as the plan names them
    because  "filter", "join", "calls" or "branches"
    """

    function: Function
    columns: tuple[str, ...]
    because: str

    @property
    def remedy(self) -> str:
        """How to have it computed once."""
        return _REASONS[self.because][1]

    def __str__(self) -> str:
        said = str(self.function)
        if self.columns:
            said = f"{' and '.join(map(repr, self.columns))}, which is {said},"
        times = f"{self.function.times} times" if self.function.times > 2 else "twice"
        reason = _REASONS[self.because][0]
        return f"{said} is computed {times}: {reason}.\n  Hint: {self.remedy}"


@dataclass(frozen=True, repr=False)
class Explanation:
    """What `explain` found."""

    evaluations: tuple[Evaluation, ...]
    warnings: tuple[Repeat, ...]

    @property
    def ok(self) -> bool:
        """Whether no function is computed twice with the same arguments."""
        return not self.warnings

    def __str__(self) -> str:
        if not self.evaluations:
            return "no rows go to Python"
        count = len(self.evaluations)
        head = f"rows go to Python {'once' if count == 1 else f'{count} times'}"
        steps = [f"  {number}. {one}" for number, one in enumerate(self.evaluations, 1)]
        return "\n".join([head, *steps, *map(str, self.warnings)])

    __repr__ = __str__


def explain(df: Any) -> Explanation:
    """Which Python functions Spark computes for `df`, and which of them more than once.

    Up to Spark 4.3 a filter on predictions has the model score twice: all rows for the
    filter, and those that pass it for the column. Nothing is run for the answer. Adaptive
    execution may still spare one of two equal branches; once `df` has run, it is about the
    plan that ran.

    On Spark Connect one function that is called twice cannot be told from two functions of
    one name, and is not warned of; one that Spark itself has copied is.

    Parameters
    ----------
    df
        A Spark dataframe, classic, of Spark Connect, or streaming.

    Raises
    ------
    InputError
        It is no Spark dataframe.
    """
    if not (hasattr(df, "sparkSession") and hasattr(df, "explain")):
        raise InputError(
            f"a {type(df).__name__} is no Spark dataframe",
            "model.explain() says how a compiled model is computed.",
        )
    found = [node for node in nodes(_text(df)) if node.is_python][::-1]  # as they run
    calls = [(node, call) for node in found for call in node.calls]
    groups = _groups(df, [call for _, call in calls])
    together: dict[int, list[tuple[Node, Call]]] = {}
    for node, call in calls:
        together.setdefault(groups[call.number], []).append((node, call))
    functions = {
        group: Function(same[0][1].name, _arguments([call for _, call in same]), len(same))
        for group, same in together.items()
    }
    evaluations = tuple(
        Evaluation(
            node.operator,
            tuple(functions[groups[call.number]] for call in node.calls),
            node.cached,
        )
        for node in found
    )
    repeats = [_repeat(functions[group], same) for group, same in together.items() if same[1:]]
    return Explanation(evaluations, tuple(repeats))


def _arguments(calls: Sequence[Call]) -> str:
    """As they are written shortest: Spark puts what columns are computed from in their place."""
    return min((str(call)[len(call.name) + 1 : -1] for call in calls), key=len)


def _text(df: Any) -> str:
    """The physical plan, with all of its columns."""
    printed = io.StringIO()
    with _all_fields(df.sparkSession.conf), contextlib.redirect_stdout(printed):
        df.explain()
    return printed.getvalue()


@contextlib.contextmanager
def _all_fields(conf: Any) -> Iterator[None]:
    """Spark writes out every column meanwhile, where it may be told so."""
    try:
        before = conf.get(_FIELDS, None)
        conf.set(_FIELDS, _ALL)
    except PySparkException:  # a shared cluster may keep its settings to itself
        yield
        return
    try:
        yield
    finally:
        if before is None:
            conf.unset(_FIELDS)
        else:
            conf.set(_FIELDS, before)


def _groups(df: Any, calls: Sequence[Call]) -> dict[int, int]:
    """For the number of each call, that of the first call of the same function with the same.

    Spark's copies have the number of what they are copied from. Calls with other numbers are
    the same if they were so when Spark first saw them: the same function of the same columns.
    """
    numbers = [*dict.fromkeys(call.number for call in calls)]
    plan = getattr(df, "_jdf", None)  # Spark Connect has none, and cannot tell
    seen: dict[int, tuple[int, str]] = {}
    if plan is not None and len(numbers) > 1:
        seen = dict(_in_plan(plan.queryExecution().analyzed()))
    first: dict[object, int] = {}
    return {number: first.setdefault(seen.get(number, number), number) for number in numbers}


def _in_plan(plan: Any) -> Iterator[tuple[int, tuple[int, str]]]:
    for expression in _each(plan.expressions()):
        yield from _in_expression(expression)
    for child in _each(plan.children()):
        yield from _in_plan(child)


def _in_expression(expression: Any) -> Iterator[tuple[int, tuple[int, str]]]:
    if expression.getClass().getSimpleName() == "PythonUDF":
        function = expression.func().hashCode()
        yield expression.resultId().id(), (function, expression.children().toString())
    for child in _each(expression.children()):
        yield from _in_expression(child)


def _each(sequence: Any) -> Iterator[Any]:
    return (sequence.apply(i) for i in range(sequence.size()))


def _repeat(function: Function, same: Sequence[tuple[Node, Call]]) -> Repeat:
    """Why a function is computed more than once, seen from what uses its results."""
    users = [(_users(node, call.attribute), call.attribute) for node, call in same]
    columns = [name for used, attribute in users for name in _names(used, attribute)]
    computing = {node for node, _ in same}
    filters = [
        node
        for used, _ in users
        for node in used
        if node.operator == "Filter" and computing & {*node.above}
    ]
    if filters:
        because = "join" if all(map(_is_of_a_join, filters)) else "filter"
    elif len(computing) < len(same) or any(computing & {*node.above} for node in computing):
        because = "calls"
    else:
        because = "branches"
    return Repeat(function, tuple(dict.fromkeys(columns)), because)


def _users(node: Node, attribute: str) -> list[Node]:
    """The nodes above `node` that use the column called `attribute`."""
    whole = re.compile(rf"{re.escape(attribute)}(?!\d)")
    return [user for user in node.above if attribute and whole.search(user.text)]


def _names(users: Sequence[Node], attribute: str) -> Iterator[str]:
    """The columns that results become: ``pythonUDF0#6 AS p#3``, or a field of a struct."""
    named = re.compile(rf"{re.escape(attribute)}(?:\.\w+)* AS (.*)#\d+L?", re.DOTALL)
    for node in users:
        if node.operator == "Project":
            for part in parts(node.text.removeprefix("Project [").removesuffix("]")):
                if found := named.fullmatch(part):
                    yield found[1]


def _is_of_a_join(node: Node) -> bool:
    """Whether Spark itself has put this filter before a join."""
    alone = re.fullmatch(r"Filter isnotnull\(pythonUDF\d+#\d+L?\)", node.text)
    return bool(alone) and any("Join" in other.operator for other in node.above)
