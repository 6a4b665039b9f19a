"""What a hospital gets back: its own figures, the others as a band only, patterns without texts, things to do."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from istv_lib import disclosure, feedback, figures, months, params, privacy, quality, schema, tables, words
from istv_lib._patterns import classify
from tests.conftest import CAMDEN, HACKNEY, make_events
from tests.unit.test_quality import records, split, submission

RULES, CHECKS, WAYS = params.defaults(), params.file("checks"), params.file("patterns")
MONTH = "2024-01"


def world(values, n=20):
    """Return shares in which each site places that many of its ``n`` attendances of the month."""
    parts = [
        records(site, MONTH, [i % 28 + 1 for i in range(n)], precision_class=["street"] * k + ["none"] * (n - k))
        for site, k in values.items()
    ]
    files = pd.concat([submission(site, MONTH) for site in values])
    return quality.shares(files, *split(parts), schema.empty("quarantine"))


def place_of(found):
    return found[(found["measure"] == "completeness") & (found["stratum"] == "place_usable")].iloc[0]


class TestPeers:
    def test_the_band_is_the_quartiles_of_the_others_and_names_none(self):
        shares = world({"A": 2, "B": 4, "C": 8, "D": 12, "E": 16, "F": 20})
        found = feedback.items(shares, "A", MONTH, RULES)
        row = place_of(found)
        assert (row["value"], row["lower"], row["upper"]) == (0.1, 0.4, 0.8)
        assert row["flags"] == "peers 5"
        assert row["n"] == 20
        assert set(found["place"]) == {"A"}

    @pytest.mark.parametrize("others", [0, 1, 4])
    def test_with_fewer_than_five_others_there_is_no_band(self, others):
        shares = world({"A": 2} | dict.fromkeys("BCDE"[:others], 10))
        for found in (
            feedback.items(shares, "A", MONTH, RULES),
            feedback.trend(shares, "completeness", "place_usable", "A", MONTH, RULES),
        ):
            assert found[["lower", "upper"]].isna().all(axis=None)
            assert set(found["flags"]) == {""}

    def test_small_months_and_the_other_kind_of_data_are_no_peers(self):
        shares = world({"A": 2, "B": 4, "C": 8, "D": 12, "E": 16, "F": 20})
        small = shares.assign(denominator=shares["denominator"].mask(shares["site_code"] == "F", 9))
        assert np.isnan(place_of(feedback.items(small, "A", MONTH, RULES))["upper"])
        real = shares.assign(synthetic=shares["site_code"] != "F")
        assert np.isnan(place_of(feedback.items(real, "A", MONTH, RULES))["upper"])

    def test_the_own_year_before_stands_beside_the_month(self):
        past = [records("A", "2023-10", [1, 2], precision_class=["street", "none"], record_id=["p", "q"])]
        now = [records("A", MONTH, [1])]
        files = pd.concat([submission("A", m) for m in ("2023-10", MONTH)])
        shares = quality.shares(files, *split(past + now), schema.empty("quarantine"))
        row = place_of(feedback.items(shares, "A", MONTH, RULES))
        assert (row["value"], row["expected"]) == (1.0, 0.5)

    def test_a_month_without_a_file_is_told_and_drawn_as_a_gap(self):
        shares = world({"B": 4, "C": 8, "D": 12, "E": 16, "F": 20})
        found = feedback.trend(shares, "completeness", "place_usable", "A", MONTH, RULES)
        assert len(found) == RULES["trend_months"]
        assert found["value"].isna().all()
        assert found["upper"].notna().sum() == 1
        released = disclosure.release(found, "partner")
        assert "No month can be shown" in figures.band(released, title="T").alt


TEXTS = [
    ("", "none", "", "", "empty"),
    ("Unknown", "none", "", "", "not_known"),
    ("at home", "home", "", "", "home"),
    ("", "home", "", "", "home"),
    ("in the street", "none", "", "", "vague"),
    ("Pub", "none", "", "", "vague"),
    ("outside bus stop 12", "none", "", "", "vague"),
    ("police custody", "none", "", "", "vague"),
    ("The Gilded Otter", "none", "", "", "not_found"),
    ("NW5", "district", "district", "", "district"),
    ("Camden Town", "area", "area", "", "area"),
    ("Hackney", "borough", "borough", "", "area"),
    ("Heron Lane", "street", "street", "WORDS.left", "street"),
    ("Kilburn High Road", "street", "street", "", "street"),
    ("High Street", "none", "", "PLACES.ambiguous", "several"),
    ("Heron Lane, Camden Town", "street", "street", "NAME.spelled:-8;AREA.agrees:+6", "street_area"),
    ("Heron Lane NW5", "street", "street", "DISTRICT.agrees:+6", "street_area"),
    ("o/s Heron Arms, Kettle St", "street", "street", "", "venue_place"),
    ("fight, Kettle Road, Tower Hamlets", "street", "street", "BOROUGH.agrees:+6", "street_area"),
    ("Heron Lane j/w Kettle Road", "junction", "street", "", "junction"),
    ("near Stratford station", "point", "station", "", "station"),
    ("Heron Arms", "point", "venue", "", "venue_place"),
    ("on the night bus", "mobile", "", "", "mobile"),
    ("Brighton", "outside", "", "", "outside"),
]


def located(frame, faults="", **more):
    """Return the tables conformed and located, the latter with what the place finder noted."""
    conformed, found = split([frame])
    return conformed, found.assign(faults=faults, **more)


class TestPatterns:
    def test_each_way_of_writing_has_its_pattern(self):
        frame = pd.concat(
            [
                records("A", MONTH, [1], record_id=str(i), location_text=t, precision_class=c, matched_kind=k)
                for i, (t, c, k, *_) in enumerate(TEXTS)
            ]
        )
        found = classify(*located(frame, [f for *_, f, _ in TEXTS]), WAYS)
        told = {text: got for (text, *_), got in zip(TEXTS, found["pattern"], strict=True)}
        assert list(found["pattern"]) == [want for *_, want in TEXTS], told
        assert found["placed"].sum() == sum(c in {"point", "junction", "street"} for _, c, *_ in TEXTS)

    def test_a_place_that_only_the_hospital_attended_tells_is_not_found_by_its_text(self):
        frame = records("A", MONTH, [1, 2], location_text="High Street")
        found = classify(*located(frame, prior_decided=[True, False]), WAYS)
        assert found["pattern"].tolist() == ["several", "street"]
        assert found["placed"].tolist() == [False, True]
        assert "better" in WAYS["patterns"]["several"]

    def test_every_pattern_is_explained(self):
        assert {want for *_, want in TEXTS} | {"personal", "hospital"} == set(WAYS["patterns"])
        found = records("A", MONTH, [1], location_text="on the ward").assign(precision_class="none")
        conformed, hit = split([found])
        assert classify(conformed, hit.assign(precision_class="hospital"), WAYS)["pattern"].tolist() == ["hospital"]

    def test_personal_data_come_first(self):
        frame = records("A", MONTH, [1], location_text="Heron Lane [phone]", flags="x;personal_data")
        assert classify(*split([frame]), WAYS)["pattern"].tolist() == ["personal"]

    def test_shares_add_up_and_no_text_is_in_any_result(self):
        frame = pd.concat(
            [
                records("A", MONTH, [1] * 6, record_id=list("abcdef"), location_text="SECRET LANE"),
                records("A", MONTH, [1] * 4, record_id=list("ghij"), location_text="", precision_class="none"),
            ]
        )
        found = feedback.patterns(*split([frame]), WAYS, "A", MONTH, RULES)
        share = found[found["measure"] == "pattern"]
        assert share["value"].sum() == pytest.approx(1)
        assert set(share["n"]) == {10}
        released = disclosure.release(found, "partner")
        blocks = [words.patterns(released, WAYS, RULES), tables.patterns(released, WAYS, title="T")]
        shown = " ".join(" ".join(b.data.values()) for b in blocks)
        assert "SECRET" not in shown
        assert "Works well: a street without its area, such as “Heron Lane”: 6 of 6 found." in shown
        assert "Leaves the place unknown: nothing written: 4 of 4 not found" in shown
        assert "The examples are invented." in shown

    def test_without_a_record_it_says_so(self):
        conformed, located = split([records("B", MONTH, [1])])
        found = feedback.patterns(conformed, located, WAYS, "A", MONTH, RULES)
        assert set(found["status"]) == {"no_data"}
        assert "no text yet" in words.patterns(disclosure.release(found, "partner"), WAYS, RULES).data["text/markdown"]

    def test_examples_of_patterns_are_told_apart_as_their_pattern(self):
        placed = {"street": "street", "street_area": "street", "junction": "junction", "station": "point"}
        placed |= {"venue_place": "street", "area": "area", "home": "home", "mobile": "mobile", "outside": "outside"}
        placed |= {"district": "district"}
        kind = {"station": "station"}
        told = {"personal", "street_area", "area", "venue_place", "several", "hospital"}
        for name, way in WAYS["patterns"].items():
            if name in told or not way["example"]:
                continue  # the place finder tells these, and the invented areas and venues are on no list
            frame = records(
                "A", MONTH, [1], location_text=way["example"], precision_class=placed.get(name, "none"),
                matched_kind=kind.get(name, ""),
            )  # fmt: skip
            assert classify(*split([frame]), WAYS)["pattern"].tolist() == [name], name


def test_hours_count_known_times_only_and_say_n():
    frame = records("A", MONTH, [1, 2, 3, 4], incident_quality=["exact", "exact", "default", "missing"])
    found = feedback.hours(split([frame])[0], "A", MONTH, RULES)
    arrivals, assaults = (found[found["measure"] == m] for m in ("arrivals_by_hour", "assaults_by_hour"))
    assert len(arrivals) == len(assaults) == 24
    assert arrivals.set_index("stratum").loc["20", "value"] == 4
    assert assaults.set_index("stratum").loc["19", "value"] == 2
    assert set(assaults["n"]) == {2}
    assert set(assaults["share_used"]) == {0.5}


def test_noted_counts_return_visits_codes_and_personal_data_by_kind():
    frame = records("A", MONTH, [3, 5, 9, 9], flags=["", "personal_data", "unmapped_method", ""])
    frame.loc[[0, 1], "incident_at"] = pd.Timestamp(f"{MONTH}-03 19:07")
    frame.loc[3, "location_type"] = "home"
    edit = {"submission_id": f"A-{MONTH}", "site_code": "A", "synthetic": True, "field": "location_text"}
    rows = [edit | {"row_no": 3, "rule": "personal_phone"}] * 2 + [edit | {"row_no": 99, "rule": "personal_email"}]
    changes = schema.conform(pd.DataFrame(rows), "changes")
    found = feedback.noted(split([frame])[0], changes, "A", MONTH, RULES)
    assert found.set_index("stratum")["value"].to_dict() == {
        "at_home": 1, "possible_reattendance": 1, "unmapped": 1, "personal_phone": 1
    }  # fmt: skip
    assert {f"personal_{kind}" for kind in privacy.TOKENS} <= set(feedback.NOTED)


def queries(*rows):
    names = ["stratum", "numerator", "unit"]
    frame = pd.DataFrame(rows, columns=names).assign(
        measure="query", source="ed", place_type="site", place="A", period_start=MONTH, period_end=MONTH,
        status="final", method="count", synthetic=True,
    )  # fmt: skip
    return schema.conform(frame, "finding")


def steps(frame, asked, reconciliation=None):
    rows = schema.empty("reconciliation") if reconciliation is None else reconciliation
    files = submission("A", MONTH)
    return feedback.to_do(asked, split([frame])[0], files, rows, CHECKS, "A", MONTH, RULES)


class TestToDo:
    def test_ranked_by_attendances_times_severity_and_three_at_most(self):
        marks = ["location_too_long"] * 5 + ["personal_data"] * 2 + ["month_from_submission"] + [""] * 12
        frame = records("A", MONTH, range(1, 21), flags=marks)
        base = {"submission_id": f"A-{MONTH}", "site_code": "A", "month": MONTH, "synthetic": True}
        rows = [
            base | {"fate": "quarantined", "reason": "not_assault", "rows": 40},
            base | {"fate": "quarantined", "reason": "arrival_unreadable", "rows": 3},
            base | {"fate": "accepted", "reason": "", "rows": 20},
        ]
        found = steps(frame, queries(), schema.conform(pd.DataFrame(rows), "reconciliation"))
        assert found["stratum"].tolist() == ["arrival_unreadable", "personal_data", "location_too_long"]
        assert found["value"].tolist() == [3, 2, 5]
        assert set(found["n"]) == {63}

    def test_a_query_stands_for_the_checks_that_it_covers(self):
        frame = records("A", MONTH, range(1, 11), flags=["incident_default_time"] * 6 + [""] * 4)
        found = steps(frame, queries(("default_times", 5, "share"), ("late_file", 8, "file")))
        assert found["stratum"].tolist() == ["default_times", "late_file"]
        assert found["value"].iloc[0] == 6
        text = words.to_do(disclosure.release(found, "partner"), CHECKS).data["text/markdown"]
        assert text.startswith(f"1. {CHECKS['default_times']['hospital']} (6 of 10 rows)\n2. ")
        assert text.endswith(CHECKS["late_file"]["hospital"])

    def test_information_is_nothing_to_do(self):
        found = steps(records("A", MONTH, [1, 2]), queries(("rounded_times", 9, "share")))
        assert found["stratum"].tolist() == ["nothing"]
        told = words.to_do(disclosure.release(found, "partner"), CHECKS).data["text/markdown"]
        assert told.startswith("Nothing stands out")

    def test_places_are_advised_on_before_a_query_would_be_raised(self):
        assert feedback.aims(RULES)["usable_place_least"] == RULES["usable_place_aim"]
        assert RULES["usable_place_least"] < RULES["usable_place_aim"]


class TestReach:
    def test_shares_are_rounded_and_need_five_other_hospitals(self):
        counts = {("A", MONTH, CAMDEN): 33, ("A", MONTH, HACKNEY): 30, ("A", MONTH, ""): 7, ("B", MONTH, HACKNEY): 30}
        counts |= {(s, MONTH, CAMDEN): 10 for s in "BCDEF"}
        found = feedback.reach(make_events(counts), "A", MONTH, RULES)
        supplied = found[found["measure"] == "supplied"]
        assert supplied["stratum"].tolist() == [CAMDEN]
        assert supplied["value"].tolist() == pytest.approx([0.4])
        assert supplied["n"].isna().all()
        facts = found.set_index("measure")
        assert facts.loc["boroughs_reached", "value"] == 2
        assert (facts.loc["located", "value"], facts.loc["located", "n"]) == (63, 70)
        story = [{"month": "2023-11", "words": "A path was lit."}]
        text = words.reach(disclosure.release(found, "partner"), story).data["text/markdown"]
        assert "about 40% of those of Camden" in text
        assert text.endswith("November 2023: A path was lit.")

    def test_a_hospital_without_records_reaches_nothing(self):
        found = feedback.reach(make_events({("B", MONTH, CAMDEN): 9}), "A", MONTH, RULES)
        assert found["value"].tolist() == [0, 0]


def states(*rows):
    """Return site-months of site A from (month, status, received, rows)."""
    frame = pd.DataFrame(rows, columns=["month", "status", "received", "rows"])
    return schema.conform(frame.assign(site_code="A", synthetic=True, days_covered=0, located=0), "site_months")


class TestHeadline:
    @pytest.mark.parametrize(
        ("status", "received", "told"),
        [
            (
                "complete",
                "2024-02-05",
                "came 5 days after the end of the month, within the 10 days agreed, and holds 12",
            ),
            ("complete", "2024-02-15", "later than the 10 days agreed"),
            ("complete", "2024-02-01", "came 1 day after"),
            ("partial", "2024-02-05", "It covers a part of the month."),
            ("zero", "", "nobody was treated because of an assault in January 2024; it counts as zero"),
            ("late", "", "has not come yet"),
            ("missing", "2024-02-05", "counts as missing and not as zero"),
            ("closed", "", "no file is expected"),
            ("not_joined", "", "did not yet share data"),
        ],
    )
    def test_each_state_has_its_sentence(self, status, received, told):
        rows = 12 if status in {"complete", "partial"} else 0
        found = feedback.timeliness(states((MONTH, status, received, rows)), "A", MONTH, RULES)
        assert len(found) == RULES["feedback_months"]
        shares = world({"B": 4, "C": 8, "D": 12, "E": 16, "F": 20})
        place = feedback.trend(shares, "completeness", "place_usable", "A", MONTH, RULES)
        timely = disclosure.release(found, "partner")
        text = words.feedback(timely, disclosure.release(place, "partner")).data["text/markdown"]
        assert text.startswith("**SYNTHETIC.** ")
        assert told in text
        assert "could be found" not in text

    def test_the_share_of_places_stands_beside_the_band(self):
        shares = world({"A": 2, "B": 4, "C": 8, "D": 12, "E": 16, "F": 20})
        place = disclosure.release(feedback.trend(shares, "completeness", "place_usable", "A", MONTH, RULES), "partner")
        timely = feedback.timeliness(states((MONTH, "complete", "2024-02-05", 20)), "A", MONTH, RULES)
        text = words.feedback(disclosure.release(timely, "partner"), place).data["text/markdown"]
        assert "for 10% of the 20 attendances that were not at a home" in text
        assert "between 40% and 80%" in text

    def test_a_missing_month_never_shows_a_zero(self):
        found = feedback.timeliness(states((MONTH, "missing", "", 0)), "A", MONTH, RULES)
        assert found.iloc[-1][["value", "n"]].isna().all()
        html = tables.timeliness(disclosure.release(found, "partner"), title="T").data["text/html"]
        assert ">0<" not in html
        assert months.label(MONTH) in html


def test_figures_and_tables_of_the_sheet_are_stamped_and_described():
    shares = world({"A": 2, "B": 4, "C": 8, "D": 12, "E": 16, "F": 20})
    items = disclosure.release(feedback.items(shares, "A", MONTH, RULES), "partner")
    trend = disclosure.release(feedback.trend(shares, "completeness", "place_usable", "A", MONTH, RULES), "partner")
    conformed = split([records("A", MONTH, [1, 2, 3])])[0]
    by_hour = disclosure.release(feedback.hours(conformed, "A", MONTH, RULES), "partner")
    drawn = [
        figures.band(trend, title="T"),
        figures.hours(by_hour, title="T", labels={"arrivals_by_hour": "Arrival", "assaults_by_hour": "Assault"}),
    ]
    for block in drawn:
        assert block.alt.startswith("SYNTHETIC")
        assert 20 <= len(block.alt) <= 600
        assert Image.open(io.BytesIO(base64.b64decode(block.data["image/png"]))).size[0] > 800
        assert block.stamp["audience"] == "partner"
    assert "10% of 20 attendances" in drawn[0].alt
    assert "Arrival, of 3: most between 20:00 and 20:59, 3" in drawn[1].alt
    html = tables.items(items, title="T", labels=quality.ITEMS).data["text/html"]
    assert "40% to 80%" in html
    assert "Place found to a street or better" in html
    alone = disclosure.release(feedback.items(world({"A": 2}), "A", MONTH, RULES), "internal")
    assert "Other hospitals" not in tables.items(alone, title="T", labels=quality.ITEMS).data["text/html"]
