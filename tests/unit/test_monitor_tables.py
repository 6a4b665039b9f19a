"""Tables of the monitor: what stands in their cells, and what is left out."""

import numpy as np
import pandas as pd
import pytest
from lxml import html

from istv_lib import coverage, disclosure, monitor, places, supply, tables, tally
from tests.conftest import CAMDEN
from tests.unit.test_coverage import RULES, world
from tests.unit.test_disclosure import finding

LAST = "2024-12"


def cells(block):
    """Return a table block's rows as lists of text."""
    tree = html.fromstring(block.data["text/html"])
    return [[cell.text_content() for cell in row] for row in tree.iter("tr")]


@pytest.fixture(scope="module")
def cover():
    events, held, roster = world(np.random.default_rng(5), change=(CAMDEN, "2024-06", 2.0))
    roster = roster.assign(trauma_network="North")
    return coverage.table(events, held, roster, LAST, RULES, strata=tally.members(events, RULES))


def test_strata_of_a_borough_leave_out_homes_and_firearms_and_name_each_group_by_its_dimension(cover):
    keep = (cover["place"] == CAMDEN) & (cover["month"] == LAST)
    now = disclosure.release(monitor.cube(cover, LAST, RULES, keep=keep), "partner")
    year = disclosure.release(monitor.year_on_year(cover, LAST, RULES), "partner").pick(place=CAMDEN)
    head, *rows = cells(tables.strata(now, year, title="T"))
    names = [row[0] for row in rows]
    assert head[0] == "Attendances"
    assert names[0] == "All attendances"
    assert {"Home", "Firearm"}.isdisjoint(names)
    assert {"Other (including firearm, corrosive)", "Other place"} <= set(names)
    assert rows[0][4].startswith("+")
    assert "above expected range" in rows[0][5]


def test_changes_say_too_few_and_not_available():
    some = {"measure": "ratio_year", "unit": "rate", "method": "exact"}
    parts = [
        finding(0.5, **some, numerator=2.0, denominator=4.0, lower=0.1, upper=3.0, place="E09000001"),
        finding(np.nan, **some, status="no_data", place=CAMDEN),
        finding(1.2, **some, numerator=60.0, denominator=50.0, lower=0.8, upper=np.inf, place="E09000012"),
    ]
    found = disclosure.release(pd.concat(parts, ignore_index=True).assign(share_used=1.0), "partner")
    texts = [row[3] for row in cells(tables.changes(found, title="T"))[1:]]
    assert texts == ["too few to say", "[x]", "+20% (-20% or more)"]


def test_signals_stand_with_their_rule_or_there_is_no_table(cover):
    found = disclosure.release(monitor.signals(cover, LAST, RULES, within=[CAMDEN]), "partner")
    rows = cells(tables.signals(found, title="T"))
    assert ["Camden", "All attendances", "above its expected range"] in [row[:3] for row in rows]
    assert tables.signals(found.pick(place="nowhere"), title="T") is None


def test_rates_stand_in_the_order_of_names_with_the_city_last(cover):
    counts = monitor.totals(cover, ("2024-01", LAST)).assign(value=300.0, n=300.0, coverage=0.9, status="final")
    rows = cells(tables.rates_of(disclosure.release(counts, "partner"), title="T"))[1:]
    assert [row[0] for row in rows[:-1]] == sorted(row[0] for row in rows[:-1])
    assert rows[-1][0] == "City of London"
    assert rows[-1][5] == "no rate"
    assert rows[0][5] == "estimate"


def test_two_charts_stand_side_by_side_and_an_incomplete_month_in_neither():
    events, held, roster = world(np.random.default_rng(6), away={("A", "2024-11"), ("B", "2024-11")})
    cover = coverage.table(events, held, roster, LAST, RULES)
    both = [chart(cover, CAMDEN, LAST, RULES) for chart in (monitor.xmr_findings, monitor.u_findings)]
    shown = tables.charts(*[disclosure.release(chart, "partner") for chart in both], title="T")
    assert "The icon of the last month would say: Common cause: no significant change." in shown.title
    rows = cells(shown)[1:]
    assert [row[1] for row in rows[:2]] == [f"{int(both[0]['value'].iloc[-1])} [p]", "[x]"]
    assert rows[1][4] == ""


def test_suppliers_have_states_in_words_and_shares_in_tenths():
    events, held, roster = world(np.random.default_rng(7), away={("A", LAST)})
    found = supply.hospitals(events, held, roster, places.find_area("camden"), LAST, RULES)
    rows = cells(tables.supplied(disclosure.release(found, "partner"), title="T", labels={"A": "Hospital A"}))[1:]
    assert rows[0] == ["Hospital A", "missing", "11 of 12", "about 50%"]


def test_totals_of_a_small_place_have_exact_intervals_and_none_where_a_month_is_incomplete():
    events, held, roster = world(np.random.default_rng(8), mean=4, away={(s, "2024-08") for s in "AB"})
    cover = coverage.table(events, held, roster, LAST, RULES)
    found = disclosure.release(monitor.rolling(cover, CAMDEN, LAST, RULES), "partner")
    head, *rows = cells(tables.rolling(found, title="T"))
    assert head == ["Ending", "3 months", "12 months"]
    assert rows[0][0] == "December 2024"
    assert " to " in rows[0][1]
    assert rows[0][2] == "[x]"
