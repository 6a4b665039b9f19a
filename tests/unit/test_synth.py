"""The synthetic London: the same bytes every time, and what was planted is there."""

import csv
import dataclasses
import hashlib
import io
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import openpyxl
import pandas as pd
import pytest
import python_calamine
import yaml

from istv_lib import (
    _synth_attendances,
    _synth_canaries,
    _synth_files,
    _synth_plan,
    _synth_sending,
    _synth_streets,
    _synth_texts,
    errors,
    params,
    places,
    schema,
    synth,
)

SEED = 20220101
LAYOUTS = params.file("layouts")
GRAVEST = (
    "firearm knife corrosive glass blunt vehicle animal foot fist head other_body body_unspecified multiple other "
    "unknown"
).split()


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


@pytest.fixture(scope="module")
def rows(world):
    """Rows of the small world's files that are no attendance."""
    return pd.read_csv(io.BytesIO(world["truth/rows.csv"]), keep_default_na=False, dtype=str)


@pytest.fixture(scope="module")
def recorded(whole):
    """What was recorded of the full world's attendances."""
    people = whole[0]
    site = synth._codes(people, _synth_plan.FULL)
    return _synth_files.record(people.assign(site=site), np.random.default_rng(1))


def csv_of(world, path):
    return pd.read_csv(io.BytesIO(world[path]), keep_default_na=False, dtype=str)


def grid_of(content, layout):
    """All physical rows of a file; of XML the rows that its groups stand for."""
    if layout["carrier"] == "csv":
        text = content.decode({"utf-8": "utf-8-sig"}.get(layout["encoding"], layout["encoding"]))
        return list(csv.reader(io.StringIO(text), delimiter=layout["delimiter"]))
    if layout["carrier"] == "xlsx":
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        return book.get_sheet_by_name(layout["sheet"]).to_python(skip_empty_area=False)
    period, *assaults = ET.fromstring(content)
    names = list(dict.fromkeys(field.tag for group in assaults for field in group))
    cells = [[field.text for field in period]]
    groups = [{field.tag: field.text for field in group} for group in assaults]
    heads = [[plain(tag.split("}")[1]) for tag in part] for part in ([f.tag for f in period], names)]
    return [heads[0], *cells, heads[1], *([group.get(name, "") for name in names] for group in groups)]


def plain(header):
    return re.sub(r"[^a-z]", "", str(header).lower())


def read_back(content, layout):
    """Records of a file by physical row, in canonical columns."""
    grid = grid_of(content, layout)
    spelt = {
        name: {plain(h) for h in ([told] if isinstance(told, str) else told)}
        for name, told in layout["columns"].items()
    }
    head = next(k for k, row in enumerate(grid) if plain(row[0]) and any(plain(row[0]) in s for s in spelt.values()))
    place = {name: k for name, s in spelt.items() for k, cell in enumerate(grid[head]) if plain(cell) in s}
    held = {
        k + 1: {name: row[at] for name, at in place.items()}
        for k, row in enumerate(grid)
        if k > head and any(cell not in {"", None} for cell in row) and row[0] != layout.get("total_row")
    }
    return pd.DataFrame.from_dict(held, orient="index", columns=list(layout["columns"]))


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
    env["LC_ALL"] = "C"
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
    assert {layout["carrier"] for layout in layouts.values()} == {"csv", "xlsx", "xml"}
    codes = {
        "methods": schema.METHODS,
        "location_types": schema.LOCATION_TYPES,
        "age_bands": schema.AGE_BANDS,
        "sexes": schema.SEXES,
        "alcohols": schema.YES_NO,
    }
    for layout in layouts.values():
        for key, permitted in codes.items():
            assert set(layout.get(key, {}).values()) <= set(permitted)
        assert set(layout.get("optional", [])) <= set(layout["columns"])


def test_profiles_tell_whom_to_ask_how_files_come_and_what_was_said():
    told = profiles() | profiles("small")
    assert all(re.fullmatch(r"[a-z-]+@syn\d\d\.example", profile["contact"]) for profile in told.values())
    modes = {site: profile["submission"]["mode"] for site, profile in told.items()}
    assert {site for site, mode in modes.items() if mode == "append"} == {"SYN18", "SYN31"}
    assert {plan.halves[0] for plan in _synth_plan.PLANS.values()} == {"SYN18", "SYN31"}
    said = {(site, s["month"], s["state"], s.get("days")) for site, p in told.items() for s in p.get("said", [])}
    full = _synth_plan.FULL
    assert said == {(*full.zero, "zero", None), (*full.partial[:2], "partial", full.partial[2])}
    assert full.failed not in {(site, month) for site, month, *_ in said}


def test_every_name_of_the_small_world_follows_its_profile(world):
    told = profiles("small")
    for path in world:
        if path.startswith("incoming/SYN"):
            _, site, name = path.split("/")
            assert re.fullmatch(told[site]["file_pattern"], name), name


# ---- round trip: every row of every file is one of the truth or named in rows.csv ------------------------


def in_use(name, truth, rows):
    """Files that count, of one layout, with what the truth says of their rows."""
    told = profiles("small")
    for file, own in pd.concat([truth[truth["file"] != ""], rows]).groupby("file"):
        if _synth_files.layout_of(told[file[:5]], own["month"].iloc[0]) == name:
            yield file, own.assign(row_no=own["row_no"].astype(int)).set_index("row_no").sort_index()


@pytest.mark.parametrize(
    "name",
    ["isb_comma", "isb_semicolon", "isb_xml", "ecds_warehouse", "trust_titled_sheet", "trust_text_sheet"],
)
def test_every_row_is_accounted_for_and_says_what_the_truth_says(world, truth, rows, name):
    layout, seen = LAYOUTS[name], 0
    for file, own in in_use(name, truth, rows):
        held = read_back(world[f"incoming/{file}"], layout)
        assert held.index.tolist() == own.index.tolist(), file
        for column in ("method", "location_type"):
            read = held[column].map(layout[column + "s"]).fillna("unknown")
            if "sequence" in layout["columns"] and column == "method":
                rank = read.map(GRAVEST.index).groupby(held["row_id"]).transform("min")
                read = rank.map(dict(enumerate(GRAVEST)))
            accepted = own["fate"] == "accepted"
            kept = accepted & own[column + "_read"].notna()
            assert (read[kept] == own.loc[kept, column + "_read"]).all(), file
        seen += 1
    assert seen >= 6


def test_fates_are_those_of_the_contract(truth, rows):
    assert set(truth["fate"]) == {"accepted", "arrival_unreadable", "not_sent"}
    assert set(rows["fate"]) == {
        "duplicate",
        "further_injury",
        "not_assault",
        "arrival_outside_month",
        "repeated_in_earlier_file",
    }


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


def test_the_truth_names_what_was_planted(whole, truth):
    people, _ = whole
    planted = people.loc[people["personal"], ["text", "planted"]]
    assert all(what in text for text, told in planted.to_numpy() for what in told.split(" | "))
    assert (truth["planted"] != "").eq(truth["personal"] == "yes").all()


def test_canaries_are_listed_once_and_are_no_words_of_a_place(world):
    planted = csv_of(world, synth.CANARIES)
    assert list(planted.columns) == ["kind", "text", "where"]
    assert planted["text"].is_unique
    assert set(planted["kind"]) == {"location_text", "method_other", "record_id", "arrival_at"}
    assert set(planted.loc[planted["kind"] == "method_other", "text"]) == set(_synth_canaries.METHODS)
    known = set(" ".join([*places.gazetteer_areas()["name"], *places.gazetteer_stations()["name"]]).lower().split())
    odd = {word for text in _synth_canaries.VENUES for word in text.lower().split()[:2]} - {"the", "inside"}
    assert not odd & known


def test_canaries_change_words_and_nothing_else(whole):
    people = whole[0]
    after = _synth_canaries.in_places(people)
    changed = after["text"] != people["text"]
    assert sorted(after.loc[changed, "text"]) == sorted(_synth_canaries.VENUES)
    assert set(people.loc[changed, "style"]) == {"venue"}
    assert not people.loc[changed, "personal"].any()
    pd.testing.assert_frame_equal(after.drop(columns="text"), people.drop(columns="text"))


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


# ---- persons, injuries, returns, clocks, halves ----------------------------------------------------------


def test_persons_are_as_published_and_shift_nothing_else(recorded):
    people = recorded[recorded["truth"]]
    assert (people["sex"] == "male").mean() == pytest.approx(0.71, abs=0.01)
    assert people["age"].between(18, 30).mean() > 0.4
    assert people["age"].value_counts().idxmax() in range(18, 31)
    edges = people.groupby("age_band")["age"].agg(["min", "max"])
    assert tuple(edges.loc["18-24"]) == (18, 24)
    assert edges.loc["65+", "min"] == 65
    assert (people["method_other"] != "").sum() > 500
    assert set(people.loc[people["method_other"] != "", "method"]) == {"other"}
    assert people["method_other"].str.len().max() <= 25


@pytest.mark.parametrize(
    ("site", "month", "columns"),
    [
        ("SYN01", "2024-06", {"age", "sex"}),
        ("SYN02", "2024-06", {"age_band", "sex"}),
        ("SYN05", "2024-06", {"age"}),
        ("SYN16", "2024-08", {"alcohol"}),
        ("SYN03", "2024-06", {"age", "sex", "alcohol"}),
    ],
)
def test_sites_send_optional_fields(site, month, columns):
    assert columns <= set(LAYOUTS[_synth_files.layout_of(profiles()[site], month)]["columns"])


def test_ages_in_files_are_those_of_the_truth(world, truth):
    own = truth[(truth["site_code"] == "SYN02") & (truth["fate"] == "accepted")]
    held = pd.concat(
        read_back(world[f"incoming/{file}"], LAYOUTS["trust_titled_sheet"]).loc[part["row_no"].astype(int)]
        for file, part in own.groupby("file", sort=False)
    )
    for column, codes in (("age_band", "age_bands"), ("sex", "sexes")):
        read = held[column].map(LAYOUTS["trust_titled_sheet"][codes])
        want = pd.concat([part[column] for _, part in own.groupby("file", sort=False)])
        assert read.notna().mean() == pytest.approx(0.98, abs=0.01)
        assert (read.to_numpy() == want.to_numpy())[read.notna()].all()


def test_further_injuries_repeat_number_and_not_means(recorded):
    further = recorded[recorded["fate"] == "further_injury"]
    first = recorded[recorded["truth"]].set_index("row_id").loc[further["row_id"]]
    assert len(further) / recorded["truth"].sum() == pytest.approx(0.02, abs=0.004)
    assert set(further["sequence"]) == {2, 3}
    assert (further["injury"].to_numpy() != first["injury"].to_numpy()).all()
    rank = {code: k for k, code in enumerate(GRAVEST)}
    graver = further["injury"].map(rank).to_numpy() < first["injury"].map(rank).to_numpy()
    assert 0.05 < graver.mean() < 0.25
    gravest = np.minimum(further["injury"].map(rank).to_numpy(), first["injury"].map(rank).to_numpy())
    second = (further["sequence"] == 2).to_numpy()
    assert (gravest == first["method"].map(rank).to_numpy())[second].all()


def test_returns_tell_the_same_story_days_later(truth):
    back = truth[truth["returned"] == "yes"]
    assert len(back) / len(truth) == pytest.approx(0.004, abs=0.002)
    first = truth[truth["returned"] == "no"].drop_duplicates(["site_code", "incident_id", "method", "age_band", "sex"])
    both = back.merge(
        first, on=["site_code", "incident_id", "incident_at", "method", "location_type", "age_band", "sex"]
    )
    days = pd.to_datetime(both["arrival_at_x"]) - pd.to_datetime(both["arrival_at_y"])
    assert len(both) >= len(back) - 3
    assert days.dt.total_seconds().div(86_400).between(0.9, 6).mean() > 0.9


def test_two_files_a_month_repeat_some_numbers(world, rows, scenario):
    told = scenario["two_files_a_month"]
    for month in told["months"]:
        files = [f"incoming/{told['site']}/{told['site']}_{month}_part{k}.csv" for k in (1, 2)]
        first, second = (read_back(world[file], LAYOUTS["ecds_warehouse"]) for file in files)
        again = rows[(rows["fate"] == "repeated_in_earlier_file") & (rows["month"] == month)]
        assert len(again) > 0
        assert set(again["file"]) == {files[1].removeprefix("incoming/")}
        common = set(first["row_id"]) & set(second["row_id"])
        assert set(second.loc[again["row_no"].astype(int), "row_id"]) == common


def made(times, **columns):
    at = pd.Series(pd.to_datetime(times)).astype("datetime64[us]")
    base = {"rec_arrival": at, "rec_incident": at, "local_blank": False, "date_only": False, "fate": "accepted"}
    return pd.DataFrame(base | {"row_id": range(2, 2 + len(at))} | columns)


def test_universal_times_know_both_hours_of_october_and_the_missing_one_of_march():
    rows = made(["2023-10-29 01:30"] * 2 + ["2023-03-26 01:20", "2023-07-01 12:00"])
    cells = _synth_files._times("arrival", "utc", rows, LAYOUTS["ecds_utc"], np.random.default_rng(1))
    assert cells.tolist() == [
        "2023-10-29T00:30:00Z",
        "2023-10-29T01:30:00Z",
        "2023-03-26T01:20:00Z",
        "2023-07-01T11:00:00Z",
    ]


def test_some_incidents_are_written_in_the_hour_that_does_not_exist(recorded):
    written = recorded.loc[recorded["truth"], "rec_incident"].dropna()
    skipped = written.dt.tz_localize("Europe/London", nonexistent="NaT", ambiguous=True).isna()
    assert 3 <= skipped.sum() <= 60
    assert set(written[skipped].dt.month) == {3}
    true = recorded.loc[recorded["truth"], "incident_at"].dropna()
    assert true.dt.tz_localize("Europe/London", nonexistent="NaT", ambiguous=True).notna().all()


def test_failed_export_is_empty_and_its_patients_are_not_sent(recorded):
    plan = dataclasses.replace(_synth_plan.FULL, departments=("SYN27", "SYN28", "SYN08", "SYN23"), outage=("", ()))
    plan = dataclasses.replace(plan, closes=None, absent_newest="")
    sent, told = _synth_sending.send(recorded, plan, LAYOUTS, profiles(), np.random.default_rng(1))
    layout = LAYOUTS["isb_semicolon"]
    empty = [f.path for f in sent if f.path.startswith("SYN27/") and not len(read_back(f.content, layout))]
    assert empty == ["SYN27/SYN27_2023-03.csv"]
    lost = recorded[(recorded["site"] == "SYN27") & (recorded["month"] == "2023-03")]
    assert len(lost) > 10
    assert not lost.index.isin(told.index).any()
    zero = [f.path for f in sent if f.path.startswith("SYN28/") and not len(read_back(f.content, LAYOUTS["isb_comma"]))]
    assert zero == ["SYN28/SYN28_2023-08.csv"]


def test_workbook_has_a_hidden_sheet_and_a_merged_title(world):
    path = next(p for p in world if p.startswith("incoming/SYN02/"))
    book = openpyxl.load_workbook(io.BytesIO(world[path]))
    assert [sheet.sheet_state for sheet in book] == ["visible", "hidden"]
    assert [str(area) for area in book["ISTV"].merged_cells.ranges] == ["A1:D1"]


def test_codes_that_look_like_numbers_or_nothing_stay_text():
    rows = made(["2024-01-02 10:00"] * 3, method=["fist", "other", "fist"], location_type="other", unmapped=False)
    rows = rows.assign(text=["NA", "na", ""], intent="assault", unsaid=False)
    layout = LAYOUTS["trust_two_formats"]
    table = _synth_files.cells(rows, layout, np.random.default_rng(1))
    assert table["Mechanism"].tolist() == ["01", "10", "01"]
    assert set(table["Setting"]) == {"NA"}
    assert table["Location details"].tolist()[:2] == ["NA", "na"]
    assert "na" not in {token.lower() for token in layout["null_tokens"]}


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
