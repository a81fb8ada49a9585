"""PSI and KS are what their definitions say, with empty bins too."""

import math

import pytest
from hypothesis import given, strategies as st
from scipy.stats import ks_2samp

from sparkbird.errors import BaselineError
from sparkbird.job.drift import LEAST, check_edges, ks, psi

counts = st.lists(st.integers(0, 1000), min_size=5, max_size=5).filter(any)


def shares(counted):
    return [count / sum(counted) for count in counted]


@given(counts, counts)
def test_psi_is_symmetric_finite_and_not_negative(one, other):
    there, back = psi(shares(one), shares(other)), psi(shares(other), shares(one))
    assert there == pytest.approx(back, abs=1e-12)
    assert 0 <= there < math.inf


@given(counts)
def test_what_has_not_moved_has_no_psi_and_no_ks(one):
    assert psi(shares(one), shares(one)) == 0
    assert ks(shares(one), shares(one)) == 0


def test_psi_is_the_sum_of_its_definition():
    assert psi((0.2, 0.8), (0.5, 0.5)) == pytest.approx(
        (0.2 - 0.5) * math.log(0.2 / 0.5) + (0.8 - 0.5) * math.log(0.8 / 0.5)
    )


def test_an_empty_bin_counts_as_a_ten_thousandth():
    assert psi((0.0, 1.0), (0.5, 0.5)) == pytest.approx(
        (LEAST - 0.5) * math.log(LEAST / 0.5) + 0.5 * math.log(2)
    )
    assert psi((0.0, 1.0), (LEAST / 2, 1 - LEAST / 2)) == pytest.approx(0, abs=1e-8)


@given(counts, counts)
def test_ks_of_values_at_the_edges_is_that_of_scipy(one, other):
    values = [[bin_ for bin_, count in enumerate(c) for _ in range(count)] for c in (one, other)]
    assert ks(shares(one), shares(other)) == pytest.approx(ks_2samp(*values).statistic, abs=1e-12)


@pytest.mark.parametrize(
    ("seen", "baseline", "fact"),
    [
        ((0.5, 0.5), (1.0,), "2 shares cannot be compared with 1 of the baseline"),
        ((0.5, 0.4), (0.5, 0.5), "the shares (0.5, 0.4) do not add up to 1"),
        ((0.5, 0.5), (5, 5), "the shares of the baseline (5, 5) do not add up to 1"),
        ((1.5, -0.5), (0.5, 0.5), "the shares (1.5, -0.5) do not add up to 1"),
        ((math.nan, 1.0), (0.5, 0.5), "the shares (nan, 1) do not add up to 1"),
    ],
)
@pytest.mark.parametrize("statistic", [psi, ks])
def test_what_are_not_shares_of_the_same_bins_is_refused(statistic, seen, baseline, fact):
    with pytest.raises(BaselineError) as caught:
        statistic(seen, baseline)
    assert caught.value.fact == fact


@pytest.mark.parametrize("edges", [(), (1.0, 1.0), (2.0, 1.0), (0.0, math.inf), (math.nan,)])
def test_edges_that_do_not_ascend_are_refused(edges):
    with pytest.raises(BaselineError):
        check_edges(edges)
