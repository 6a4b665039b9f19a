"""What must hold of the monitor whatever happens to hospitals: nothing but violence may look like violence."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import _model, coverage, errors, monitor, months, params, schema
from istv_lib._strata import Members
from tests.conftest import CAMDEN, HACKNEY
from tests.unit.made_cover import SHARES, SPAN, cover, london

RULES = dict(params.defaults())
LAST = SPAN[-1]
FALLS, RISES = "below_limit|run_low|trend_down", "above_limit|run_high|trend_up"
CITY = "E09000001"


def cover_of(parts, strata=()):
    return coverage.table(*parts, LAST, RULES, strata=strata)


def flagged(made, kind):
    """Count flags of a kind: months of a place that carry one."""
    found = monitor.cube(made, LAST, RULES, keep=made["place"].isin([CAMDEN, HACKNEY, "london"]))
    return int(found["flags"].str.contains(kind).sum())


def blind(made):
    """The same table for a reader who knows nothing of hospitals: every count at face value."""
    return made.assign(monitored=made["value"], unmonitored=0, exposure=1.0, coverage=1.0)


def since(first, site, value):
    return {(site, m): value for m in SPAN if m >= first}


EVENTS = {
    "an outage": ({"away": {("A", m): "missing" for m in SPAN[-9:-1]}}, FALLS),
    "a small outage": ({"away": since(SPAN[-10], "D", "missing")}, FALLS),
    "texts worsen": ({"known": since(SPAN[-12], "B", 0.3)}, FALLS),
    "texts improve": ({"known": {("B", m): 0.3 for m in SPAN[:-12]}}, RISES),
    "a closure": ({"away": since(SPAN[-9], "D", "closed"), "follows": "A:0.5;B:0.5"}, None),
    "a closure without heirs": ({"away": since(SPAN[-12], "D", "closed")}, FALLS),
    "a merger": ({"away": since(SPAN[-12], "D", "closed"), "follows": "E:1"}, None),
    "a joiner": ({"away": {("A", m): "not_joined" for m in SPAN[:-10]}}, RISES),
}


@pytest.mark.parametrize(("happens", "naive"), EVENTS.values(), ids=EVENTS)
def test_what_happens_to_hospitals_is_no_fall_and_no_rise(happens, naive):
    made = [cover_of(london(np.random.default_rng(seed), **happens)) for seed in (1, 2)]
    assert sum(flagged(m, f"{FALLS}|{RISES}") for m in made) <= 1
    if naive:  # it would look like a change to whoever reads counts alone
        assert sum(flagged(blind(m), naive) for m in made) >= 10


@settings(max_examples=5)
@given(st.sampled_from("ABCD"), st.sampled_from(SPAN[-12:]), st.integers(1, 3))
def test_dropping_any_submission_is_no_fall(site, month, seed):
    made = cover_of(london(np.random.default_rng(seed), away={(site, month): "missing"}))
    found = monitor.cube(made, LAST, RULES)
    tested = found[
        found["flags"].str.contains("tested") & found["place"].isin([CAMDEN, HACKNEY, "london", "not_known"])
    ]
    assert len(tested) == 4 * 12
    assert not tested["flags"].str.contains(FALLS).any()


@settings(max_examples=4)
@given(st.sampled_from("AB"), st.sampled_from([0.5, 1.6]), st.integers(1, 4))
def test_a_changed_share_of_placed_records_is_no_change_of_counts(site, factor, seed):
    known = since(SPAN[-12], site, 0.6 * factor)
    made = cover_of(london(np.random.default_rng(seed), known=known))
    found = monitor.cube(made, LAST, RULES, keep=made["place"].isin([CAMDEN, HACKNEY]))
    assert not found["flags"].str.contains("limit").any()
    tested = made[made["month"] > SPAN[-13]].groupby("place")["exposure"].mean()
    drawn = 70 / (70 + RULES["location_rate_prior"])  # about 70 records a month, drawn towards the usual share
    assert tested[CAMDEN] == pytest.approx(1 + (factor - 1) * drawn * SHARES[site][0], abs=0.05)
    assert tested["london"] == pytest.approx(1.0)  # what is not placed is counted there all the same


def test_missing_read_as_zero_changes_the_chart():
    away = {("C", m): "missing" for m in SPAN[-9:]}
    events, held, roster = london(np.random.default_rng(3), mean=150, away=away)
    wrong = held.assign(
        status=held["status"].replace("missing", "zero"), days_covered=held["month"].map(months.days_in)
    )
    made, zero = (cover_of((events, h, roster)) for h in (held, wrong))
    assert flagged(made, FALLS) == 0
    assert flagged(zero, "run_low") >= 9
    at = (made["place"] == CAMDEN) & (made["month"] == LAST)
    assert made.loc[at, "coverage"].item() == pytest.approx(0.85, abs=0.03)
    assert zero.loc[at, "coverage"].item() > 0.95


def test_a_stratum_that_goes_to_one_silent_hospital_does_not_fall():
    away = {("C", m): "missing" for m in SPAN[-3:]}
    events, held, roster = london(np.random.default_rng(4), mean=150, away=away)
    knife = ((events["site_code"] == "C") | (np.arange(len(events)) % 100 == 0)).to_numpy()
    made = cover_of((events, held, roster), [Members("weapon_group", "knife", knife, np.ones(len(events), dtype=bool))])
    at = made[(made["place"] == CAMDEN) & (made["month"] == LAST)].set_index("stratum")
    assert at.loc["", "coverage"] > RULES["coverage_full"]
    assert at.loc["knife", "coverage"] < RULES["coverage_least"]
    own = made["stratum"] == "knife"
    whole = made.loc[~own, ["exposure", "coverage"]].to_numpy()
    assert flagged(made[own | (made["stratum"] == "")], "below_limit") == 0
    shared = made.assign(**dict(zip(("exposure", "coverage"), np.tile(whole, (2, 1)).T, strict=True)))
    assert flagged(shared, "below_limit") >= 4  # with the exposure of all attendances it would


def test_an_item_that_is_no_longer_filled_in_is_no_fall_of_its_strata():
    events, held, roster = london(np.random.default_rng(5), mean=150)
    rng = np.random.default_rng(6)
    knife = rng.random(len(events)) < 0.3
    lost = (events["site_code"] == "A") & (events["month"] > SPAN[-11]) & (rng.random(len(events)) < 0.4)
    known = ~lost.to_numpy()
    told, untold = (
        cover_of((events, held, roster), [Members("weapon_group", "knife", knife & known, k)])
        for k in (known, np.ones(len(events), dtype=bool))
    )
    assert flagged(told, FALLS) == 0
    assert flagged(untold, FALLS) >= 5


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ({"month": "2024-02", "reason": " "}, "has no reason"),
        ({"month": "2024-02"}, "has no reason"),
        ({"month": "2019-02", "reason": "A new form."}, "of which no data are held"),
        ({"month": "February", "reason": "A new form."}, "is not a month"),
    ],
)
def test_a_rebase_needs_a_reason_and_a_month_that_is_held(entry, error):
    with pytest.raises(errors.ParameterError, match=error):
        monitor.cube(cover({CAMDEN: 10}), LAST, RULES | {"rebases": [entry]})


def test_a_part_of_a_coverage_table_is_refused():
    made = cover({CAMDEN: 10, HACKNEY: 10})
    with pytest.raises(errors.StoreError, match="whole coverage table"):
        monitor.cube(made.drop(index=5), LAST, RULES)


def rebased(*entries):
    made = cover({CAMDEN: np.repeat([20.0, 10.0], 18), HACKNEY: np.repeat([20.0, 10.0], 18), "london": 100})
    rebases = [dict(zip(("month", "place", "reason"), (*entry, "A new form."), strict=True)) for entry in entries]
    found = monitor.cube(made, LAST, RULES | {"rebases": rebases})
    return found[found["period_end"] == LAST].set_index("place")["expected"], found


def test_a_rebase_shifts_only_the_place_named_and_only_from_its_month():
    plain, _ = rebased()
    shifted, found = rebased((SPAN[18], CAMDEN))
    assert plain[[CAMDEN, HACKNEY]].tolist() == pytest.approx([17.5, 17.5])  # 18 months of 20 and 6 of 10
    assert shifted.tolist() == pytest.approx([10, 17.5, 100])
    marks = found[found["flags"].str.contains("rebased")]
    assert marks[["place", "period_end"]].to_numpy().tolist() == [[CAMDEN, SPAN[18]]]
    assert rebased((SPAN[18], ""))[0].tolist() == pytest.approx([10, 10, 100])


def test_the_latest_rebase_holds_whether_of_the_place_or_of_all():
    assert rebased((SPAN[2], CAMDEN), (SPAN[18], ""))[0][CAMDEN] == pytest.approx(10)
    assert rebased((SPAN[2], ""), (SPAN[18], CAMDEN))[0][CAMDEN] == pytest.approx(10)


def test_a_rebase_that_is_not_yet_in_force_changes_nothing():
    made = cover({CAMDEN: 10}, span=SPAN[:30])
    rules = RULES | {"rebases": [{"month": SPAN[33], "reason": "A new form."}]}
    pd.testing.assert_frame_equal(monitor.cube(made, SPAN[29], rules), monitor.cube(made, SPAN[29], RULES))


@pytest.mark.parametrize(("gated", "runs"), [(None, 12), (5, 0), (4, 7)])
def test_a_month_below_the_gate_breaks_a_run(gated, runs):
    share = np.ones(36)
    if gated is not None:
        share[24 + gated] = 0.7
    counts = np.repeat([20.0, 17.0], [24, 12])
    made = cover({CAMDEN: counts, "london": 100}, coverage={CAMDEN: share}, exposure=1.0)
    found = monitor.cube(made, LAST, RULES, keep=made["place"] == CAMDEN)
    assert found["flags"].str.contains("run_low").sum() == runs


def checked(made, month=LAST):
    """The findings of one place, after what is promised of all of them."""
    found = monitor.cube(made, month, RULES, keep=made["place"] == CAMDEN)
    schema.check(found, "finding")
    told = found["flags"].str.contains("tested") & (found["status"] != "no_data")
    told &= found["coverage"] >= RULES["coverage_least"]
    assert found.loc[told, ["value", "expected", "limit_low", "limit_high"]].notna().all(axis=None)
    assert found.loc[found["status"] != "no_data", "value"].notna().all()
    return found.set_index("period_end")


def test_one_month_has_no_baseline_and_an_empty_series_no_rows():
    one = cover({CAMDEN: 5}, span=SPAN[:1])
    assert checked(one, SPAN[0])["flags"].tolist() == ["no_baseline"]
    assert monitor.signals(one, SPAN[0], RULES).empty
    none = one.iloc[:0]
    assert monitor.signals(none, SPAN[0], RULES).empty


def test_zeros_throughout_are_counts_with_nothing_to_compare_with():
    found = checked(cover({CAMDEN: 0, "london": 50}))
    assert (found["value"] == 0).all()
    assert set(found["flags"]) == {""}
    assert found["limit_high"].isna().all()
    assert set(found["status"]) == {"final"}


def test_a_place_whose_hospital_joined_lately_has_no_baseline_yet():
    share = np.repeat([0.4, 1.0], [18, 18])
    found = checked(cover({CAMDEN: 50 * share, "london": 100}, coverage={CAMDEN: share}))
    assert set(found["flags"]) == {"no_baseline"}
    assert found["expected"].isna().all()
    early = np.repeat([0.4, 1.0], [12, 24])
    found = checked(cover({CAMDEN: 50 * early, "london": 100}, coverage={CAMDEN: early}))
    assert found["flags"].tolist()[-12:] == ["tested"] * 12
    assert found["expected"].iloc[-1] == pytest.approx(50)


def test_a_month_without_coverage_has_no_data_and_no_limits():
    counts, share = np.full(36, 20.0), np.ones(36)
    counts[-3:], share[-3:] = 0, 0
    found = checked(cover({CAMDEN: counts, "london": 100}, coverage={CAMDEN: share}))
    assert found["status"].tolist()[-4:] == ["final", "no_data", "no_data", "no_data"]
    assert found.iloc[-3:][["value", "expected", "limit_low", "limit_high"]].isna().all(axis=None)
    assert not found["flags"].str.contains(FALLS).any()


@pytest.mark.parametrize("mean", [0.05, 0.5, 2.0])
def test_a_place_as_small_as_the_city_is_never_low_and_seldom_high(mean):
    counts = np.random.default_rng(7).poisson(mean, 36).astype(float)
    counts[0] = max(counts[0], 1)
    made = cover({CAMDEN: counts, "london": 100})
    found = checked(made)
    assert not found["flags"].str.contains("below_limit|above_limit").any()
    assert (found["limit_low"] == 0).all()
    assert (found["limit_high"] >= 1).all()
    assert (CAMDEN in set(monitor.signals(made, LAST, RULES | {"run_length": 1})["place"])) == (
        found["expected"].iloc[-1] >= RULES["signal_expected_least"]
    )


def many():
    """Thirty flat boroughs of two strata; in the last month Camden doubles and Hackney is a little high."""
    names = [CAMDEN, HACKNEY, CITY, *(f"E090000{n:02d}" for n in range(13, 34) if n != 25)]
    rng = np.random.default_rng(8)
    tables = []
    for stratum, level in (("", 50), ("knife", 12)):
        counts = {name: rng.poisson(level, 36).astype(float) for name in names}
        counts[CAMDEN][-1], counts[HACKNEY][-1] = (110, 84) if not stratum else (12, 12)
        tables.append(cover(counts, stratum_dim="weapon_group" * bool(stratum), stratum=stratum))
    return pd.concat(tables, ignore_index=True)


def test_the_family_of_tests_is_all_places_and_strata():
    made = many()
    found = monitor.signals(made, LAST, RULES)
    high = found[found["method"] == "above_limit"].set_index(["place", "stratum"])
    assert high.loc[(CAMDEN, ""), "flags"] == "discovery"
    assert high.loc[(HACKNEY, ""), "p"] > high.loc[(CAMDEN, ""), "p"]
    alone = monitor.signals(made[made["place"].isin([HACKNEY, "london"])], LAST, RULES | {"discovery_share": 0.002})
    among = monitor.signals(made, LAST, RULES | {"discovery_share": 0.002})
    of = [t[(t["place"] == HACKNEY) & (t["method"] == "above_limit")]["flags"].item() for t in (alone, among)]
    assert of == ["discovery", ""]  # the same month, judged among few tests and among many


def test_within_changes_what_is_returned_and_no_flag():
    made = many()
    whole, part = (monitor.signals(made, LAST, RULES, within=within) for within in (None, [HACKNEY]))
    assert set(part["place"]) == {HACKNEY}
    assert set(whole["place"]) > {HACKNEY}
    pd.testing.assert_frame_equal(whole[whole["place"] == HACKNEY].reset_index(drop=True), part)


def test_the_number_by_chance_counts_the_same_places():
    made, rules = many(), RULES | {"chance_draws": 40}
    whole, part = (
        monitor.expected_by_chance(made, LAST, rules, np.random.default_rng(9), within=within).iloc[0]
        for within in (None, [HACKNEY])
    )
    assert (whole["n"], part["n"]) == (48, 2)
    assert whole["value"] == len(monitor.signals(made, LAST, RULES))
    assert 0.3 < whole["expected"] < 3
    assert part["expected"] < whole["expected"] / 5
    assert (part["place"], whole["place"]) == (HACKNEY, "london")


def test_months_that_resemble_their_neighbours_widen_a_years_interval():
    rng = np.random.default_rng(5)
    shape = (40, 36)
    drift = np.zeros(shape)
    for t in range(1, 36):
        drift[:, t] = 0.8 * drift[:, t - 1] + rng.normal(0, 0.15, 40)
    use, one = np.arange(36) < 24, np.ones(shape)
    parts = {"reach": one, "spread": 0 * one, "use": np.tile(use, (40, 1))}
    parts |= {"group": np.zeros(40, dtype=int), "fitted": np.ones(40, dtype=int)}
    for counts, low, high in ((rng.poisson(40 * one), 1.0, 1.25), (rng.poisson(40 * np.exp(drift)), 1.6, 19.0)):
        series = _model.Series(counts=counts.astype(float), **parts)
        assert low <= _model.lasting(series, _model.fit(series, 12, 24.0)) <= high


def test_more_assaults_at_home_are_no_fall_elsewhere():
    events, held, roster = london(np.random.default_rng(8))
    extra = events[events["borough_gss"] == ""].assign(location_type="home", precision_class="home")
    extra = extra[extra["month"] >= "2024-01"]
    extra = extra.assign(event_id="h" + extra["event_id"])
    rows = extra.groupby(["site_code", "month"]).size()
    more = held.set_index(["site_code", "month"])
    more["rows"] = more["rows"] + rows.reindex(more.index, fill_value=0)
    plain = coverage.table(events, held, roster, LAST, RULES).set_index(["place", "month"])["exposure"]
    home = coverage.table(pd.concat([events, extra]), more.reset_index(), roster, LAST, RULES)
    np.testing.assert_allclose(home.set_index(["place", "month"])["exposure"], plain, atol=0.01)
