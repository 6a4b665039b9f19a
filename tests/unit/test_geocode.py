"""Texts to places: the cases of tests/cases/locations.yml, what must hold for any text, and the tables in and out."""

import re
import time

import hypothesis as hy
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from istv_lib import _faults, errors, gazetteer, geocode, places, schema
from tests.unit.made_places import CASES, RULES, SITES, WHOLE, ask, cases_world, matcher, records, streets, venues

CLOSE_M = 300
POINTED = {"point", "junction", "street", "area", "district", "hospital"}
CLASSES = POINTED | {"borough", "home", "mobile", "outside", "none"}
ODD = [
    "",
    " ",
    "\t\n",
    "🤕🤕🤕",
    "في الشارع",
    "בית",
    "\u202emare street\u202c",
    "home\x00\x07\x1b[31m",
    "\ufeff",
    "e\u0301" * 50,
]
ODD += [
    "'; DROP TABLE records; --",
    "1' OR '1'='1",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "%s%n{0}\\",
    ".*(",
    "NaN",
]
ODD += [
    "x" * 255,
    "9" * 255,
    ("mare street " * 22)[:255],
    "high street / " * 18,
    "st " * 85,
    "ª²½ﬁ",
    "nan",
    "None",
    "and",
    "of of and",
]


@pytest.fixture(scope="module")
def names():
    return cases_world()


@pytest.fixture(scope="module")
def finder(names):
    return geocode.Matcher(names, SITES, rules=WHOLE)


@pytest.fixture(scope="module")
def answers(finder):
    cases = CASES["cases"]
    types, sites = [c.get("type", "unknown") for c in cases], [c.get("site", "SYN-N") for c in cases]
    return geocode.locate(records([c["text"] for c in cases], types=types, site=sites), finder)


def _case(number, case):
    known = [pytest.mark.xfail(reason=case["miss"], strict=True)] if "miss" in case else []
    return pytest.param(number, case, id=f"{case['text']}|{case.get('type', '')}|{case.get('site', '')}", marks=known)


@pytest.mark.parametrize(("number", "case"), [_case(i, case) for i, case in enumerate(CASES["cases"])])
def test_cases(number, case, names, answers):
    found = answers.iloc[number]
    assert found["precision_class"] == case["precision"]
    if "borough" in case:
        named = places.boroughs().set_index("gss")["name"].get(found["borough_gss"], "")
        assert named == case["borough"]
    if "name" in case:
        there = names[(names["display"] == case["name"]) & (names["kind"] != "borough")]
        assert np.hypot(there["x"] - found["x"], there["y"] - found["y"]).min() <= CLOSE_M
    assert bool(found["prior_decided"]) == case.get("prior", False)
    if case["precision"] != "hospital":  # "in A&E" names none
        assert np.isfinite(found["x"]) == (case["precision"] in POINTED)


# ---- the tables in and out


def test_located_is_the_schema_and_keeps_order_and_identity(finder):
    asked = records(["Mare Street", "", "home"], types=["street", "unknown", "unknown"]).iloc[::-1]
    found = geocode.locate(asked, finder)
    schema.check(found, "located")
    assert found["record_id"].tolist() == ["r2", "r1", "r0"]
    assert found["synthetic"].all()
    assert "location_text" not in found
    assert set(found["place_version"]) == {finder.version}


def test_no_records_give_an_empty_table(finder):
    pd.testing.assert_frame_equal(geocode.locate(records([]), finder), schema.empty("located"))
    empty = finder.match(pd.Series([], dtype="str"))
    assert list(empty.columns) == list(geocode.RESULT)
    assert empty.dtypes.astype("str").to_dict() == ask(finder, ["x"]).dtypes.astype("str").to_dict()


def test_no_names_at_all():
    found = ask(matcher(), ["Mare Street", "home", "Brighton"])
    assert found["precision_class"].tolist() == ["none", "home", "outside"]


def test_missing_columns_are_named(finder, names):
    with pytest.raises(errors.StoreError, match="location_text"):
        geocode.locate(records(["x"]).drop(columns="location_text"), finder)
    with pytest.raises(errors.StoreError, match="northing"):
        geocode.Matcher(names, SITES.drop(columns="northing"), rules=RULES)
    with pytest.raises(errors.StoreError, match="radius_m"):
        geocode.Matcher(names.drop(columns="radius_m"), SITES, rules=RULES)


def test_a_home_is_home_whatever_is_written_and_a_bare_station_of_transport_is_the_station(finder):
    found = geocode.locate(records(["Mare Street", "Stockwell", "Stockwell"], ["home", "transport", "unknown"]), finder)
    assert found["precision_class"].tolist() == ["home", "point", "area"]
    assert found.loc[0, ["borough_gss", "matched_kind", "faults"]].tolist() == ["", "", ""]
    assert found.loc[0, ["x", "radius_m"]].isna().all()
    assert found.loc[0, "location_p"] == 0


def test_index_missing_texts_and_unknown_sites(finder):
    texts = pd.Series(["Mare St", None, np.nan, "Mare St", "High Street"], index=[7, 7, 1, 0, -3], dtype="object")
    found = finder.match(texts, pd.Series(["SYN-N", "SYN-N", None, "NOWHERE", np.nan], index=texts.index))
    assert found.index.tolist() == [7, 7, 1, 0, -3]
    assert found["precision_class"].tolist() == ["street", "none", "none", "street", "none"]
    pd.testing.assert_series_equal(found.iloc[0], found.iloc[3], check_names=False)


def test_a_site_listed_twice_counts_as_last_listed(names, finder):
    moved = pd.concat([SITES, SITES.assign(easting="540000", northing="169000")], ignore_index=True)
    found = ask(geocode.Matcher(names, moved, rules=WHOLE), ["High Street"])
    pd.testing.assert_frame_equal(found, ask(finder, ["High Street"], "SYN-S"))


def test_the_version_names_gazetteer_decisions_catchment_and_method(names, finder):
    assert finder.version.startswith(gazetteer.version(names) + "-0-")
    assert finder.version.endswith(f"-{geocode.METHOD}")
    assert matcher(names.iloc[1:]).version != finder.version


def test_the_order_of_the_list_does_not_matter(names, finder):
    texts = [case["text"] for case in CASES["cases"]]
    shuffled = geocode.Matcher(names.sample(frac=1, random_state=1), SITES, rules=WHOLE)
    pd.testing.assert_frame_equal(ask(shuffled, texts), ask(finder, texts))
    assert shuffled.version == finder.version


# ---- probability, reasons and sentences


def test_probability_falls_from_class_to_class_and_where_the_hospital_decided(finder):
    texts = ["Brixton station", "Mare St", "High St", "SW9 8HE", "SW9", "Camden", "home", "n/k", "Kent"]
    p = ask(finder, texts)["location_p"].to_numpy()
    assert (np.diff(p[:5]) < 0).all()
    assert (p[:5] > 0).all()
    assert (p[5:] == 0).all()


def test_a_misspelt_or_doubted_name_is_less_sure(finder):
    p = ask(finder, ["Old Kent Road", "Old Kent Raod", "Old Kent Raod zzqx"])["location_p"]
    assert p.is_monotonic_decreasing
    assert p.is_unique


CODE = re.compile(r"[A-Z]+(?:\.[a-z]+)?(?::[+-]?[0-9]+)?")


def test_faults_hold_codes_and_no_word_of_a_text(finder):
    found = pd.concat(
        [ask(finder, [case["text"] for case in CASES["cases"]], site) for site in (None, "SYN-N", "SYN-S")]
    )
    codes = found["faults"].str.split(";").explode()
    codes = codes[codes != ""]
    assert codes.map(lambda code: bool(CODE.fullmatch(code))).all()
    stem = codes.str.split(":").str[0].unique()
    kinds = {kind.upper() for kind in [*_faults._NAMES, "decoy"]}
    assert all(
        s in _faults._WORDS or (s.split(".")[0] in kinds and s.split(".")[1] in {"agrees", "against"}) for s in stem
    )
    assert {"NAME.spelled", "CUE.pub", "STREETS.apart", "PLACES.together", "PLACES.ambiguous", "PRIOR.decided"} <= {
        *stem
    }


def test_every_answer_has_a_sentence(finder):
    found = ask(finder, [*(case["text"] for case in CASES["cases"]), *ODD])
    assert set(found["precision_class"]) == CLASSES
    told = [geocode.explain(row) for row in found.to_dict("records")]
    assert all(re.fullmatch(r"\S.*\.", sentence) for sentence in told)
    assert not any(re.search(r"\b[A-Z]{3,}\.[a-z]+\b|\bnan\b|;;", sentence) for sentence in told)
    says = dict(zip(found["precision_class"], told, strict=True))
    assert "hom" in says["home"]
    assert "on the move" in says["mobile"]


def test_a_sentence_says_name_class_chance_and_reasons(finder):
    told = geocode.explain(ask(finder, ["High Street, Bromley"]).iloc[0])
    assert told.startswith("High Street (street, ")
    assert "% likely within 250 m" in told
    assert "an area named with it lies there" in told or "a borough named with it lies there" in told
    assert "the attended hospital decided" in geocode.explain(ask(finder, ["High Street"]).iloc[0])


# ---- what must hold for any text

PIECES = st.sampled_from(
    "Mare Street|Well St|mare stret|High Street|Peckham|Camden|Brixton station|brxton stn|home|on bus|Brighton|"
    "unknown|&|/|near|12|Bromley|St|the|care home|"
    "Croydon|Church Rd|- -|Red Lion|pub|Rose & Crown|McDonald's|Angel|SW9 8HE|E8|hospital|"
    "Old Kent Road|Harlesden|garage|Kings Head|marestreet|The Broadway|RLH|road|corner of|oxford|zzqx".split("|")
)
TEXTS = st.lists(PIECES, max_size=5).map(" ".join)
SOON = hy.settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=list(hy.HealthCheck),
    phases=[hy.Phase.explicit, hy.Phase.generate],  # shrinking a failure takes minutes
)


@SOON
@hy.given(st.lists(TEXTS, min_size=15, max_size=30))
def test_any_text_keeps_the_promises(finder, texts):
    found = ask(finder, texts)
    assert set(found["precision_class"]) <= CLASSES
    pointed = found["x"].notna()
    assert (pointed == found["y"].notna()).all()
    assert found.loc[pointed, "precision_class"].isin(POINTED).all()
    assert (pointed | ~found["precision_class"].isin(POINTED - {"hospital"})).all()
    at = found[pointed & (found["precision_class"] != "hospital")]
    assert (at["borough_gss"] == places.borough_of(at["x"], at["y"])).all()
    assert ((found["location_p"] > 0) == pointed).all()
    assert found["location_p"].between(0, 1).all()
    assert (found["radius_m"].notna() == pointed).all()
    assert (found.loc[pointed, "radius_m"] > 0).all()
    nowhere = found["precision_class"].isin(["home", "mobile", "outside", "none"])
    assert (found.loc[nowhere, "borough_gss"] == "").all()
    assert (found.loc[found["precision_class"] == "borough", "borough_gss"] != "").all()
    assert (
        not found[["prior_decided", "borough_gss", "matched", "matched_kind", "faults", "precision_class"]]
        .isna()
        .any()
        .any()
    )


@SOON
@hy.given(
    st.lists(TEXTS, min_size=10, max_size=30, unique=True),
    st.sampled_from(["SYN-N", "SYN-S", "SYN-E", ""]),
    st.randoms(),
)
def test_the_same_text_and_site_get_the_same_answer_whatever_else_is_asked(finder, texts, site, luck):
    found = ask(finder, texts, site)
    order = luck.sample(range(len(texts)), len(texts)) * 2
    crowd = pd.Series([texts[i] for i in order] + texts + ["Mare Street"])
    sites = [site] * len(order) + ["SYN-S" if site != "SYN-S" else "SYN-N"] * len(texts) + ["SYN-E"]
    mixed = finder.match(crowd, pd.Series(sites)).iloc[: len(order)]
    pd.testing.assert_frame_equal(mixed.reset_index(drop=True), found.iloc[order].reset_index(drop=True))
    alone = ask(finder, texts[:1], site)
    pd.testing.assert_frame_equal(alone, found.iloc[:1])


@SOON
@hy.given(st.lists(TEXTS, min_size=15, max_size=30))
def test_case_and_punctuation_do_not_matter(finder, texts):
    found = ask(finder, texts)
    signs = [t.upper().replace(" ", " , ").replace("/", " / ") + " !" for t in texts]
    pd.testing.assert_frame_equal(ask(finder, signs), found)


@SOON
@hy.given(st.lists(TEXTS, min_size=15, max_size=30), st.sampled_from(["SYN-N", "SYN-S", "SYN-E", "SYN-0"]))
def test_without_the_hospital_only_the_rows_it_decided_change(finder, texts, site):
    asked, blind = ask(finder, texts, site), ask(finder, texts, None)
    sure = ~asked["prior_decided"]
    pd.testing.assert_frame_equal(asked[sure], blind[sure])
    assert not blind["prior_decided"].any()
    if site == "SYN-0":
        assert sure.all()


@pytest.mark.parametrize(("site", "rules"), [("SYN-N", WHOLE), ("SYN-S", RULES), ("SYN-0", RULES)])
def test_without_the_hospital_only_the_rows_it_decided_change_in_all_cases(names, rules, site):
    finder = geocode.Matcher(names, SITES, rules=rules)
    texts = [*(case["text"] for case in CASES["cases"]), *ODD]
    asked, blind = ask(finder, texts, site), ask(finder, texts, None)
    sure = ~asked["prior_decided"]
    pd.testing.assert_frame_equal(asked[sure], blind[sure])
    differs = (
        asked[["x", "precision_class", "borough_gss"]].fillna(-1)
        != blind[["x", "precision_class", "borough_gss"]].fillna(-1)
    ).any(axis=1)
    assert (asked["prior_decided"] | ~differs).all()


# A border between boroughs runs between Aaa Road and Bbb Road; Ccc Road has several points; Ddd and Eee Road tie.
CROSSINGS = [
    ("Aaa Road", 534000, 183300), ("Aaa Road", 534000, 183700), ("Aaa Road", 529200, 177700),
    ("Bbb Road", 534050, 182600), ("Bbb Road", 534050, 183000), ("Bbb Road", 529000, 178000),
    ("Ccc Road", 533400, 183100), ("Ccc Road", 533500, 183700), ("Ccc Road", 534600, 182700),
    ("Ccc Road", 529300, 178200),
    ("Ddd Road", 534000, 184200), ("Ddd Road", 534100, 184000),
    ("Eee Road", 534050, 184000), ("Eee Road", 534050, 184200),
]  # fmt: skip


@pytest.fixture(scope="module")
def crossing():
    return matcher(
        gazetteer.embedded(), streets(*CROSSINGS), venues(("Blue Boar", 533700, 183300), ("Blue Boar", 529400, 178000))
    )


BESIDE = ["", "Hackney", "Tower Hamlets", "Dalston", "Ccc Road", "Blue Boar pub", "E8", "Harlesden", "zzqx"]


@pytest.mark.parametrize("site", [None, "SYN-N"])
def test_the_order_of_two_streets_does_not_matter(crossing, site):
    roads = sorted({name for name, _, _ in CROSSINGS})
    both = [(a, b) for a in roads for b in roads if a < b]
    told = [ask(crossing, [f"{p[k]} / {p[1 - k]}, {c}" for p in both for c in BESIDE], site) for k in (0, 1)]
    pd.testing.assert_frame_equal(*told)


FORMS = "{} / {}|{} and {}|{} j/w {}|corner of {} & {}|between {} and {}|{} x {}|{} jct {}|{} @ {}|{}, {}".split("|")


def test_two_streets_written_in_any_way_are_one_junction(finder):
    pairs = ("Mare Street", "Well St"), ("WELL STREET", "mare st.")
    found = ask(finder, [form.format(*pair) for form in FORMS for pair in pairs])
    assert set(zip(found["precision_class"], found["matched"], strict=True)) == {
        ("junction", "Mare Street / Well Street")
    }
    assert len(found.drop_duplicates()) == 1


def test_chunks_do_not_show(finder, monkeypatch):
    texts = [case["text"] for case in CASES["cases"]] * 2
    sites = ["SYN-N", "SYN-S", "SYN-E"] * len(texts)
    whole = ask(finder, texts, sites[: len(texts)])
    monkeypatch.setattr(geocode, "_CHUNK", 60)
    pd.testing.assert_frame_equal(ask(finder, texts, sites[: len(texts)]), whole)


# ---- bad input


@pytest.mark.parametrize("site", ["SYN-N", "'; --"])
def test_odd_texts_get_a_class_and_no_error(finder, site):
    texts = pd.Series(ODD * 3)
    found = ask(finder, texts, site)
    assert set(found["precision_class"]) <= CLASSES
    pd.testing.assert_frame_equal(found.iloc[: len(ODD)], found.iloc[len(ODD) : 2 * len(ODD)].reset_index(drop=True))
    nothing = found.iloc[: len(ODD)][texts[: len(ODD)].str.strip().eq("").to_numpy()]
    assert (nothing["precision_class"] == "none").all()


@SOON
@hy.given(st.lists(st.text(max_size=60), min_size=20))
def test_any_characters_pass(finder, texts):
    found = ask(finder, texts)
    assert set(found["precision_class"]) <= CLASSES
    assert len(found) == len(texts)


def test_texts_are_in_no_error_and_no_log(finder, caplog, capsys):
    ask(finder, ["zzqxword Mare Street"])
    assert "zzqx" not in caplog.text + "".join(capsys.readouterr())


def test_a_full_london_is_found_in_seconds(names):
    rng = np.random.default_rng(1)
    x, y = rng.uniform(510_000, 550_000, 3_000), rng.uniform(165_000, 195_000, 3_000)
    more = [f"Street{i % 2000}x Road" for i in range(3_000)]
    finder = matcher(names, streets(*zip(more, x, y, strict=True)))
    pick = rng.integers(3_000, size=10_000)
    texts = "outside number " + pd.Series(rng.integers(1, 300, 10_000)).astype(str) + " " + np.array(more)[pick]
    start = time.perf_counter()
    found = geocode.locate(records(texts), finder)
    assert time.perf_counter() - start < 10
    assert (found["precision_class"] != "none").mean() > 0.95
