"""Boroughs, sites, codes, names, points and the lattice."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from istv_lib import errors, places, schema

REFERENCE = Path(places.__file__).parent / "reference"
LICENSES = REFERENCE.parents[1] / "LICENSES"
OUTLINES = places.polygons()
easting = st.floats(500_000, 565_000)
northing = st.floats(152_000, 204_000)


# ---- reference files


@pytest.mark.parametrize("path", sorted(REFERENCE.iterdir()), ids=lambda path: path.name)
def test_reference_files_are_plain_text_with_a_licence(path):
    text = path.read_bytes().decode("utf-8")
    assert "\r" not in text
    assert path.stat().st_size < 500_000
    assert path.name in (LICENSES / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("boroughs", "gss"),
        ("bcus", "code"),
        ("sites", "site_code"),
        ("bank_holidays", "date"),
        ("outcodes", "outcode"),
        ("postcode_sectors", "sector"),
        ("hospitals", "name"),
    ],
)
def test_keyed_tables_are_sorted_and_unique(name, key):
    keys = pd.read_csv(REFERENCE / f"{name}.csv", dtype=str, keep_default_na=False)[key]
    assert keys.is_unique
    assert keys.is_monotonic_increasing


def test_every_notice_is_listed():
    listed = (LICENSES / "README.md").read_text("utf-8")
    assert all(path.name in listed for path in LICENSES.iterdir() if path.name != "README.md")


def test_importing_places_stays_cheap():
    code = "import sys, istv_lib.places; print(sorted({'geopandas', 'pyproj', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---- areas


def test_46_areas_with_distinct_codes_and_slugs():
    listed = places.areas()
    assert [area.kind for area in listed] == ["london"] + ["bcu"] * 12 + ["borough"] * 33
    assert len({area.code for area in listed}) == len({area.slug for area in listed}) == 46
    assert all(area.slug == area.slug.lower() and " " not in area.slug for area in listed)


def test_bcus_cover_every_borough_but_the_city_once():
    covered = [gss for area in places.areas() if area.kind == "bcu" for gss in area.boroughs]
    everything = places.find_area("london").boroughs
    assert len(covered) == len(set(covered)) == 32
    assert set(everything) - set(covered) == {places.find_area("city-of-london").code}


@pytest.mark.parametrize("text", ["camden", "Camden", "CAMDEN", "E09000007", "e09000007", " camden "])
def test_an_area_is_found_in_any_spelling(text):
    assert places.find_area(text).code == "E09000007"


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("London", "london"),
        ("E12000007", "london"),
        ("bcu-central-north", "bcu-central-north"),
        ("Central North BCU", "bcu-central-north"),
        ("cn", "bcu-central-north"),
        ("Kensington & Chelsea", "kensington-and-chelsea"),
    ],
)
def test_areas_of_each_kind_are_found(text, slug):
    assert places.find_area(text).slug == slug


def test_every_area_is_found_by_code_name_and_slug():
    for area in places.areas():
        assert {places.find_area(text) for text in (area.code, area.name, area.slug)} == {area}


def test_an_unknown_area_names_the_nearest():
    with pytest.raises(errors.ParameterError) as caught:
        places.find_area("Camdem")
    assert str(caught.value) == (
        "There is no area 'Camdem'. Did you mean camden? `istv status --areas` lists all 46 areas."
    )


@pytest.mark.parametrize("text", ["", "zzz", "Brixton", None, 7])
def test_what_resembles_nothing_gets_no_suggestion(text):
    with pytest.raises(errors.ParameterError) as caught:
        places.find_area(text)
    assert "Did you mean" not in str(caught.value)


def test_boroughs_hold_population_and_label_points():
    table = places.boroughs()
    assert table["population"].sum() == 9_002_488
    assert list(table["name"][~table["rate"]]) == ["City of London"]
    assert table["inner"].sum() == 14
    assert list(places.borough_of(table["label_x"], table["label_y"])) == list(table["gss"])


@pytest.mark.parametrize(
    "read",
    [
        places.boroughs,
        places.bcus,
        places.shipped_sites,
        places.gazetteer_areas,
        places.gazetteer_stations,
        places.gazetteer_hospitals,
        places.gazetteer_outcodes,
        places.gazetteer_sectors,
        places.gazetteer_street_points,
        places.polygons,
        lambda: places.codes("method"),
    ],
)
def test_changing_what_was_handed_out_changes_nothing(read):
    first = read()
    first.iloc[0, 0] = "changed"
    assert read().iloc[0, 0] != "changed"


# ---- sites


def test_sites_stand_where_they_say():
    sites = places.shipped_sites()
    found = places.borough_of(sites["easting"].astype(float), sites["northing"].astype(float))
    assert list(found) == list(sites["borough_gss"])
    assert list(sites["site_code"][sites["borough_gss"] == ""]) == ["RVR50"]
    assert not sites["synthetic"].any()
    assert set(sites["dept_type"]) == {"type1", "utc", "ucc", "walk_in", "specialist", "other"}


def test_trauma_networks_have_one_centre_each():
    networks = places.trauma_networks()
    assert list(networks["mtc_site"]) == ["R1H12", "RYJ01", "RJZ01", "RJ701"]
    listed = [code for codes in networks["type1_sites"].str.split(";") for code in codes]
    sites = places.shipped_sites()
    assert sorted(listed) == sorted(sites["site_code"][sites["dept_type"] == "type1"])


# ---- codes


@pytest.mark.parametrize(("name", "expected"), [("method", schema.METHODS), ("location_type", schema.LOCATION_TYPES)])
def test_code_lists_are_those_of_the_schema(name, expected):
    table = places.codes(name)
    assert table["code"].is_unique
    assert set(table["code"]) == set(expected)
    labels = places.group_labels(name)
    assert dict(zip(table["group"], table["group_label"], strict=True)) == labels
    assert set(places.group_of(name).values()) == set(labels)
    assert list(labels)[-1] == "unknown"


def test_unknown_code_lists_are_refused():
    with pytest.raises(errors.ParameterError, match="the lists are method"):
        places.codes("methods")
    with pytest.raises(errors.ParameterError, match="has no groups"):
        places.group_labels("weapon_group")


# ---- place names


@pytest.mark.parametrize("read", [places.gazetteer_areas, places.gazetteer_stations, places.gazetteer_hospitals])
def test_gazetteer_rows_lie_in_the_borough_they_name(read):
    table = read()
    assert list(places.borough_of(table["easting"], table["northing"])) == list(table["borough_gss"])
    aliases = table["aliases"].str.split(";").explode()
    assert (aliases == aliases.str.lower()).all()
    assert all(alias.isascii() for alias in aliases)


def test_outcodes_and_sectors_agree():
    outcodes, sectors = places.gazetteer_outcodes().set_index("outcode"), places.gazetteer_sectors()
    assert outcodes.loc["E8", "districts"].startswith("Hackney;Dalston")
    assert set(outcodes.loc[["E8", "EC1A", "W1A", "SW1A", "SE1P", "EC1"], "inside"]) == {True}
    assert list(outcodes.loc[["TN9", "SL1"], "borough_gss"]) == ["", ""]
    assert not outcodes.loc[["TN9", "SL1"], "inside"].any()
    assert (outcodes.loc[~outcodes["inside"], "borough_gss"] == "").all()
    assert "M25" not in outcodes.index
    parents = outcodes.loc[sectors["sector"].str.split().str[0]]
    away = np.hypot(
        parents["easting"].to_numpy() - sectors["easting"], parents["northing"].to_numpy() - sectors["northing"]
    )
    assert away.median() < 1000
    assert parents["inside"].all()


def test_hospitals_of_the_roster_stand_where_the_roster_says():
    hospitals, sites = places.gazetteer_hospitals(), places.shipped_sites().set_index("site_code")
    known = hospitals[hospitals["site_code"] != ""].set_index("site_code")
    assert set(sites.index[sites["dept_type"] == "type1"]) <= set(known.index)
    points = sites.loc[known.index, ["easting", "northing"]].astype("int64")
    pd.testing.assert_frame_equal(points, known[["easting", "northing"]], check_dtype=False)
    names = pd.concat([hospitals["name"].str.lower(), hospitals["aliases"].str.split(";").explode()])
    assert names.is_unique
    assert not {"guys", "gp", "hospital", "the london"} & set(names)


def test_street_points_lie_in_the_borough_they_name():
    points = places.gazetteer_street_points()
    assert list(places.borough_of(points["easting"], points["northing"])) == list(points["borough_gss"])
    assert points["name"].nunique() >= 500
    assert not points["name"].str.contains(r"[0-9(]| Station$").any()


def test_areas_leave_out_whole_cities_and_boroughs():
    areas = places.gazetteer_areas()
    assert not {"London", "City of London", "City of Westminster", "Brent"} & set(areas["name"])
    assert {"Peckham", "Croydon", "West End", "Dalston", "Shoreditch", "Lewisham"} <= set(areas["name"])
    assert areas.loc[areas["name"] == "Sutton", "population"].isna().all()


def test_stations_in_both_lists_are_one_row():
    stations = places.gazetteer_stations().set_index("name")
    assert stations.index.is_unique is False  # namesakes that are far apart stay
    victoria = stations.loc["Victoria"]
    assert victoria["kind"] == "tube"
    assert "london victoria" in victoria["aliases"].split(";")
    assert "tubemaps" in victoria["source"]
    assert "ODbL" in victoria["source"]
    assert "London Victoria" not in stations.index
    assert sorted(stations.loc["Bethnal Green", "kind"]) == ["rail", "tube"]
    assert stations.loc["Edgware Road", "kind"] == "tube"
    assert stations.loc["Clapham Junction", "kind"] == "rail"


# ---- points


def test_known_points_have_their_borough():
    lon, lat = np.array([-0.1276, -0.0899, 0.0, -0.2732]), np.array([51.5072, 51.5133, 51.4779, 51.3255])
    assert list(places.borough_of(*places.to_bng(lon, lat))) == ["E09000033", "E09000001", "E09000011", ""]


def test_london_is_valid_and_has_no_overlaps():
    outlines = places.polygons()
    assert outlines.crs.to_epsg() == 27700
    assert list(outlines["gss"]) == list(places.boroughs()["gss"])
    assert list(outlines["name"]) == list(places.boroughs()["name"])
    assert outlines.is_valid.all()
    assert outlines.area.sum() == pytest.approx(outlines.union_all().area, rel=1e-9)
    assert outlines.area.sum() / 1e6 == pytest.approx(1573.4, abs=1)


@pytest.mark.parametrize("missing", [np.nan, np.inf, None])
def test_missing_coordinates_have_no_borough_and_no_cell(missing):
    assert list(places.borough_of([missing, 530_000], [180_000, 180_000])) == ["", "E09000033"]
    assert list(places.cell_of([missing, 530_000], [180_000, 180_000])) == ["", "E530000N180000"]


def test_no_points_are_no_trouble():
    assert places.borough_of([], []).shape == places.cell_of([], []).shape == (0,)
    series = pd.Series([530_000, pd.NA], dtype="Float64")
    assert list(places.borough_of(series, 180_000.0)) == ["E09000033", ""]


@pytest.mark.parametrize("metres", [20, 80])
def test_points_just_outside_london_snap_and_others_do_not(metres):
    london = OUTLINES.union_all()
    ring = london.buffer(metres).exterior
    x, y = shapely.get_coordinates([ring.interpolate(share, normalized=True) for share in np.linspace(0, 1, 200)]).T
    assert shapely.distance(shapely.points(x, y), london) == pytest.approx(metres, abs=0.5)
    assert set(places.borough_of(x, y) != "") == {metres < 50}


def test_a_corner_shared_by_boroughs_goes_to_the_lowest_code():
    outlines = places.polygons().set_index("gss").geometry
    shared = outlines["E09000007"].boundary.intersection(outlines["E09000033"].boundary)
    x, y = shapely.get_coordinates(shared)[0]
    touching = sorted(outlines.index[outlines.distance(shapely.Point(x, y)) == 0])
    assert len(touching) >= 2
    assert places.borough_of(x, y)[0] in touching
    assert places.borough_of(x, y)[0] == places.borough_of([x, 530_000], [y, 180_000])[0]


@given(st.lists(st.tuples(easting, northing), min_size=1, max_size=30), st.randoms())
def test_a_point_has_the_same_borough_in_any_company(points, rng):
    x, y = np.array(points).T
    together = places.borough_of(x, y)
    order = list(range(len(points)))
    rng.shuffle(order)
    assert list(places.borough_of(x[order], y[order])) == list(together[order])
    gss, geometry = OUTLINES["gss"], OUTLINES.geometry
    for east, north, found in zip(x, y, together, strict=True):
        near = geometry.distance(shapely.Point(east, north))
        assert (found == "") == (near.min() > 50)
        assert found == "" or near[gss == found].item() == near.min()


@given(st.floats(-0.55, 0.35), st.floats(51.25, 51.72))
def test_coordinates_go_there_and_back(lon, lat):
    back = places.to_wgs84(*places.to_bng(lon, lat))
    assert back == pytest.approx((lon, lat), abs=1e-7)


def test_conversion_agrees_with_the_published_transformation():
    pyproj = pytest.importorskip("pyproj")
    x, y = pyproj.Transformer.from_crs(4326, 27700, always_xy=True).transform(-0.1276, 51.5072)
    assert places.to_bng(-0.1276, 51.5072) == pytest.approx((x, y), abs=5)
    assert np.isnan(places.to_bng([np.nan], [51.5])).all()


# ---- lattice


@given(easting, northing, st.sampled_from([125, 250, 500, 1000]))
def test_a_cell_holds_its_points(x, y, size):
    cell = places.cell_of(x, y, size)[0]
    west, south = places.cell_origin(cell)
    assert west <= x < west + size
    assert south <= y < south + size
    assert west % size == south % size == 0
    assert places.cell_of(west, south, size)[0] == cell


def test_cells_are_named_by_their_corner():
    assert list(places.cell_of([530_000, 530_249.9, 530_250, -1], 180_100)) == [
        "E530000N180000",
        "E530000N180000",
        "E530250N180000",
        "",
    ]
    x, y = places.cell_origin(np.array(["E530250N180000", "", None], dtype=object))
    assert x[0] == 530_250
    assert y[0] == 180_000
    assert np.isnan(x[1:]).all()
    with pytest.raises(errors.ParameterError, match="not a lattice cell"):
        places.cell_origin("E53N18")


# ---- real data


@pytest.mark.real
def test_shipped_outlines_agree_with_the_statistical_areas_on_real_points():
    root = Path(os.environ.get("ISTV_REAL_DATA") or "/nonexistent")
    layer = root / "boundaries" / "lsoa21_london_gen20.parquet"
    files = sorted((root / "police" / "met-burglary").glob("*.csv.gz"))
    if not layer.exists() or not files:
        pytest.skip("ISTV_REAL_DATA does not point at the real boundaries and police files")
    lsoa = pd.read_parquet(layer)
    outlines = shapely.from_wkb(lsoa["geometry"].to_numpy())
    columns = ["Longitude", "Latitude"]
    points = pd.concat([pd.read_csv(file, usecols=columns) for file in files]).dropna().to_numpy()
    x, y = places.to_bng(*points.T)
    pairs = shapely.STRtree(shapely.points(x, y)).query(outlines, predicate="contains")
    truth = pd.Series(lsoa["LAD22CD"].to_numpy()[pairs[0]], index=pairs[1])
    truth = truth[~truth.index.duplicated()]
    found = places.borough_of(x[truth.index], y[truth.index])
    nowhere, other = (found == "").mean(), ((found != "") & (found != truth.to_numpy())).mean()
    print(f"{len(truth):,} real points: {other:.3%} in another borough, {nowhere:.4%} nowhere")  # noqa: T201
    assert len(truth) > 10_000
    assert other <= 0.005
    assert nowhere <= 0.0005


def test_a_borough_is_set_beside_its_bcu_and_london_and_london_beside_nothing_else():
    assert places.find_area("camden").around == ["E09000007", "CN", "london"]
    assert places.find_area("city-of-london").around == ["E09000001", "london"]
    assert places.find_area("bcu-central-north").around == ["CN", "london"]
    assert places.find_area("london").around == ["london"]
