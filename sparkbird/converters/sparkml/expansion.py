"""Products of the values of a vector.

N is the number of rows, K of values of a vector, M of products.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sparkbird.converters.sparkml.stages import reads_each, stage
from sparkbird.graph import op

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: The numbers of the factors of a product, from the last one down: (2, 2, 0) is x2 * x2 * x0.
_Factors: TypeAlias = tuple[int, ...]


@stage("feature.PolynomialExpansion", reads=reads_each(""), consumes="degree")
def polynomial_expansion(stage: Stage, frame: Frame) -> Frame:
    """All products of up to `degree` values, in Spark's order: [N, K] -> [N, M].

    A product is multiplied from its last value on, and is 0 as soon as it is 0: NaN comes too
    late then.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/PolynomialExpansion.scala,
    expandDense (4.3).
    """
    name = stage.params["inputCol"]
    x = frame.vector(name)
    order = [f for f in _products(int(x.shape[1]) - 1, int(stage.params["degree"])) if f]
    levels = [_nonzero(x)]
    places: dict[_Factors, int] = {(i,): i for i in range(x.shape[1])}
    start, before = len(places), dict(places)
    for degree in range(2, int(stage.params["degree"]) + 1):
        wanted = [factors for factors in order if len(factors) == degree]
        parent = op.take(levels[-1], np.array([before[f[:-1]] for f in wanted]), axis=1)
        factor = op.take(x, np.array([f[-1] for f in wanted]), axis=1)
        is_zero = op.equal(parent, np.float64(0.0))
        levels.append(_nonzero(op.where(is_zero, parent, parent * factor)))
        before = {factors: i for i, factors in enumerate(wanted)}
        places |= {factors: start + i for factors, i in before.items()}
        start += len(wanted)
    products = levels[0] if len(levels) == 1 else op.concat(*levels, axis=1)
    expanded = op.take(products, np.array([places[factors] for factors in order]), axis=1)
    return frame.with_column(stage.params["outputCol"], expanded, stored=frame[name].stored)


def _products(last: int, degree: int) -> Iterator[_Factors]:
    """All products of up to `degree` of the values up to the one numbered `last`, in order."""
    if degree == 0 or last < 0:
        yield ()
        return
    for power in range(degree + 1):
        for rest in _products(last - 1, degree - power):
            yield (last,) * power + rest


def _nonzero(x: Array) -> Array:
    """`x` with 0.0 in place of -0.0: Spark leaves such products out."""
    return op.where(op.equal(x, np.float64(0.0)), np.float64(0.0), x)
