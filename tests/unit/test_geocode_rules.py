"""The place finder's rules, one by one, on small lists: spelling, postcodes, venues, sites, decisions, catchment."""

import hypothesis as hy
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from rapidfuzz.distance import OSA

from istv_lib import _venues, gazetteer, geocode, places
from tests.unit.made_places import RULES, WHOLE, ask, matcher, streets, venues

SOON = hy.settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=list(hy.HealthCheck),
    phases=[hy.Phase.explicit, hy.Phase.generate],  # shrinking a failure takes minutes
)
BRENT, CROYDON, BROMLEY, HACKNEY = "E09000005", "E09000008", "E09000006", "E09000012"
_ALL = gazetteer.embedded()
SHIPPED = _ALL[~_ALL["kind"].isin(["street", "station"]) | _ALL["display"].isin(["Brixton", "Angel"])]


def one(finder, text, site="SYN-N"):
    return ask(finder, [text], site).iloc[0]


def placed(found):
    return found["precision_class"], found["matched"]


def differ(finder, cases):
    """Cases (text, class, name) that get another answer, with it."""
    found = ask(finder, [text for text, *_ in cases])
    got = list(zip(found["precision_class"], found["matched"], strict=True))
    return [(case, said) for case, said in zip(cases, got, strict=True) if case[1:] != said]


# ---- spelling

QUILL = matcher(streets(("Quillbury Road", 521500, 184000), ("Thornapple Street", 521900, 184300)))


@st.composite
def slips(draw, word):
    """The word with one letter left out, put in, changed, or swapped with the next."""
    at, letter = draw(st.integers(0, len(word) - 2)), draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    kind = draw(st.sampled_from(["out", "in", "other", "swap"]))
    tail = {"out": word[at + 1 :], "in": letter + word[at:], "other": letter + word[at + 1 :]}
    tail["swap"] = word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + tail[kind]


@SOON
@hy.given(
    st.lists(slips("quillbury"), min_size=10, max_size=10), st.lists(slips("thornapple"), min_size=10, max_size=10)
)
def test_one_slip_is_read_through(left, right):
    found = ask(QUILL, [*(f"o/s {word} rd" for word in left), *(f"{word} street" for word in right)])
    assert found["matched"].tolist() == ["Quillbury Road"] * 10 + ["Thornapple Street"] * 10
    slipped = pd.Series([*left, *right]).isin(["quillbury", "thornapple"])
    assert found["faults"].str.contains("NAME.spelled").tolist() == (~slipped).tolist()
    clean = ask(QUILL, ["o/s quillbury rd", "thornapple street"])["location_p"].to_numpy().repeat(10)
    assert ((found["location_p"] < clean) == ~slipped).all()


_STOPS = pd.DataFrame({"display": ["Quillbury"], "kind": "station", "x": 521500.0, "y": 184000.0})
STATION = matcher(_venues.rows(_STOPS, source="made"))


@SOON
@hy.given(st.lists(slips("quillbury").flatmap(slips), min_size=15, max_size=15))
def test_two_slips_are_read_through_at_a_price(words):
    words = [word for word in words if OSA.distance(word, "quillbury") <= 2]  # a slip in a swap counts thrice
    found = ask(STATION, ["quillbury station", *(f"{word} station" for word in words)])
    assert (found["matched"] == "Quillbury").all()
    assert (found["location_p"] <= found.loc[0, "location_p"]).all()


def test_words_run_together_or_broken_are_read():
    found = ask(QUILL, ["quillburyroad", "quillbury road", "quill bury road", "o/s quillburyroad"])
    assert (found["matched"] == "Quillbury Road").all()


def test_what_is_too_far_from_a_name_is_not_read():
    found = ask(QUILL, ["quxxxbury road", "qilbry road", "road", "quill", "bury rd", "quillbury lane 2"])
    assert (found["precision_class"] == "none").all()


def test_a_name_as_written_wins_over_a_misspelt_one():
    both = matcher(streets(("Marsh Road", 521500, 184000), ("March Road", 524500, 184000)))
    assert ask(both, ["marsh road", "march road"])["matched"].tolist() == ["Marsh Road", "March Road"]
    assert not ask(both, ["marsh road", "march road"])["prior_decided"].any()
    between = one(both, "marxh road", None)
    assert between["precision_class"] in {"none", "borough"}
    assert "PLACES.ambiguous" in between["faults"]


# ---- postcodes


@pytest.fixture(scope="module")
def coded():
    units = pd.DataFrame(
        {"display": ["E8 3QE", "SE10 0AA", "E1W 1AA"], "x": [534900.0, 539500, 534300], "y": [184700.0, 179300, 180400]}
    )
    return matcher(SHIPPED, _venues.rows(units.assign(kind="postcode"), source="made"))


POSTCODES = [
    ("E8 3QE", "point", "E8 3QE"),
    ("e83qe", "point", "E8 3QE"),
    ("o/s shop, E8 3QE, london", "point", "E8 3QE"),
    ("E8 3QX", "district", "E8 3"),
    ("E8 3", "district", "E8 3"),
    ("E8 7ZZ", "district", "E8"),
    ("e8", "district", "E8"),
    ("SE1O OAA", "point", "SE10 0AA"),
    ("SEIO OAA", "point", "SE10 0AA"),
    ("SE10 OAA", "point", "SE10 0AA"),
    ("E1W 1AA", "point", "E1W 1AA"),
    ("E1W", "district", "E1W"),
    ("E1 6AN", "district", "E1 6"),
    ("ZZ1 1AA", "none", ""),
    ("E99 1AA", "none", ""),
    ("10 past 5", "none", ""),
    ("pt hit 3 x at 5 to 6", "none", ""),
    ("A1 20 mins", "none", ""),
    ("12 o clock", "none", ""),
]


def test_postcodes(coded):
    wrong = differ(coded, POSTCODES)
    assert wrong == []


def test_a_finer_postcode_is_surer_and_smaller(coded):
    found = ask(coded, ["E8 3QE", "E8 3", "E8"])
    assert found["radius_m"].is_monotonic_increasing
    assert found["location_p"].is_monotonic_decreasing


def test_a_postcode_that_speaks_against_a_street_wins(coded):
    both = matcher(SHIPPED, streets(("Quillbury Road", 521500, 184000)))
    assert placed(one(both, "Quillbury Road E8")) == ("district", "E8")
    agreed = one(both, "Quillbury Road NW10")
    assert placed(agreed) == ("street", "Quillbury Road")
    assert "DISTRICT.agrees" in agreed["faults"]


# ---- venues

PUBS = venues(
    ("The Garage", 521400, 184300), ("The Dog", 521450, 184250), ("Angel", 521500, 184000), ("Croydon", 521500, 184050),
    ("High Street", 521550, 184000), ("Royal London", 521500, 184100), ("The Quill", 521600, 184000),
    ("The Otter", 521300, 183300, "5 Quillbury Road"), ("The Otter", 533000, 184000, "1 Far Lane"),
)  # fmt: skip


@pytest.fixture(scope="module")
def pubs():
    return matcher(SHIPPED, PUBS, streets(("High Street", 521300, 183500), ("Quillbury Road", 521500, 184200)))


TAKEN = [
    ("angel", "area", "Angel"),
    ("angel pub", "point", "Angel"),
    ("croydon", "borough", "Croydon"),
    ("croydon pub", "point", "Croydon"),
    ("high street", "street", "High Street"),
    ("near the high street", "street", "High Street"),
    ("high street pub", "point", "High Street"),
    ("royal london", "hospital", "The Royal London Hospital"),
    ("royal london hospital", "hospital", "The Royal London Hospital"),
    ("royal london arms", "point", "Royal London"),
    ("garage", "none", ""),
    ("in the garage", "none", ""),
    ("garage kevin", "none", ""),
    ("bitten by the dog zzqx", "none", ""),
    ("garage pub", "point", "The Garage"),
    ("the garage, harlesden", "point", "The Garage"),
    ("quill road", "none", ""),
    ("the otter quillbury road", "point", "The Otter"),
]


def test_venues_take_only_what_is_theirs(pubs):
    assert differ(pubs, TAKEN) == []
    assert placed(one(pubs, "quill road")) == ("none", "")  # alone: no candidate is left of any text


def test_the_street_named_with_a_pub_tells_which_whatever_the_hospital(pubs):
    found = [one(pubs, "otter pub quillbury rd", site) for site in ("SYN-N", "SYN-S", None)]
    assert {(f["x"], f["y"], f["prior_decided"]) for f in found} == {(521300, 183300, False)}
    assert "STREET.agrees" in found[0]["faults"]
    assert "PLACES.same" in found[0]["faults"]


def test_texts_without_a_venue_are_read_as_without_the_list(pubs):
    bare = matcher(SHIPPED, streets(("High Street", 521300, 183500)))
    texts = ["High Street", "Peckham", "Angel station", "Croydon", "High Street, Harlesden", "home", "Brixton tube"]
    pd.testing.assert_frame_equal(ask(pubs, texts), ask(bare, texts))


# ---- sites: far names, namesakes together and apart


@pytest.mark.parametrize(
    ("east", "class_", "fault"),
    [(526000, "street", ""), (528500, "street", "PRIOR.doubt"), (532000, "none", "PRIOR.far")],
)
def test_a_lone_street_far_from_the_hospital_is_doubted_then_dropped(east, class_, fault):
    road = streets(("Quillbury Road", east, 184000))
    partly = matcher(SHIPPED, road, rules=RULES)
    found = one(partly, "Quillbury Road")
    assert (found["precision_class"], found["faults"], found["prior_decided"]) == (class_, fault, fault != "")
    blind = one(partly, "Quillbury Road", None)
    assert (blind["precision_class"], blind["x"], blind["prior_decided"]) == ("street", east, False)
    assert blind["location_p"] >= found["location_p"]
    whole = one(matcher(SHIPPED, road), "Quillbury Road")
    pd.testing.assert_series_equal(whole, blind, check_names=False)


def test_a_far_name_that_the_text_supports_is_believed_and_one_dropped_leaves_the_area():
    finder = matcher(SHIPPED, streets(("Quillbury Road", 534300, 176900)), rules=RULES)
    told = one(finder, "Quillbury Road, Peckham")
    assert (*placed(told), told["prior_decided"]) == ("street", "Quillbury Road", False)
    assert placed(one(finder, "Quillbury Road, Harlesden")) == ("area", "Harlesden")
    assert placed(one(finder, "Quillbury Road, Croydon")) == ("borough", "Croydon")


def test_a_lone_venue_is_doubted_with_a_whole_list_of_streets_too():
    finder = matcher(SHIPPED, venues(("The Otter", 528500, 184000), ("The Badger", 532000, 184000)))
    found = ask(finder, ["the otter", "the badger", "the badger pub"])
    assert found["precision_class"].tolist() == ["point", "none", "none"]
    assert found["prior_decided"].all()
    stations = ask(finder, ["Brixton station", "Peckham"])  # whose lists are whole
    assert not stations["prior_decided"].any()


def test_namesakes_that_lie_together_are_one_place_and_the_threshold_is_the_callers():
    chained = streets(("Border Road", 520000, 184000), ("Border Road", 520600, 184000))
    found = one(matcher(chained), "Border Road")
    assert (found["x"], found["radius_m"], found["prior_decided"], found["faults"]) == (520300, 300, False, "")
    near = streets(("Border Road", 520000, 184000), ("Border Road", 520900, 184000))
    found = one(matcher(near), "Border Road")
    assert (found["x"], found["radius_m"], found["prior_decided"], found["faults"]) == (
        520450,
        450,
        False,
        "PLACES.together",
    )
    apart = one(matcher(near, rules=WHOLE.replaced(prior_ambiguity_m=500, spread_area_m=500)), "Border Road")
    assert (apart["x"], apart["prior_decided"], apart["faults"]) == (520900, True, "PRIOR.decided")


def test_namesakes_within_the_spread_are_an_area_whatever_hospital_was_attended():
    finder = matcher(streets(("Border Road", 520000, 184000), ("Border Road", 521800, 184000)))
    for site in ("SYN-N", "SYN-S", None):
        found = one(finder, "Border Road", site)
        assert (found["x"], found["precision_class"], found["radius_m"]) == (520900, "area", 900)
        assert (found["prior_decided"], found["faults"]) == (False, "PLACES.together")
        assert found["location_p"] < 0.15


def test_namesakes_far_apart_need_a_site_or_a_word():
    finder = matcher(
        SHIPPED, streets(("Hill Lane", 521500, 184000), ("Hill Lane", 524500, 184000), ("Hill Lane", 539500, 169000))
    )
    north, south, blind = (one(finder, "Hill Lane", site) for site in ("SYN-N", "SYN-S", None))
    assert (north["x"], south["x"]) == (521500, 539500)
    assert north["prior_decided"]
    assert placed(blind) == ("none", "")
    assert blind["faults"] == "PLACES.ambiguous"
    assert north["location_p"] < one(finder, "Hill Lane, Bromley")["location_p"]
    told = one(finder, "Hill Lane, Bromley")
    assert (told["x"], told["prior_decided"]) == (539500, False)
    assert told["gap"] > 0
    two = matcher(streets(("Hill Lane", 521500, 184000), ("Hill Lane", 524500, 184000)))
    blind = one(two, "Hill Lane", None)  # both in Brent
    assert (blind["precision_class"], blind["borough_gss"], blind["location_p"]) == ("borough", BRENT, 0)


def test_a_long_street_is_an_area_alone_and_a_part_beside_what_else_is_named():
    finder = matcher(
        SHIPPED,
        streets(*[("Long Road", x, 183600) for x in range(515000, 527001, 400)], ("Cross Lane", 517050, 183500)),
    )
    alone = one(finder, "Long Road")
    assert (alone["precision_class"], alone["x"], alone["radius_m"]) == ("area", 521000, 6000)
    cut = one(finder, "Long Road, Harlesden")  # at 521453, 183585
    assert cut["precision_class"] == "street"
    assert abs(cut["x"] - 521453) < 300
    assert cut["radius_m"] <= 600
    assert cut["location_p"] > alone["location_p"]
    crossed = one(finder, "Long Road / Cross Lane")
    assert crossed["precision_class"] == "junction"
    assert abs(crossed["x"] - 517025) < 1


def test_a_point_beyond_the_boundary_is_outside():
    found = one(matcher(streets(("Lonely Road", 560000, 150000))), "Lonely Road")
    assert (found["precision_class"], found["borough_gss"], found["matched"], found["location_p"]) == (
        "outside",
        "",
        "",
        0,
    )
    assert np.isnan(found["x"])


@pytest.mark.parametrize("gap", [100, 500, 790, 810, 3000])
def test_two_streets_meet_within_reach_only(gap):
    found = one(matcher(streets(("Aaa Road", 521000, 184000), ("Bbb Road", 521000 + gap, 184000))), "Aaa Rd / Bbb Rd")
    assert (found["precision_class"] == "junction") == (gap <= RULES["junction_reach_m"])
    if gap <= RULES["junction_reach_m"]:
        assert (found["x"], found["radius_m"]) == (521000 + gap / 2, max(gap / 2, 50))


# ---- decisions


def decided(*rows):
    columns = ["text", "scope", "decision", "x", "y", "precision_class", "radius_m", "name"]
    return pd.DataFrame([(*row, *[np.nan, np.nan, "", np.nan, ""][len(row) - 3 :]) for row in rows], columns=columns)


ROAD = gazetteer.build(SHIPPED, streets(("Quillbury Road", 521500, 184000)))


def test_a_decision_wins_and_that_of_a_site_over_that_of_all():
    table = decided(
        ("quillbury road", "all", "place", 535000, 184500, "street", 120, "Quillbury Road, Hackney"),
        ("quillbury road", "SYN-S", "home"),
        ("the shops", "all", "place", 521600, 184100, "point", 80, "The Shops"),
        ("big place", "all", "place", 534200, 184600, "borough", 5000, "Hackney"),
        ("peckham", "all", "none"),
        ("on the ward", "SYN-N", "hospital"),
        ("mum", "all", "outside"),
        ("lot", "all", "mobile"),
    )
    finder = matcher(ROAD, decisions=table)
    asked = ["Quillbury Rd", "O/S Quillbury Road", "the SHOPS!", "Big place", "Peckham", "on the ward", "mum", "lot"]
    found = ask(finder, asked)
    fine = ["street", "street", "point", "borough", "none", "hospital", "outside", "mobile"]
    assert found["precision_class"].tolist() == fine
    assert found["x"].tolist()[:3] == [535000, 521500, 521600]  # "outside quillbury road" is another text
    assert found.loc[3:, "x"].isna().all()
    assert found["borough_gss"].tolist() == [HACKNEY, BRENT, BRENT, HACKNEY, "", "", "", ""]
    assert (found["faults"] == "DECIDED").tolist() == [True, False, *[True] * 6]
    assert (found.loc[[0, 2], "location_p"] == geocode.DECIDED_P).all()
    assert (found.loc[3:, "location_p"] == 0).all()
    assert not found["prior_decided"].any()
    south = ask(finder, asked, "SYN-S")
    assert south.loc[0, "precision_class"] == "home"
    assert south.loc[5, "precision_class"] != "hospital" or south.loc[5, "faults"] != "DECIDED"
    assert "a person decided it" in geocode.explain(found.iloc[0])


def test_without_decisions_the_finder_asks_nobody_and_versions_tell():
    table = decided(("quillbury road", "all", "none"))
    finder, plain = matcher(ROAD, decisions=table), matcher(ROAD)
    assert finder.version != plain.version
    assert finder.without_decisions().version == plain.version
    pd.testing.assert_frame_equal(ask(finder.without_decisions(), ["Quillbury Road"]), ask(plain, ["Quillbury Road"]))
    assert matcher(ROAD, decisions=table.iloc[:0]).version == plain.version
    two = pd.concat([table, decided(("peckham", "all", "home"))], ignore_index=True)
    assert matcher(ROAD, decisions=two).version == matcher(ROAD, decisions=two.iloc[::-1]).version


# ---- catchment


def located(counts):
    """Located records of {(site, year, months, borough): number each month}."""
    rows = [
        (site, f"{year}-{m:02d}", gss)
        for (site, year, months_, gss), n in counts.items()
        for m in range(1, months_ + 1)
        for _ in range(n)
    ]
    table = pd.DataFrame(rows, columns=["site_code", "month", "borough_gss"])
    return table.assign(prior_decided=False, location_p=0.9)


def test_a_catchment_counts_whole_calendar_years_sites_with_enough_and_what_the_site_did_not_decide():
    year = located({("SYN-N", 2023, 12, BRENT): 6, ("SYN-N", 2023, 12, CROYDON): 1, ("SYN-S", 2023, 12, BROMLEY): 4})
    known = geocode.catchment(year, rules=RULES)
    assert known.to_dict("list") == {"site_code": ["SYN-N"] * 2, "borough_gss": [BRENT, CROYDON], "n": [72, 12]}
    later = pd.concat([year, located({("SYN-N", 2024, 11, CROYDON): 50})], ignore_index=True)
    pd.testing.assert_frame_equal(geocode.catchment(later, rules=RULES), known)
    more = year.assign(
        prior_decided=year["site_code"].eq("SYN-N"), borough_gss=year["borough_gss"].where(year.index % 2 == 0, "")
    )
    assert geocode.catchment(more, rules=RULES).empty
    assert geocode.catchment(later[later["month"] > "2024"], rules=RULES).empty
    assert geocode.catchment(year.iloc[:0], rules=RULES).empty


def test_the_learned_share_decides_and_only_between_what_the_text_leaves_open():
    finder = matcher(
        SHIPPED,
        streets(("Hill Lane", 521500, 184000), ("Hill Lane", 532300, 165300), ("Quillbury Road", 521400, 184200)),
    )
    learned = geocode.catchment(
        located({("SYN-N", 2023, 12, CROYDON): 40, ("SYN-N", 2023, 12, HACKNEY): 1}), rules=RULES
    )
    taught = finder.with_catchment(learned)
    assert one(finder, "Hill Lane")["x"] == 521500
    assert one(taught, "Hill Lane")["x"] == 532300
    assert one(taught, "Hill Lane")["prior_decided"]
    texts = ["Hill Lane, Harlesden", "Quillbury Road", "Peckham", "home", "Hill Lane"]
    sure = [0, 1, 2, 3]
    pd.testing.assert_frame_equal(ask(taught, texts).iloc[sure], ask(finder, texts).iloc[sure])
    pd.testing.assert_frame_equal(ask(taught, texts, "SYN-S"), ask(finder, texts, "SYN-S"))  # no records of that site
    pd.testing.assert_frame_equal(ask(taught, texts, None), ask(finder, texts, None))


def test_a_catchment_changes_the_version_and_not_the_finder_it_came_from():
    finder = matcher(ROAD)
    before = finder.version
    one_, two = (
        pd.DataFrame({"site_code": ["SYN-N"] * 2, "borough_gss": [BRENT, HACKNEY], "n": [60, n]}) for n in (5, 6)
    )
    versions = {finder.with_catchment(table).version for table in (one_, two)}
    assert len(versions | {before}) == 3
    assert finder.version == before
    assert finder.with_catchment(one_.iloc[::-1]).version == finder.with_catchment(one_).version
    assert finder.with_catchment(one_.iloc[:0]).version == before


def test_every_borough_can_still_be_chosen_with_a_catchment():
    finder = matcher(SHIPPED, streets(("Hill Lane", 521500, 184000), ("Hill Lane", 532300, 165300)))
    taught = finder.with_catchment(pd.DataFrame({"site_code": ["SYN-N"], "borough_gss": [HACKNEY], "n": [500]}))
    assert one(taught, "Hill Lane")["x"] == 521500  # neither known: the nearer
    assert set(places.boroughs()["gss"]) >= {BRENT, HACKNEY}
