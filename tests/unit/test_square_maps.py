"""Pictures, tables and sentences of squares: what they say in each state, and what never reaches them."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from istv_lib import (
    _basemap,
    _near,
    _tiles,
    blocks,
    compare,
    concentration,
    disclosure,
    errors,
    hotspots,
    maps,
    months,
    params,
    places,
    repeats,
    store,
    tables,
    words,
)
from tests.unit.made_points import CAMDEN, CITY, PERIOD, events, scattered

HEART = np.array([529_125.0, 184_125.0])
NONE = np.zeros((0, 2))
ELSEWHERE = np.array([528_625.0, 185_025.0])


@pytest.fixture(scope="module")
def rules():
    return params.defaults().replaced(hot_draws=40, knox_times=19)


@pytest.fixture(scope="module", autouse=True)
def _small_pictures():
    """Draw coarsely, which is faster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("istv_lib._canvas.DPI", 36)
        yield


def cluster(n=60, at=HEART):
    return at + np.random.default_rng(3).uniform(-150, 150, (n, 2))


def even(rules, n=300):
    return scattered(n, frame=hotspots.scene(events([HEART]), CAMDEN, PERIOD, rules).frame)


def page(rules, xy, police=NONE, area=CAMDEN):
    """Return every block that the page of squares makes from some points."""
    rng, rows = np.random.default_rng(1), events(xy, gss=area.code)
    what = hotspots.scene(rows, area, PERIOD, rules)
    offences = events(police, source="mps", gss=area.code, seed=7)
    beside = hotspots.counted(what, hotspots.scene(offences, area, PERIOD, rules, source="police"), "police")
    bases = (hotspots.flat(what), beside)
    found = [hotspots.study(what, base, rules, rng) for base in bases]
    gathered, excess = (
        released(hotspots.findings(f, what, b, rules, of=2 * len(xy))) for f, b in zip(found, bases, strict=True)
    )
    parts = {"scored": blocks.scores(what, rules), "new": blocks.emerging(what, rules)}
    parts |= {"lasting": blocks.persistence(what, bases[0], rules), "spots": blocks.venues(what, rules)}
    hot = released(blocks.findings(what, rules, **parts))
    settings = params.Settings("41_borough_hotspots", month=PERIOD[1], area=area, audience="partner", rules=rules)
    sides = compare.findings(
        compare.sources(rows, offences, area, PERIOD, rules), area.code, PERIOD, synthetic=True, least=3
    )
    near = repeats.findings(repeats.bands(what, rules, rng), what, rules["hot_false_rate"])
    made = {
        "headline": words.hot(settings, gathered, excess, hot),
        "hot": maps.hot(gathered, title="T"),
        "top": tables.squares(gathered, title="T", name="top", ranked=True),
        "excess": maps.hot(excess, title="T"),
        "blocks": tables.blocks(hot, title="T"),
        "lasting": words.lasting(hot),
        "when": tables.areas(released(blocks.when(what, found[0])), title="T"),
        "venues": tables.venues(hot, title="T", least=3),
        "heavy": maps.heavy(released(sides), title="T"),
        "sources": tables.sources(released(sides), title="T"),
        "density": maps.density(released(hotspots.surface(what, rules)), title="T"),
        "prior": maps.prior(released(hotspots.sensitivity(rows, area, PERIOD, rules)), title="T"),
        "repeats": tables.near_repeats(released(near), title="T"),
        "held": tables.held(released(concentration.held(what, rules, rng)), title="T"),
        "limits": words.map_limits(gathered),
    }
    return {name: block for name, block in made.items() if block is not None}


def released(found):
    return disclosure.release(found, "partner")


def said(block):
    text = f"{block.stamp['heading']} {block.stamp['alt']} {block.stamp['note']}"
    return text + "".join(block.data.get(m, "") for m in ("text/markdown", "text/html"))


def picture(block):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(block.data["image/png"]))).convert("RGB"))


@pytest.fixture(scope="module")
def made(rules):
    xy = np.vstack([even(rules), cluster(), np.tile(ELSEWHERE, (5, 1))])
    return page(rules, xy, police=even(rules, 900))


def test_each_block_says_what_it_was_compared_with_and_how_many_there_would_be_by_chance(made):
    assert "than an even spread would give: concentration, not excess" in made["hot"].stamp["heading"]
    assert "than police-recorded violence would lead to expect" in made["excess"].stamp["heading"]
    for name in ("hot", "excess"):
        assert "By chance alone" in made[name].stamp["note"]
        assert "n = " in made[name].stamp["note"]
    assert "Gi*" in made["hot"].stamp["note"]
    assert "Gi*" not in made["excess"].stamp["note"]
    assert "concentration, not excess" in said(made["headline"])
    assert "less than" in said(made["headline"]) or "squares would be hot on average" in said(made["headline"])


def test_the_list_of_squares_tells_how_firm_it_is(made):
    html = made["top"].data["text/html"]
    assert all(head in html for head in ("Rank", "Stays among", "Draws in which it is hot", "Gi*"))
    assert places.cell_of(*HEART)[0] in html
    rows = pd.read_csv(io.StringIO(made["top"].data["text/csv"]))
    assert (rows.loc[rows["measure"] == "incidents_around", "value"] >= 3).all()


def test_no_block_names_a_real_venue_or_a_coordinate_of_an_incident(made):
    assert "invented place 1" in said(made["venues"])
    for block in made.values():
        assert "HEART" not in said(block)
        assert "529125" not in "".join(block.data.values())


def test_a_page_of_its_words_holds_none_that_are_never_said(made):
    never = params.file("publishing")["words_never"]["value"]
    for block in made.values():
        assert not [w for w in never if f" {w}" in said(block).lower().replace("recorded crime", "")], block.name


def test_the_same_findings_give_the_same_bytes(rules):
    what = hotspots.scene(events(np.vstack([even(rules), cluster()])), CAMDEN, PERIOD, rules)
    studied = (hotspots.study(what, hotspots.flat(what), rules, np.random.default_rng(1)) for _ in range(2))
    found = [released(hotspots.findings(s, what, hotspots.flat(what), rules, of=400)) for s in studied]
    first, again = (maps.hot(f, title="T").stamp["digest"] for f in found)
    assert first == again


BAD = {
    "no points": (NONE, "0 incidents can be placed"),
    "one point": (HEART[None], "1 incidents can be placed"),
    "points outside London": (np.tile([400_000.0, 300_000.0], (80, 1)), "0 incidents can be placed"),
    "forty-nine": (cluster(49), "49 incidents can be placed"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_page_without_enough_points_says_so_in_words(rules, case):
    xy, told = BAD[case]
    made = page(rules, xy)
    assert {"headline", "hot", "excess", "blocks", "when", "heavy", "density", "limits"} <= set(made)
    assert told in said(made["headline"]) + said(made["hot"])
    assert made["hot"].stamp["heading"].startswith("No map: ")
    grey = (picture(made["hot"]) == [0xE2, 0xE2, 0xE2]).all(axis=2).mean()
    assert grey > 0.05
    assert "hot in" not in said(made["headline"])


def test_all_points_at_one_place_are_one_place_and_the_page_still_renders(rules):
    made = page(rules, np.tile(HEART, (80, 1)))
    assert (
        made["hot"]
        .stamp["heading"]
        .endswith("no square holds more than an even spread over the area would lead to expect")
    )
    assert "one place alone, not hot" in said(made["top"])
    assert "80" in said(made["venues"])


def test_a_baseline_of_zeros_gives_no_map_against_police(rules):
    made = page(rules, np.vstack([even(rules), cluster()]))
    assert made["excess"].stamp["heading"] == "No map: there is nothing to compare with here"
    assert "not loaded" in said(made["headline"])
    assert "not loaded" in made["heavy"].stamp["heading"]


def test_few_points_are_indicative(rules):
    made = page(rules, np.vstack([even(rules, 60), cluster(40)]))
    assert made["hot"].stamp["heading"].startswith("Indicative: ")


def test_a_small_borough_renders(rules):
    assert "No map" in page(rules, np.tile([532_500.0, 181_200.0], (30, 1)), area=CITY)["hot"].stamp["heading"]


def test_only_tested_squares_are_drawn(rules):
    what = hotspots.scene(events(cluster()), CAMDEN, PERIOD, rules)
    found = hotspots.surface(what, rules)
    with pytest.raises(errors.DisclosureError, match=r"squares of hotspots\.findings"):
        maps.hot(released(found), title="T")


# ---- police records as a baseline --------------------------------------------------------------------------------


def recorded(area, sources, gap=()):
    span = months.span(*PERIOD)
    rows = [events([HEART], source=s, category="Violence and sexual offences").iloc[0] for s in ("mps", "city", "btp")]
    held = [(s, m) for s in sources for m in span if (s, m) not in gap]
    loaded = pd.DataFrame(held, columns=["source", "month"])
    return set(hotspots.recorded(pd.DataFrame(rows), loaded, area, PERIOD, params.defaults())["source"])


def test_ground_whose_force_is_missing_is_no_baseline():
    lewisham = places.find_area("lewisham")
    assert recorded(lewisham, ["mps"]) == {"mps"}
    assert recorded(lewisham, ["mps", "btp", "city"]) == {"mps", "btp", "city"}
    assert recorded(lewisham, ["mps", "btp"], gap={("btp", "2023-04")}) == {"mps"}
    assert recorded(lewisham, ["mps"], gap={("mps", "2023-04")}) == set()
    assert recorded(CAMDEN, ["mps"]) == set()  # it touches the City
    assert recorded(CITY, ["city"]) == set()  # its neighbours are the Metropolitan Police's
    assert recorded(CITY, ["mps", "city"]) == {"mps", "city"}


# ---- the ground --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("area", [a for a in places.areas() if a.kind == "borough"], ids=lambda a: a.slug)
def test_the_ground_of_each_borough_can_be_drawn(area):
    figure, axis, credit = _basemap.begin(area.code)
    _basemap.names(axis, area.code)
    _basemap.scale(axis, credit)
    assert "Crown copyright" in credit
    assert any(text.get_text().endswith(("km", " m")) for text in axis.texts)
    named = {text.get_text() for text in axis.texts} & set(places.gazetteer_areas()["name"])
    assert 1 <= len(named) <= 40
    low, high = axis.get_ylim()
    assert low < _basemap.outline(area.code).bounds[1]
    assert high > _basemap.outline(area.code).bounds[3]
    assert figure.get_size_inches()[1] < 9.5


def test_places_are_told_by_distance_and_direction():
    known = _near.known().set_index("name").loc["Catford"].to_numpy(dtype=float)
    assert _near.places_of([known[0] + 10], [known[1]]) == ["at Catford"]
    told = _near.places_of([known[0] - 212.0], [known[1] + 212.0])
    assert told[0].endswith("Catford") is ("300 m north-west of" in told[0])
    assert _near.places_of([], []) == []


def with_tiles(monkeypatch, tmp_path, name):
    told = params.file("maps") | {"tiles": name, "attribution": "made-up tiles"}
    monkeypatch.setattr(params, "file", lambda part, read=params.file: told if part == "maps" else read(part))
    monkeypatch.setenv("ISTV_DATA", str(tmp_path))
    (tmp_path / "reference").mkdir(exist_ok=True)
    return tmp_path / "reference" / name


@pytest.mark.filterwarnings("ignore")
def test_tiles_come_from_a_local_file_without_a_request(monkeypatch, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    path = with_tiles(monkeypatch, tmp_path, "tiles.tif")
    size = {"width": 64, "height": 64, "count": 3, "dtype": "uint8", "crs": places.BNG}
    place = rasterio.transform.from_bounds(500_000, 150_000, 565_000, 205_000, 64, 64)
    with rasterio.open(path, "w", driver="GTiff", transform=place, **size) as file:
        file.write(np.stack([np.full((64, 64), v, dtype="uint8") for v in (200, 120, 40)]))
    monkeypatch.setattr("contextily.tile.bounds2img", lambda *_, **__: pytest.fail("a provider was asked"))
    figure, axis, credit = _basemap.begin(CAMDEN.code)
    assert credit.endswith("made-up tiles")
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    assert (drawn == [200, 120, 40]).all(axis=2).mean() > 0.3
    assert len(axis.images) == 1


def test_unknown_tiles_are_refused_and_none_are_asked_for_by_default(monkeypatch, tmp_path):
    assert params.file("maps")["tiles"] == _tiles.NONE
    with_tiles(monkeypatch, tmp_path, "NoSuch.Provider")
    with pytest.raises(errors.ParameterError, match=r"no tiles 'NoSuch\.Provider'"):
        _basemap.begin(CAMDEN.code)


# ---- the public map ----------------------------------------------------------------------------------------------


def year_of(xy, year="2023"):
    rows = events(xy, month=f"{year}-06")
    rows["month"] = [f"{year}-{k % 12 + 1:02d}" for k in range(len(rows))]
    return rows


def test_the_public_sees_classes_or_words(rules):
    rows = year_of(cluster(200))
    found = disclosure.density(rows, CAMDEN, "2023", rules, "public")
    block = maps.classes(found, title="T")
    assert block.kind == "map"
    assert "n = about 200" in block.stamp["note"]
    assert block.stamp["drawn"].split()[:3] == ["2023-01", "2023-12", CAMDEN.code]
    few = maps.classes(disclosure.density(year_of(even(rules, 60)), CAMDEN, "2023", rules, "public"), title="T")
    assert few.kind == "words"
    assert "within 400 metres of no place did 10 or more" in few.data["text/markdown"]
    part = maps.classes(disclosure.density(rows[rows["month"] < "2023-12"], CAMDEN, "2023", rules, "public"), title="T")
    assert "not all months of 2023 are held" in part.data["text/markdown"]


def test_a_map_that_is_out_may_leave_again_and_a_revised_one_is_told_in_words(rules, monkeypatch):
    rows = year_of(cluster(200))
    mark = maps.classes(disclosure.density(rows, CAMDEN, "2023", rules, "public"), title="T").stamp["drawn"]
    monkeypatch.setattr(store, "maps_out", lambda: [tuple(mark.split())])
    assert maps.classes(disclosure.density(rows, CAMDEN, "2023", rules, "public"), title="T").kind == "map"
    revised = maps.classes(disclosure.density(rows.iloc[20:], CAMDEN, "2023", rules, "public"), title="T")
    assert "stands on an earlier page" in revised.data["text/markdown"]
    later = pd.concat([rows, year_of(cluster(150), "2024")])
    assert maps.classes(disclosure.density(later, CAMDEN, "2024", rules, "public"), title="T").kind == "map"


def test_homes_and_doubtful_places_are_not_in_the_public_map(rules):
    rows = year_of(cluster(200))
    for more in ({"location_type": "home"}, {"location_p": 0.1}, {"prior_decided": True}, {"precision_class": "area"}):
        block = maps.classes(disclosure.density(rows.assign(**more), CAMDEN, "2023", rules, "public"), title="T")
        assert block.kind == "words", more
