"""The synthetic London: the same bytes every time, and what was planted is there."""

import hashlib
import io
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from istv_lib import (
    _synth_attendances,
    _synth_files,
    _synth_plan,
    _synth_streets,
    _synth_texts,
    errors,
    params,
    places,
    schema,
    synth,
)

SEED = 20220101


def profiles(scale="full"):
    return {site: params.file(f"hospitals/{site}") for site in synth.sites_needed(scale)}


@pytest.fixture(scope="module")
def world():
    return dict(synth.files(params.file("layouts"), profiles("small"), scale="small", seed=SEED))


@pytest.fixture(scope="module")
def truth(world):
    return pd.read_csv(io.BytesIO(world["truth/truth.csv"]), keep_default_na=False, dtype=str)


@pytest.fixture(scope="module")
def scenario(world):
    return yaml.safe_load(world["truth/scenario.yml"])


@pytest.fixture(scope="module")
def whole():
    """Attendances of the full world with their texts, without its files."""
    rng = np.random.default_rng(SEED)
    streets = _synth_streets.build(_synth_plan.FULL, rng)
    people = _synth_attendances.simulate(_synth_plan.FULL, streets, rng)
    return people.join(_synth_texts.write(people, streets.anchors, rng)), streets


def csv_of(world, path):
    return pd.read_csv(io.BytesIO(world[path]), keep_default_na=False, dtype=str)


def digest(files):
    total = hashlib.sha256()
    for path, content in files:
        total.update(path.encode() + b"\0" + content)
    return total.hexdigest()


# ---- the files of a root ---------------------------------------------------------------------------------


def test_same_seed_same_bytes_in_another_zone_and_hash_seed(world):
    code = (
        "import hashlib; from istv_lib import params, synth\n"
        "names = synth.sites_needed('small')\n"
        "profiles = {s: params.file(f'hospitals/{s}') for s in names}\n"
        "total = hashlib.sha256()\n"
        "for path, content in synth.files(params.file('layouts'), profiles, scale='small', seed=20220101):\n"
        "    total.update(path.encode() + b'\\0' + content)\n"
        "print(total.hexdigest())"
    )
    env = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "ISTV_HOME": str(params.home())}
    env["PYTHONPATH"] = str(params.home())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.strip() == digest(world.items())


def test_another_seed_gives_another_world(world):
    files = synth.files(params.file("layouts"), profiles("small"), scale="small", seed=SEED + 1)
    other = dict(entry for entry, _ in zip(files, range(3), strict=False))
    assert other["reference/sites.csv"] == world["reference/sites.csv"]
    assert all(other[path] != world[path] for path in other if path.startswith("incoming"))


def test_lists_name_every_file_once(world):
    listed = csv_of(world, "incoming/synthetic.csv")
    incoming = {path.removeprefix("incoming/"): content for path, content in world.items() if "incoming/" in path}
    del incoming["synthetic.csv"]
    assert set(listed["file"]) == set(incoming)
    assert all(hashlib.sha256(incoming[row.file]).hexdigest() == row.sha256 for row in listed.itertuples())
    received = csv_of(world, "incoming/received.csv")
    hospital = {path for path in incoming if path.startswith("SYN")}
    assert set(received["file"]) == hospital
    assert received["received"].str.fullmatch(r"20\d\d-\d\d-\d\d").all()


def test_roster_has_the_columns_of_the_shipped_one(world):
    roster = csv_of(world, "reference/sites.csv")
    assert list(roster.columns) == list(places.shipped_sites().columns)
    assert set(roster["synthetic"]) == {"yes"}
    assert not set(roster["name"]) & set(places.shipped_sites()["name"])
    assert roster.set_index("site_code")["successors"]["SYN07"] == "SYN31:1"


@pytest.mark.parametrize("scale", ["full", "small"])
def test_rosters_leave_eight_boroughs_without_a_department(scale):
    roster = _synth_plan.roster(_synth_plan.PLANS[scale])
    assert roster["valid_from"].str.fullmatch(r"(20\d\d-\d\d)?").all()
    assert (roster["easting"] % 500 == 0).all()
    if scale == "full":
        assert len(set(places.boroughs()["gss"]) - set(roster["borough_gss"])) == 8
        assert roster.set_index("site_code")["successors"]["SYN29"] == "SYN10:0.6;SYN04:0.4"


def test_no_department_stands_where_a_real_one_does():
    sites = _synth_plan.departments(_synth_plan.FULL)
    real = places.shipped_sites()[["easting", "northing"]].astype("float64").to_numpy()
    apart = np.hypot(*(sites[["easting", "northing"]].to_numpy()[:, None] - real).transpose(2, 0, 1))
    assert apart.min() > 150


@pytest.mark.parametrize("site", synth.sites_needed("full"))
def test_file_names_follow_the_profile_s_pattern(site):
    profile = profiles()[site]
    layouts = params.file("layouts")
    for entry in profile["layouts"]:
        name = _synth_files.file_name(profile, layouts[entry["layout"]], entry["from"], 3)
        match = re.fullmatch(profile["file_pattern"], name)
        assert match is not None
        assert match.groupdict().get("year", "2022") in {"2022", "2023", "2024"}


def test_layouts_use_canonical_codes_and_differ():
    layouts = params.file("layouts")
    assert len(layouts) >= 7
    assert {layout["shape"] for layout in layouts.values()} == set(schema.SHAPES)
    assert {layout.get("encoding") for layout in layouts.values()} >= {"utf-8", "utf-8-sig", "cp1252", "utf-16"}
    for layout in layouts.values():
        assert set(layout["methods"].values()) <= set(schema.METHODS)
        assert set(layout["location_types"].values()) <= set(schema.LOCATION_TYPES)


# ---- faults of use ---------------------------------------------------------------------------------------


def test_unknown_scale_is_refused():
    with pytest.raises(errors.ParameterError, match="'huge'; choose full or small"):
        list(synth.files({}, {}, scale="huge"))


def test_missing_profile_is_named():
    some = profiles("small")
    del some["SYN31"]
    with pytest.raises(errors.ParameterError, match="SYN31"):
        list(synth.files(params.file("layouts"), some, scale="small"))


def test_unknown_layout_is_named():
    layouts = dict(params.file("layouts"))
    del layouts["ecds_warehouse"]
    with pytest.raises(errors.ParameterError, match="ecds_warehouse"):
        list(synth.files(layouts, profiles("small"), scale="small"))


# ---- what is planted, small world ------------------------------------------------------------------------


def test_outage_and_joiner_send_nothing(truth, scenario):
    sent = truth[truth["fate"] != "not_sent"]
    outage, joins = scenario["outage"], scenario["joins"]
    assert sent[(sent["site_code"] == outage["site"]) & sent["month"].isin(outage["months"])].empty
    assert sent.loc[sent["site_code"] == joins["site"], "month"].min() == joins["first_month"]
    assert truth.loc[truth["site_code"] == joins["site"], "month"].min() == "2022-07"


def test_merger_changes_the_code_and_nothing_else(truth, scenario):
    merged = scenario["merges"]
    old = truth[truth["site_code"] == merged["old_code"]]
    new = truth[truth["site_code"] == merged["new_code"]]
    assert old["month"].max() < merged["first_month_of_new_code"] == new["month"].min()
    assert len(new) / 9 == pytest.approx(len(old) / 21, rel=0.25)


def test_texts_of_one_site_worsen(truth, scenario):
    own = truth[truth["site_code"] == scenario["texts_worsen"]["site"]]
    share = own["locatable"].eq("yes").groupby(own["month"]).mean()
    assert share[:"2024-04"].mean() == pytest.approx(0.58, abs=0.08)
    assert share["2024-09":].mean() == pytest.approx(0.20, abs=0.08)


def test_hot_spot_has_the_stated_strength(truth, scenario):
    hot = truth[truth["hot_spot"] == "yes"]
    told = scenario["hot_spot"]
    assert hot["month"].min() == told["first_month"]
    assert len(hot) / 6 == pytest.approx(told["extra_attendances_a_month"], rel=0.35)
    away = np.hypot(hot["x"].astype(float) - told["easting"], hot["y"].astype(float) - told["northing"])
    assert away.max() < told["diameter_m"]


def test_duplicate_and_corrected_files_are_there(world, scenario):
    site = scenario["duplicated_file"]["site"]
    twins = [c for path, c in world.items() if path.startswith(f"incoming/{site}/") and "2023-05" in path]
    assert len(twins) == 2
    assert twins[0] == twins[1]
    assert any("_v2" in path for path in world)


def test_personal_data_come_from_reserved_ranges_only(whole):
    people, _ = whole
    texts = people.loc[people["personal"], "text"]
    phones = texts.str.extract(r"(0\d[\d ]{8,})")[0].dropna()
    assert phones.str.match(r"07700 900\d{3}|020 7946 0\d{3}").all()
    assert texts.str.extract(r"(\S+@\S+)")[0].dropna().str.lower().str.endswith("@example.com").all()
    numbers = texts.str.extract(r"(?i)nhs no (\d{3})")[0].dropna()
    assert set(numbers) == {"999"}
    assert not people.loc[~people["personal"], "text"].str.contains(r"@|\d{5}", regex=True).any()


def test_street_names_are_invented_and_some_are_shared(whole):
    streets = whole[1].anchors.drop_duplicates("street_no")
    boroughs = streets.groupby("street")["gss"].nunique()
    assert (streets["street"].map(boroughs) > 1).mean() == pytest.approx(0.35, abs=0.03)
    known = set(" ".join([*places.gazetteer_areas()["name"], *places.gazetteer_stations()["name"]]).lower().split())
    assert not {name.split()[0].lower() for name in boroughs.index} & known


def test_anchors_lie_in_their_borough(whole):
    anchors = whole[1].anchors
    inside = places.borough_of(anchors["x"].to_numpy(), anchors["y"].to_numpy())
    assert (inside == anchors["gss"]).all()
    assert 8_000 < len(anchors) < 11_000


# ---- police files ----------------------------------------------------------------------------------------


def test_police_files_have_the_published_columns(world):
    table = csv_of(world, "incoming/police/2024-01/2024-01-metropolitan-street.csv")
    assert ",".join(table.columns) == (
        "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Crime type,"
        "Last outcome category,Context"
    )
    assert set(table["Month"]) == {"2024-01"}
    assert table["Crime type"].value_counts().index[0] == "Violence and sexual offences"
    assert table["Location"].str.startswith(("On or near ", "No Location")).all()
    assert (table["Longitude"] == "").any()


def test_police_points_lie_in_the_plan_s_boroughs(world):
    table = csv_of(world, "incoming/police/2024-01/2024-01-metropolitan-street.csv")
    table = table[table["Longitude"] != ""]
    x, y = places.to_bng(table["Longitude"].astype(float).to_numpy(), table["Latitude"].astype(float).to_numpy())
    assert set(places.borough_of(x, y)) == set(_synth_plan.SMALL.boroughs)


def test_transport_police_rows_have_no_id(world):
    table = csv_of(world, "incoming/police/2024-01/2024-01-btp-street.csv")
    assert set(table["Crime ID"]) == {""}
    assert table["Location"].str.contains("Station|Dlr").any()


def test_streets_of_the_texts_are_in_the_police_files(world, truth):
    files = [csv_of(world, path) for path in world if "metropolitan" in path]
    labels = set(pd.concat(files)["Location"].str.removeprefix("On or near "))
    assert truth["street"].isin(labels).mean() > 0.99


# ---- calibration of the full world -----------------------------------------------------------------------


def test_levels_are_as_designed(whole):
    people, _ = whole
    months = people["month"].nunique()
    assert months == 36
    assert 1_700 < len(people) / months < 2_100
    assert 0.45 < people["locatable"].mean() < 0.55
    assert people["style"].eq("home").mean() == pytest.approx(0.08, abs=0.01)
    sites = people.groupby("department").size() / months
    assert 18 < sites.min() < sites.max() < 165
    located = people[people["locatable"]].groupby("gss").size() / months
    assert located["E09000001"] < 10
    assert located.drop("E09000001").between(15, 90).all()


def test_week_and_hour_look_like_published_figures(whole):
    people, _ = whole
    day = people["incident_at"].dt.day_of_week
    assert day.isin([4, 5, 6]).mean() == pytest.approx(0.51, abs=0.03)
    hour = people["incident_at"].dt.hour
    assert hour.isin([21, 22, 23, 0, 1, 2]).mean() > 0.4
    delay = (people["arrival_at"] - people["incident_at"]).dt.total_seconds() / 3600
    assert (delay > 0).all()
    assert delay.median() == pytest.approx(1.9, abs=0.5)


def test_intervention_lowers_injuries_by_the_stated_share(whole):
    people, _ = whole
    gss, since, factor = _synth_plan.FULL.intervention
    rest = people[(people["gss"] != gss) & ~people["hot"]]
    own = people[people["gss"] == gss]
    after = own["month"].ge(since).sum() / rest["month"].ge(since).sum()
    before = own["month"].lt(since).sum() / rest["month"].lt(since).sum()
    assert after / before == pytest.approx(factor, abs=0.05)


def test_closed_department_s_patients_go_to_its_successors(whole):
    people, _ = whole
    site, last, shares = _synth_plan.FULL.closes
    assert people.loc[people["department"] == site, "month"].max() <= last
    assert sum(shares.values()) == pytest.approx(1)


def test_zero_month_is_empty_and_others_are_not(whole):
    people, _ = whole
    site, month = _synth_plan.FULL.zero
    counts = people[people["department"] == site].groupby("month").size()
    assert month not in counts.index
    assert len(counts) == 35
