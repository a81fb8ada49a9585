"""Of equally near points the same are kept, in the same order, whatever was pushed before."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from sparkbird.converters.sklearn.neighbor_search import nearest, points_of, within
from sparkbird.converters.sklearn.version import installed
from sparkbird.errors import InvalidValueError

#: Before 1.9 more than three neighbours, equally near ones among them, were sorted out of order.
STABLE = installed() >= (1, 9)
WAYS = ("brute", "kd_tree", "ball_tree")


def whole_numbers(seed, rows, top):
    return np.random.default_rng(seed).integers(0, top, size=(rows, 3)).astype(float)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("p", [1, 2, np.inf])
@pytest.mark.parametrize("k", [1, 2, 3, 6, 15])
@pytest.mark.parametrize(("leaf_size", "top"), [(1, 3), (5, 5), (30, 9)])
def test_of_whole_numbers_the_same_points_are_kept_in_the_same_order(way, p, k, leaf_size, top):
    X, rows = whole_numbers(0, 200, top), whole_numbers(1, 60, top)
    model = NearestNeighbors(n_neighbors=k, algorithm=way, leaf_size=leaf_size, p=p).fit(X)
    distances, places = model.kneighbors(rows)
    if not STABLE and k > 3:
        with pytest.raises(InvalidValueError, match="order of equally near"):
            nearest(points_of(model, rows), rows, k, ordered=True)
        found = nearest(points_of(model, rows), rows, k)
        np.testing.assert_array_equal(np.sort(found.places), np.sort(places))
        return
    found = nearest(points_of(model, rows), rows, k, ordered=True)
    np.testing.assert_array_equal(found.places, places)
    np.testing.assert_array_equal(found.distances, distances)


@pytest.mark.parametrize("way", WAYS)
def test_of_many_neighbours_the_same_are_kept(way):
    X, rows = whole_numbers(2, 250, 3), whole_numbers(3, 40, 3)
    model = NearestNeighbors(n_neighbors=40, algorithm=way, leaf_size=7).fit(X)
    found = nearest(points_of(model, rows), rows, 40)
    expected = np.sort(model.kneighbors(rows)[1], axis=1)
    np.testing.assert_array_equal(np.sort(found.places, axis=1), expected)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("radius", [1.0, 2.0, 3**0.5, 29**0.5, 0.1 + 0.2])
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_points_right_on_the_radius_are_the_same(way, radius, scale):
    if way == "brute" and scale != 1.0:
        pytest.skip("the rounding of a matrix product is that of the library that makes it")
    X, rows = (whole_numbers(seed, 150, 7) * scale for seed in (4, 5))
    model = NearestNeighbors(radius=radius * scale, algorithm=way, leaf_size=2).fit(X)
    inside, _ = within(points_of(model, rows), rows, model.radius)
    expected = model.radius_neighbors_graph(rows, mode="connectivity").toarray()
    np.testing.assert_array_equal(inside, expected)
