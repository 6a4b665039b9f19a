"""Rates standardised for age: where they can be given, and why not elsewhere."""

import numpy as np
import pandas as pd
import pytest

from istv_lib import errors, monitor, schema, store
from istv_lib._standardised import STANDARD
from tests.conftest import CAMDEN, HACKNEY, make_events
from tests.unit.test_coverage import RULES

YEAR = ("2024-01", "2024-12")


def world(known=1.0):
    events = make_events({("A", "2024-05", CAMDEN): 200, ("A", "2024-06", HACKNEY): 5})
    rng = np.random.default_rng(1)
    bands = rng.choice(list(STANDARD), size=len(events))
    bands = np.where(rng.random(len(events)) < known, bands, "unknown")
    people = pd.DataFrame({"record_id": events["event_id"], "age_band": bands})
    rows = [(gss, band, 20_000.0) for gss in (CAMDEN, HACKNEY) for band in STANDARD]
    return events, people, pd.DataFrame(rows, columns=["gss", "age_band", "population"])


def test_the_standard_is_whole():
    assert sum(STANDARD.values()) == 100_000
    assert list(STANDARD) == [band for band in schema.AGE_BANDS if band != "unknown"]


def test_a_rate_is_the_weighted_mean_of_the_rates_by_age():
    events, people, population = world()
    found = monitor.standardised(events, people, population, YEAR, RULES).set_index("place")
    counts = people[people["record_id"].isin(events.loc[events["borough_gss"] == CAMDEN, "event_id"])]["age_band"]
    expected = sum(STANDARD[b] * n / 20_000 for b, n in counts.value_counts().items()) / 100_000 * 1000
    assert found.loc[CAMDEN, "value"] == pytest.approx(expected)
    assert found.loc[CAMDEN, "lower"] < expected < found.loc[CAMDEN, "upper"]
    assert found.loc[HACKNEY, "flags"] == "few_events"
    assert np.isnan(found.loc[HACKNEY, "value"])


@pytest.mark.parametrize(("known", "flag"), [(0.9, "estimate"), (0.4, "age_unknown")])
def test_unknown_ages_make_an_estimate_or_none(known, flag):
    found = monitor.standardised(*world(known), YEAR, RULES).set_index("place")
    assert found.loc[CAMDEN, "flags"] == flag
    assert found.loc[CAMDEN, "status"] == ("final" if flag == "estimate" else "no_data")


def test_without_residents_by_age_there_is_none():
    events, people, _ = world()
    plain = pd.DataFrame({"gss": [CAMDEN, HACKNEY], "age_band": "all", "population": [1.0, 2.0]})
    assert set(monitor.standardised(events, people, plain, YEAR, RULES)["flags"]) == {"band_missing"}


def test_residents_by_age_are_read_from_the_root_or_refused_by_row(tmp_path):
    where = store.Root(tmp_path)
    assert set(store.load("population", where=where)["age_band"]) == {"all"}
    where.reference.mkdir()
    path = where.reference / "population.csv"
    path.write_text(f"gss,age_band,population\n{CAMDEN},18-24,100\n", encoding="utf-8")
    assert store.load("population", where=where)["population"].tolist() == [100]
    path.write_text(f"gss,age_band,population\n{CAMDEN},18-24,many\n", encoding="utf-8")
    with pytest.raises(errors.StoreError, match=r"Row 2 of population.csv"):
        store.load("population", where=where)
    path.write_text("gss,population\n", encoding="utf-8")
    with pytest.raises(errors.StoreError, match="lacks the column 'age_band'"):
        store.load("population", where=where)
