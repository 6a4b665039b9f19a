"""Expected counts and limits of an area's months."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from istv_lib import monitor, schema
from tests.conftest import CAMDEN
from tests.unit.test_coverage import RULES, cover_of, world


@given(st.floats(0.5, 400), st.floats(1.0, 4.0))
def test_limits_hold_the_stated_share(mean, dispersion):
    low, high = monitor.limits(np.array([mean]), np.array([mean * dispersion]), 0.001)
    if dispersion > 1.001:
        size = mean / (dispersion - 1)
        inside = stats.nbinom.cdf(high[0], size, size / (size + mean)) - stats.nbinom.cdf(
            low[0] - 1, size, size / (size + mean)
        )
        assert inside >= 0.998
    assert 0 <= low[0] <= mean <= high[0]


def test_findings_are_checked_and_the_newest_month_is_provisional():
    cover = cover_of(*world(np.random.default_rng(8)))
    found = monitor.monthly(cover, CAMDEN, "2024-12", RULES)
    schema.check(found, "finding")
    assert found["status"].tolist()[-1] == "provisional"
    assert (found["status"].iloc[:-1] == "final").all()
    assert found["flags"].str.contains("tested").sum() == 12
    np.testing.assert_allclose(found["expected"].iloc[:24].sum(), found["value"].iloc[:24].sum(), rtol=0.02)


def test_an_incomplete_month_is_gated_and_an_empty_one_has_no_data():
    cover = cover_of(
        *world(np.random.default_rng(9), away={("A", "2024-12"), ("B", "2024-11"), ("A", "2024-11"), ("C", "2024-11")})
    )
    found = monitor.monthly(cover, CAMDEN, "2024-12", RULES).set_index("period_end")
    assert found.loc["2024-12", "status"] == "gated"
    assert found.loc["2024-11", "status"] == "no_data"
    assert np.isnan(found.loc["2024-11", "value"])


def test_a_joiner_moves_the_range_with_its_own_count():
    events, held, roster = world(np.random.default_rng(10), joins="2024-02")
    cover = cover_of(events, held, roster)
    found = monitor.monthly(cover, CAMDEN, "2024-12", RULES).set_index("period_end")
    joined = cover[(cover["place"] == CAMDEN)].set_index("month")["unmonitored"]
    assert joined["2024-01"] == 0
    assert joined["2024-06"] > 0
    before = found.loc["2024-01", "expected"]
    assert found.loc["2024-06", "expected"] == pytest.approx(before + joined["2024-06"], rel=0.35)


def test_sites_counts_those_that_supply_the_place():
    cover = cover_of(*world(np.random.default_rng(11), away={("A", "2024-12")}))
    row = monitor.sites(cover, CAMDEN, "2024-12").iloc[0]
    assert (row["value"], row["denominator"], row["unit"]) == (2, 3, "site")


def test_breaks_and_revisions_are_flags_beside_the_others():
    cover = cover_of(*world(np.random.default_rng(10), joins="2024-02"))
    flags = monitor.monthly(cover, CAMDEN, "2024-12", RULES).set_index("period_end")["flags"]
    assert flags["2024-02"] == "tested;break"
    assert flags.drop("2024-02").isin(["", "tested"]).all()
