"""Police files to events: every row accounted for, nothing placed that has no place."""

import gzip
import os
from pathlib import Path

import hypothesis as hy
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from istv_lib import agencies, errors, gazetteer, places, schema

MET, BTP = "Metropolitan Police Service", "British Transport Police"
CAMDEN = ("-0.142500", "51.539000")
PARIS = ("2.350000", "48.850000")


def row(**given):
    base = {"Crime ID": "", "Month": "2024-02", "Reported by": MET, "Falls within": MET}
    base |= {"Longitude": CAMDEN[0], "Latitude": CAMDEN[1], "Location": "On or near Parkway Road"}
    base |= {"LSOA code": "E01000914", "LSOA name": "Camden 028B", "Crime type": "Violence and sexual offences"}
    return base | {"Last outcome category": "Under investigation", "Context": ""} | given


def at(point):
    return {"Longitude": point[0], "Latitude": point[1]}


def file(*rows, columns=agencies.POLICE_COLUMNS):
    return pd.DataFrame(list(rows), columns=columns).to_csv(index=False).encode()


def read(*rows, filename="2024-02-metropolitan-street.csv", synthetic=True):
    return agencies.read_police(file(*rows), filename=filename, synthetic=synthetic)


def test_one_crime_becomes_one_event():
    events, anchors, account = read(row(**{"Crime ID": "a1"}))
    schema.check(events, "event")
    event = events.iloc[0]
    assert (event["source"], event["unit"], event["source_dataset"]) == ("mps", "crime", "2024-02-metropolitan-street")
    assert event["category"] == "Violence and sexual offences"
    assert event["borough_gss"] == "E09000007"
    assert (event["precision_class"], event["radius_m"], event["row_no"]) == ("street", 200, 2)
    assert (event["occurred_start"], event["occurred_precision"]) == (pd.Timestamp("2024-02-01"), "month")
    assert event["occurred_end"] == pd.Timestamp("2024-02-29 23:59:59")
    assert event["synthetic"]
    assert np.isnan(event["location_p"])
    assert anchors[["name", "n"]].to_numpy().tolist() == [["Parkway Road", 1]]
    assert account["source"] == "mps"
    assert account["rows_in"] == account["kept"] == 1


def test_every_row_is_kept_or_set_aside_with_its_reason():
    rows = [
        row(**{"Crime ID": "a"}),
        row(**{"Crime ID": "a", "Last outcome category": "Offender sent to prison"}),
        row(),
        row(),
        row(**at(PARIS)),
        row(**at(("", "")), Location="No Location"),
        row(Month="Feb 2024"),
        dict.fromkeys(agencies.POLICE_COLUMNS, ""),
    ]
    events, anchors, account = read(*rows)
    wanted = {"source": "mps", "rows_in": 8, "kept": 4, "kept_unlocated": 1, "blank": 1, "month_unreadable": 1}
    assert account == wanted | {"repeated_crime_id": 1, "outside_london": 1}
    assert events["row_no"].tolist() == [2, 4, 5, 7]
    assert anchors["n"].sum() == 3


def test_rows_without_a_crime_id_are_never_taken_for_repeats():
    events, _, account = read(*[row(**{"Reported by": BTP})] * 5)
    assert len(events) == 5
    assert account["repeated_crime_id"] == 0
    assert account["source"] == "btp"
    assert events["event_id"].is_unique


def test_rows_without_coordinates_stay_but_have_no_place():
    events, anchors, _ = read(row(**at(("", ""))), row(Longitude="", Location="On or near Mare Street"))
    assert events["precision_class"].tolist() == ["none", "none"]
    assert (events["borough_gss"] == "").all()
    assert events[["x", "y", "radius_m"]].isna().all(axis=None)
    assert anchors.empty


def test_ids_depend_on_the_file_name_and_the_row_alone():
    first = read(row(), row())[0]
    zipped = agencies.read_police(
        gzip.compress(file(row(), row()), mtime=0), filename="x/2024-02-metropolitan-street.csv.gz", synthetic=False
    )[0]
    other = read(row(), row(), filename="2024-03-metropolitan-street.csv")[0]
    assert first["event_id"].tolist() == zipped["event_id"].tolist()
    assert not set(first["event_id"]) & set(other["event_id"])
    assert first["submission_id"].iloc[0] != zipped["submission_id"].iloc[0]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("On or near Queen'S Road", "Queen's Road"),
        ("On or near Liverpool Street (Lu Station)", "Liverpool Street station"),
        ("On or near Liverpool Street (Lu Staion)", "Liverpool Street station"),
        ("On or near West Ham (Dlr)", "West Ham station"),
        ("On or near Waterloo  (London) (Station)", "Waterloo station"),
        ("On or near Addiscombe (Tram Stop)", "Addiscombe tram stop"),
        ("On or near Station Road", "Station Road"),
        ("On or near Supermarket", None),
        ("On or near Parking Area", None),
        ("On or near Police Station", None),
        ("On or near Further/Higher Educational Building", None),
        ("On or near ", None),
        ("On or near", None),
        ("No Location", None),
        ("", None),
    ],
)
def test_labels(label, name):
    events, anchors, _ = read(row(Location=label))
    assert anchors["name"].tolist() == ([name] if name else [])
    assert events["x"].notna().all()


def test_generic_labels_keep_their_point_as_an_event():
    events, _, account = read(row(Location="On or near Nightclub"))
    assert events["precision_class"].tolist() == ["street"]
    assert account["kept_unlocated"] == 0


def test_december_ends_with_the_year():
    assert read(row(Month="2024-12"))[0]["occurred_end"].iloc[0] == pd.Timestamp("2024-12-31 23:59:59")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"\x1f\x8bnot really", "cannot be read"),
        (b"a,b\n1,2\n", "lacks the column Crime ID"),
        (file(), "no rows"),
        (file(row(), columns=[c for c in agencies.POLICE_COLUMNS if c != "Latitude"]), "lacks the column Latitude;"),
        (file(row(**{"Reported by": "Kent Police"})), "not read here"),
        (file(row(), row(**{"Reported by": BTP})), "2 forces"),
    ],
)
def test_what_cannot_be_read_says_so(content, told):
    with pytest.raises(errors.IntakeError, match=told) as error:
        agencies.read_police(content, filename="f.csv", synthetic=True)
    assert "f.csv" in str(error.value)
    assert "Parkway" not in str(error.value)


def test_columns_in_another_order_and_a_byte_order_mark_are_fine():
    content = b"\xef\xbb\xbf" + file(row(), columns=[*reversed(agencies.POLICE_COLUMNS), "Extra"])
    assert len(agencies.read_police(content, filename="f.csv", synthetic=True)[0]) == 1


def test_anchors_of_several_files_add_up():
    first, second = read(row(), row(Location="On or near A Road"))[1], read(row())[1]
    both = agencies.combine_anchors([first, second])
    assert both[["name", "n"]].to_numpy().tolist() == [["A Road", 1], ["Parkway Road", 2]]
    assert both.columns.tolist() == gazetteer.ANCHOR_COLUMNS
    assert agencies.combine_anchors([]).columns.tolist() == gazetteer.ANCHOR_COLUMNS
    pd.testing.assert_frame_equal(both, agencies.combine_anchors([second, first]))


CELLS = st.fixed_dictionaries(
    {
        "Crime ID": st.sampled_from(["", "", "a", "b"]),
        "Month": st.sampled_from(["2024-02", "2024-02", "2024-13", "", "2024-2"]),
        "Longitude": st.sampled_from([CAMDEN[0], PARIS[0], "", "x", "0"]),
        "Latitude": st.sampled_from([CAMDEN[1], PARIS[1], "", "95"]),
        "Location": st.sampled_from(["On or near Mare Street", "No Location", "On or near Hospital", ""]),
    }
)


@hy.settings(max_examples=60, deadline=None)
@hy.given(st.lists(CELLS, min_size=1, max_size=12))
def test_nothing_is_lost_whatever_the_cells(cells):
    events, anchors, account = read(*[row(**cell) for cell in cells])
    aside = sum(account[name] for name in agencies.SET_ASIDE)
    assert account["rows_in"] == len(cells) == len(events) + aside
    assert account["kept"] == len(events)
    assert account["kept_unlocated"] == events["x"].isna().sum() == (events["borough_gss"] == "").sum()
    assert (events["borough_gss"] == places.borough_of(events["x"], events["y"])).all()
    assert anchors["n"].sum() <= events["x"].notna().sum()
    assert events["event_id"].is_unique


# ---- real files, only where ISTV_REAL_DATA points at them ------------------------------------------------


def real_folder():
    given = os.environ.get("ISTV_REAL_DATA")
    if not given:
        pytest.skip("ISTV_REAL_DATA is not set")
    return Path(given)


def real_police():
    """Totals per source and all anchors of the real street files."""
    totals, anchors = {}, []
    for path in sorted((real_folder() / "police").glob("*/*-street.csv*")):
        events, named, account = agencies.read_police(path.read_bytes(), filename=path.name, synthetic=False)
        schema.check(events, "event")
        assert account["rows_in"] == account["kept"] + sum(account[name] for name in agencies.SET_ASIDE)
        assert account["kept"] == len(events)
        counts = totals.setdefault(account.pop("source"), {"files": 0})
        for name, number in ({"files": 1} | account).items():
            counts[name] = counts.get(name, 0) + number
        anchors.append(named)
    return pd.DataFrame(totals), agencies.combine_anchors(anchors)


@pytest.mark.real
def test_real_files_read_and_add_up():
    totals, anchors = real_police()
    print(f"\n{totals}\n{len(anchors)} anchors")  # noqa: T201 - the totals are the point
    assert set(totals) == {"mps", "city", "btp"}
    assert totals.loc["kept"].min() > 1_000
    assert totals.loc["repeated_crime_id", "btp"] == 0
    assert 0.4 < totals.loc["kept", "btp"] / totals.loc["rows_in", "btp"] < 0.5
    assert (totals.loc["outside_london", ["mps", "city"]] / totals.loc["rows_in", ["mps", "city"]] < 0.02).all()
    assert not anchors["name"].str.lower().isin(agencies.GENERIC_PLACES).any()
    streets = gazetteer.streets(anchors)
    assert len(streets) > 10_000
    assert (streets["radius_m"] >= gazetteer.STREET_RADIUS_LEAST_M).all()
