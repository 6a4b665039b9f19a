"""Names: one spelling on both sides, and no everyday word among them."""

import hypothesis as hy
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from istv_lib import errors, gazetteer, places


def plain(text):
    return gazetteer.normalise(pd.Series([text])).iloc[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("High St, Croydon", "high street croydon"),
        ("high street croydon", "high street croydon"),
        ("St Pancras", "saint pancras"),
        ("o/s St. Pancras stn", "outside saint pancras station"),
        ("assaulted St Johns Rd", "assaulted saint johns road"),
        ("Great St Helen's", "great saint helens"),
        ("in st", "in street"),
        ("St", "street"),
        ("Queen'S Rd", "queens road"),
        ("Queen’s Road", "queens road"),
        ("Elephant & Castle", "elephant and castle"),
        ("Kings X tube station", "kings cross station"),
        ("Addiscombe (Tram Stop)", "addiscombe station"),
        ("bus stop nr Mare St", "bus stop near mare street"),
        ("A Rd / B Ave", "a road b avenue"),
        ("High St–Church Rd", "high street church road"),
        ("pub @ Bow Rd j/w Fairfield Rd", "pub at bow road junction with fairfield road"),
        ("Café", "cafe"),
        ("n/k", "unknown"),
        ("N/A", "unknown"),
        ("- -", ""),
        ("  ", ""),
        (None, ""),
    ],
)
def test_normalise(text, wanted):
    assert plain(text) == wanted


def test_normalise_keeps_the_index():
    texts = pd.Series(["B Rd", None, "A St"], index=[7, 3, 7])
    found = gazetteer.normalise(texts)
    assert found.index.tolist() == [7, 3, 7]
    assert found.tolist() == ["b road", "", "a street"]


@hy.given(st.text(max_size=40))
def test_normalised_text_is_plain_and_stays_so(text):
    once = plain(text)
    assert once == " ".join(once.split())
    assert all(c in "abcdefghijklmnopqrstuvwxyz0123456789 " for c in once)
    assert plain(once) == plain(plain(once))


def test_the_shipped_names():
    names = gazetteer.embedded()
    assert names.columns.tolist() == gazetteer.COLUMNS
    assert (names["kind"] == "borough").sum() == 33
    assert set(names["kind"]) == {"borough", "area", "station"}
    assert names[["name", "display", "source", "licence", "borough_gss"]].ne("").all(axis=None)
    assert names[["x", "y"]].notna().all(axis=None)
    stations = names[names["kind"] == "station"]
    bare = stations.loc[~stations["name"].str.endswith(" station"), "name"]
    assert (bare + " station").isin(stations["name"]).all()
    assert {"bank station", "oval station", "kings cross station"} <= set(stations["name"])
    assert not {"bank", "oval", "hook", "church street", "harrow road"} & set(names["name"])
    aliased = names[names["name"] == "maida vale"]
    assert {"area", "station"} == set(aliased["kind"])


def test_points_lie_in_their_borough():
    names = gazetteer.embedded()
    assert (places.borough_of(names["x"], names["y"]) == names["borough_gss"]).all()


def anchors(*rows):
    return pd.DataFrame(rows, columns=gazetteer.ANCHOR_COLUMNS)


def test_a_street_is_the_median_of_its_points_with_their_spread():
    found = gazetteer.streets(
        anchors(
            ("Mare Street", 0.0, 0.0, "A", 9), ("Mare Street", 100.0, 0.0, "A", 1), ("Mare Street", 500.0, 0.0, "A", 1)
        )
    )
    assert found[["name", "kind", "x", "y", "radius_m"]].to_numpy().tolist() == [["mare street", "street", 100, 0, 400]]


def test_a_street_is_at_least_100_m_wide_and_one_per_borough():
    found = gazetteer.streets(anchors(("High St", 0.0, 0.0, "A", 1), ("High Street", 50.0, 0.0, "B", 2)))
    assert found["name"].tolist() == ["high street", "high street"]
    assert found["borough_gss"].tolist() == ["A", "B"]
    assert (found["radius_m"] == 100).all()


def test_two_spellings_are_one_street():
    found = gazetteer.streets(anchors(("St John's Road", 0.0, 0.0, "A", 1), ("St Johns Road", 10.0, 0.0, "A", 2)))
    assert found[["name", "x"]].to_numpy().tolist() == [["saint johns road", 5]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Mare Street", "street"),
        ("Camden Road West", "street"),
        ("The Broadway", "street"),
        ("Station Road", "street"),
        ("Brixton station", "station"),
        ("Addiscombe tram stop", "station"),
        ("The Street", None),
        ("The Green", None),
        ("Main Road", None),
        ("Car Park", None),
        ("Road", None),
        ("Cheapside", None),
        ("A40", None),
        ("Petty Wales", None),
        ("Station", None),
        ("Camden West", None),
        ("", None),
    ],
)
def test_only_names_with_a_kind_of_street_are_looked_for(name, kind):
    assert gazetteer.streets(anchors((name, 0.0, 0.0, "A", 1)))["kind"].tolist() == ([kind] if kind else [])


def test_no_anchors_no_streets():
    assert gazetteer.streets(anchors()).columns.tolist() == gazetteer.COLUMNS


def test_build_has_one_order_and_no_equal_rows():
    names = gazetteer.embedded()
    more = gazetteer.streets(anchors(("Mare Street", 1.0, 2.0, "A", 1)))
    both = gazetteer.build(names, more, names)
    assert len(both) == len(names) + 1
    mixed = gazetteer.build(more, names.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(both, mixed)
    assert not both.duplicated(["name", "kind", "x", "y", "borough_gss"]).any()
    assert gazetteer.build().columns.tolist() == gazetteer.COLUMNS


def test_build_refuses_what_it_does_not_know():
    names = gazetteer.embedded()
    with pytest.raises(errors.StoreError, match="licence"):
        gazetteer.build(names.drop(columns="licence"))
    with pytest.raises(errors.StoreError, match="pub"):
        gazetteer.build(names.assign(kind="pub"))
    with pytest.raises(errors.StoreError, match="borough_gss"):
        gazetteer.streets(anchors().drop(columns="borough_gss"))


def test_counts_add_up():
    names = gazetteer.embedded()
    found = gazetteer.counts(names)
    assert found["entries"].sum() == len(names)
    assert found.columns.tolist() == ["source", "kind", "names", "entries"]
    assert np.all(found["names"] <= found["entries"])
