"""Real London location strings with true points: what was measured must not be lost.

The folder that ISTV_REAL_DATA names holds ``geocoder/truth_dev.csv``, street files under ``police`` and
``gazetteer/london_pubs_2019.csv.gz``. The attended site is the nearest Type 1 site.
"""

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from istv_lib import _fit, _sources, agencies, gazetteer, geocode, params, places

pytestmark = pytest.mark.real

TYPE_1 = (
    "RJ122 RJ224 RJ231 RJZ01 RJZ30 R1H12 R1HKH R1HNH RF4DG RF4QH RQXM1 RAL01 RAL26 RAL27 RKEQ4 RRV03 R1K01 R1K04 "
    "RAS01 RQM01 RQM91 RYJ01 RYJ02 RAX01 RJ611 RJ701 RVR05 RVR50"
).split()
NO_PLACE, AT_HOME = 0.42, 0.08  # shares of real texts (national programme, 3,000 texts)
EMPTY = "no place"
COLUMNS = ("text", "text_noisy")
# The street files at hand hold 12,336 of about 40,000 names of London's streets: of texts that name a street most name
# one that is not on the list. So the floors of all texts and of junctions are what is reached, not what is aimed at
# (68 / 64 % of all within 1 km, 88 / 84 % of junctions within 500 m).
FLOORS = {
    ("police", "station", 500): (0.94, 0.90),
    ("police", "junction", 500): (0.31, 0.31),
    ("police", "all", 1000): (0.50, 0.49),
    ("venues", "station", 500): (0.94, 0.90),
    ("venues", "pub_street", 500): (0.90, 0.85),
}
FALLS_MOST = 0.02  # of any style but pubs', once pubs are loaded
WITHOUT_MOST, BRIER_MOST = 0.03, 0.10


def labelled():
    """Texts with true points, and texts without a place; each with a site."""
    rows = pd.read_csv(Path(os.environ["ISTV_REAL_DATA"]) / "geocoder" / "truth_dev.csv")
    sites = places.shipped_sites().query("site_code in @TYPE_1").drop_duplicates("site_code")
    gaps = [rows[c].to_numpy()[:, None] - sites[c].to_numpy(dtype=float) for c in ("easting", "northing")]
    nearest = np.nan_to_num(np.hypot(*gaps), nan=np.inf).argmin(axis=1)
    rows["site_code"] = sites["site_code"].to_numpy()[nearest]
    cases = yaml.safe_load((Path(__file__).parents[1] / "cases" / "texts.yml").read_text("utf-8"))["without_place"]
    blank = pd.DataFrame({"text": [case["text"] for case in cases], "style": EMPTY, "expected": "not_locatable"})
    blank["text_noisy"] = blank["text"].str.upper()
    blank["site_code"] = np.random.default_rng(0).choice(sites["site_code"], len(blank))
    return pd.concat([rows, blank], ignore_index=True), sites


def lists():
    """The place list with police streets, and the same with venues."""
    folder = Path(os.environ["ISTV_REAL_DATA"])
    files = sorted((folder / "police").glob("*/*.csv*"))
    read = [agencies.read_police(f.read_bytes(), filename=f.name, synthetic=False)[1] for f in files]
    base = gazetteer.build(gazetteer.embedded(), gazetteer.streets(agencies.combine_anchors(read)))
    with gzip.open(folder / "gazetteer" / "london_pubs_2019.csv.gz") as stream:
        pubs = _sources.venues(stream, "london_pubs_2019.csv")[0]
    return {"police": base, "venues": gazetteer.build(base, pubs)}


@pytest.fixture(scope="module")
def found():
    """Every answer, by list and column, with its error in metres."""
    rows, sites = labelled()
    out = {}
    for name, names in lists().items():
        matcher = geocode.Matcher(names, sites, rules=params.defaults())
        for column in COLUMNS:
            answer = matcher.match(rows[column], rows["site_code"])
            error = np.hypot(answer["x"] - rows["easting"], answer["y"] - rows["northing"])
            out[name, column] = answer.assign(error=error, style=rows["style"], expected=rows["expected"])
    return out


def within(answer, metres):
    """Share of each style, and of all that name a place, within so many metres."""
    placed = answer[answer["style"] != EMPTY]
    good = placed["error"] <= metres
    shares = good.groupby(placed["style"]).mean()
    shares["all"] = good.mean()
    return shares


@pytest.mark.parametrize(("where", "least"), FLOORS.items(), ids=lambda v: "-".join(map(str, v)))
def test_shares_found_do_not_fall(where, least, found):
    name, style, metres = where
    for column, floor in zip(COLUMNS, least, strict=True):
        assert within(found[name, column], metres)[style] >= floor, column


@pytest.mark.parametrize("column", COLUMNS)
def test_no_style_falls_when_pubs_are_loaded(column, found):
    fall = within(found["police", column], 500) - within(found["venues", column], 500)
    assert fall.max() <= FALLS_MOST, fall.round(3).to_dict()


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", ["police", "venues"])
def test_what_names_no_place_stays_off_maps_and_the_probability_is_honest(name, column, found):
    answer = found[name, column]
    empty, generic = answer["style"] == EMPTY, (answer["expected"] == "not_locatable") & (answer["style"] != EMPTY)
    assert answer.loc[generic, "x"].isna().all()
    mapped = _fit.reason(answer, params.defaults()["map_p_least"]) == ""
    assert mapped[empty].mean() <= WITHOUT_MOST
    loss = (answer["location_p"] - (answer["error"] <= 250)) ** 2
    named = 1 - NO_PLACE - AT_HOME  # homes are told by words alone and have probability 0
    assert named * loss[~empty].mean() + NO_PLACE * loss[empty].mean() <= BRIER_MOST


def test_show_shares(found):
    """Print what is reached: pytest -s."""
    for key, answer in found.items():
        shares = pd.DataFrame({f"{m} m": within(answer, m) for m in (250, 500, 1000)})
        print(f"\n{key}\n{(100 * shares).round(1)}")  # noqa: T201 - the figures are the point
