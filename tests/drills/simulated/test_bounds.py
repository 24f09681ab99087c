from math import comb

import pytest

from tercio.drills.simulated.bounds import binomial_upper, mean_interval, mean_of, poisson_upper


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (0, 40), (0, 1000), (3, 10), (10, 1000), (7, 8), (50, 60)])
def test_the_bound_is_where_so_few_hits_are_still_one_in_twenty(hits: int, n: int):
    p = binomial_upper(hits, n)
    tail = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(hits + 1))
    assert tail == pytest.approx(0.05, rel=1e-6)
    assert hits / n < p < 1


def test_known_bounds():
    assert binomial_upper(0, 40) == pytest.approx(1 - 0.05 ** (1 / 40))
    assert binomial_upper(5, 5) == 1.0
    assert binomial_upper(0, 0) == 1.0
    assert poisson_upper(0) == pytest.approx(2.995732, abs=1e-6)
    assert poisson_upper(3) == pytest.approx(7.753657, abs=1e-5)  # Half the 95 % point of chi squared with 8 degrees.
    assert poisson_upper(400) == pytest.approx(434.5, abs=1.0)


@pytest.mark.parametrize("counts", [(-1, 5), (6, 5)])
def test_counts_that_cannot_be_are_errors(counts: tuple[int, int]):
    with pytest.raises(ValueError, match="hits"):
        binomial_upper(*counts)


def test_nothing_below_zero_is_counted():
    with pytest.raises(ValueError, match="hits"):
        poisson_upper(-1)


def test_the_interval_of_a_mean_holds_it_and_is_the_same_each_time():
    values = [float(n % 7) for n in range(200)]
    lower, low, high = mean_interval(values, 5)
    assert low < lower < mean_of(values) < high
    assert mean_interval(values, 5) == (lower, low, high)
    assert mean_interval(values, 6) != (lower, low, high)
    assert mean_interval([4.0] * 9, 1) == (4.0, 4.0, 4.0)
    assert (mean_of([]), mean_interval([], 1)) == (0.0, (0.0, 0.0, 0.0))
