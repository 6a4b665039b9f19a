"""Names: one spelling on both sides, and no everyday word among them."""

import hypothesis as hy
import hypothesis.strategies as st
import pandas as pd
import pytest

from istv_lib import errors, gazetteer, places, schema


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
    assert {"borough", "area", "station"} <= set(names["kind"])
    assert names[["name", "display", "alias", "place", "source", "licence"]].ne("").all(axis=None)
    assert names.loc[names["kind"].isin(["area", "station"]), "borough_gss"].ne("").all()
    assert names[["x", "y"]].notna().all(axis=None)
    schema.check(names, "gazetteer")
    assert not {"bank", "oval", "hook", "church street", "harrow road"} & set(names["name"])
    aliased = names[names["name"] == "maida vale"]
    assert {"area", "station"} == set(aliased["kind"])


def test_each_station_has_its_full_name_and_most_their_bare_one():
    stations = gazetteer.embedded().query("kind == 'station'")
    bare = stations[stations["alias"] == "bare"]
    assert not bare["name"].str.endswith(" station").any()
    assert (bare["name"] + " station").isin(stations["name"]).all()
    assert {"bank station", "oval station", "kings cross station"} <= set(stations["name"])
    brixton = stations[stations["name"].isin(["brixton", "brixton station"])]
    assert brixton["place"].nunique() == 1
    assert set(brixton["alias"]) == {"official", "bare"}


def test_points_lie_in_their_borough():
    names = gazetteer.embedded().query("kind in ['borough', 'area', 'station']")
    assert (places.borough_of(names["x"], names["y"]) == names["borough_gss"]).all()


def anchors(*rows):
    return pd.DataFrame(rows, columns=gazetteer.ANCHOR_COLUMNS)


def test_a_street_has_every_point_and_reaches_the_farthest_from_their_median():
    found = gazetteer.streets(
        anchors(
            ("Mare Street", 0.0, 0.0, "A", 9), ("Mare Street", 100.0, 0.0, "A", 1), ("Mare Street", 500.0, 0.0, "B", 1)
        )
    )
    assert found[["x", "y", "radius_m"]].to_numpy().tolist() == [[0, 0, 400], [100, 0, 400], [500, 0, 400]]
    assert found["place"].tolist() == ["street:mare-street:0-0"] * 3
    assert found["borough_gss"].tolist() == ["A", "A", "B"]


@pytest.mark.parametrize(("step", "streets"), [(799.0, 1), (800.0, 1), (801.0, 3)])
def test_points_that_chain_together_are_one_street(step, streets):
    found = gazetteer.streets(anchors(*(("High St", i * step, 0.0, "A", 1) for i in range(3))))
    assert found["place"].nunique() == streets
    assert (found["radius_m"] == (step if streets == 1 else 100)).all()


def test_two_names_never_chain():
    found = gazetteer.streets(anchors(("Mare Street", 0.0, 0.0, "A", 1), ("Well Street", 0.0, 0.0, "A", 1)))
    assert found["place"].nunique() == 2
    assert (found["radius_m"] == 100).all()


def test_two_spellings_are_one_street():
    found = gazetteer.streets(anchors(("St John's Road", 0.0, 0.0, "A", 1), ("St Johns Road", 10.0, 0.0, "A", 2)))
    assert set(found["name"]) == {"saint johns road"}
    assert found["place"].nunique() == 1


def test_a_station_in_police_files_has_one_point():
    rows = (("Brixton station", 0.0, 0.0, "A", 1), ("Brixton station", 100.0, 20.0, "A", 1))
    found = gazetteer.streets(anchors(*rows, ("Brixton station", 9000.0, 0.0, "A", 1)))
    assert found[["kind", "x", "y", "radius_m"]].to_numpy().tolist() == [
        ["station", 50, 10, 150],
        ["station", 9000, 0, 150],
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Mare Street", "street"),
        ("Camden Road West", "street"),
        ("The Broadway", "street"),
        ("Station Road", "street"),
        ("Cheapside", "street"),
        ("St Mary Axe", "street"),
        ("Brixton station", "station"),
        ("Addiscombe tram stop", "station"),
        ("The Street", None),
        ("The Green", None),
        ("Main Road", None),
        ("Car Park", None),
        ("Road", None),
        ("A40", None),
        ("Petty Wales", None),
        ("Station", None),
        ("Camden West", None),
        ("", None),
    ],
)
def test_only_names_that_tell_a_street_are_looked_for(name, kind):
    assert gazetteer.streets(anchors((name, 0.0, 0.0, "A", 1)))["kind"].tolist() == ([kind] if kind else [])


def test_no_anchors_no_streets():
    assert gazetteer.streets(anchors()).columns.tolist() == gazetteer.COLUMNS


def row(name, x=530000.0, y=180000.0, **more):
    blank = {
        "display": name,
        "alias": "official",
        "kind": "venue",
        "type": "",
        "place": f"{name} {x}",
        "radius_m": 50.0,
    }
    given = {**blank, "name": name, "x": x, "y": y, "borough_gss": "A", "source": "one", "licence": "MIT", **more}
    return {column: given[column] for column in gazetteer.COLUMNS}


def test_build_has_one_order_and_no_equal_rows():
    names = gazetteer.embedded()
    more = gazetteer.streets(anchors(("Mare Street", 1.0, 2.0, "A", 1)))
    both = gazetteer.build(names, more, names)
    assert len(both) == len(names) + 1
    mixed = gazetteer.build(more, names.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(both, mixed)
    pd.testing.assert_frame_equal(both, gazetteer.build(both))
    assert not both.duplicated(["name", "kind", "x", "y", "borough_gss"]).any()
    assert gazetteer.build().columns.tolist() == gazetteer.COLUMNS


def test_one_thing_known_to_two_sources_is_one_place():
    one = pd.DataFrame(
        [row("red lion"), row("lion", alias="bare", place="red lion 530000.0"), row("red lion", 540000.0)]
    )
    two = pd.DataFrame([row("red lion", 530149.0, source="two"), row("red lion", 530000.0, kind="hospital")])
    found = gazetteer.build(one, two)
    here = found[(found["kind"] == "venue") & (found["x"] < 535000)]
    assert here["place"].unique().tolist() == ["venue:red-lion:530000-180000"]
    assert len(here) == 3
    assert found["place"].nunique() == 3


def test_of_equal_rows_the_first_table_is_kept_but_of_postcodes_the_last():
    one = pd.DataFrame([row("red lion"), row("e8", kind="district", type="outcode", radius_m=900.0)])
    two = pd.DataFrame([row("red lion", source="two"), row("e8", 530500.0, kind="district", type="outcode")])
    found = gazetteer.build(one, two)
    assert found.loc[found["kind"] == "venue", "source"].tolist() == ["one"]
    assert found.loc[found["kind"] == "district", "x"].tolist() == [530500]


def test_build_refuses_what_it_does_not_know():
    names = gazetteer.embedded()
    with pytest.raises(errors.StoreError, match="licence"):
        gazetteer.build(names.drop(columns="licence"))
    with pytest.raises(errors.StoreError, match="pub"):
        gazetteer.build(names.assign(kind="pub"))
    with pytest.raises(errors.StoreError, match="nickname"):
        gazetteer.build(names.assign(alias="nickname"))
    with pytest.raises(errors.StoreError, match="borough_gss"):
        gazetteer.streets(anchors().drop(columns="borough_gss"))


points = st.lists(
    st.tuples(st.sampled_from(["Mare Street", "High St", "high street", "Bow Road"]), *[st.integers(0, 6000)] * 2),
    min_size=1,
    max_size=25,
)


@hy.given(points, st.randoms(use_true_random=False))
@hy.settings(max_examples=25, deadline=None)
def test_neither_version_nor_places_depend_on_the_order_of_rows(given, random):
    rows = [(name, float(x), float(y), "A", 1) for name, x, y in given]
    one = gazetteer.streets(anchors(*rows))
    random.shuffle(rows)
    other = gazetteer.streets(anchors(*rows))
    pd.testing.assert_frame_equal(one, other)
    mixed = other.iloc[random.sample(range(len(other)), len(other))]
    assert gazetteer.version(one) == gazetteer.version(mixed)
    assert len(gazetteer.version(one)) == 12
    assert gazetteer.version(one) != gazetteer.version(one.assign(x=one["x"] + 1))
    assert gazetteer.version(one) != gazetteer.version(one.iloc[1:])
    within = one.groupby("place").agg(name=("name", "nunique"), x=("x", "size"))
    assert (within["name"] == 1).all()


def test_counts_say_what_each_source_adds():
    one = pd.DataFrame([row("red lion"), row("red lion", 540000.0), row("swan")])
    two = pd.DataFrame([row("swan", 550000.0, source="two"), row("bell", source="two"), row("swan", kind="street")])
    found = gazetteer.counts(one, two)
    assert found.columns.tolist() == ["source", "kind", "names", "places", "points", "adds"]
    assert found.to_numpy().tolist() == [
        ["one", "street", 1, 1, 1, 1],
        ["one", "venue", 2, 3, 2, 2],
        ["two", "venue", 2, 2, 2, 1],
    ]
    names = gazetteer.embedded()
    assert gazetteer.counts(names)["adds"].sum() == names.drop_duplicates(["kind", "name"]).shape[0]
