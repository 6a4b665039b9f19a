"""The state of site-months, how well items are filled in, what is asked, and whom to remind."""

from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import coverage, disclosure, errors, months, params, places, quality, schema, tables, words
from istv_lib._queries import usual_range
from tests.conftest import make_roster

RULES, CHECKS = params.defaults(), params.file("checks")
NO_WORD = pd.DataFrame(columns=["site_code", "month", "state", "days", "on", "by"])
EVERY_DAY = list(range(1, 29)) * 2


def records(site, month, days, **more):
    """Return records of a site and month, one a day given; ``more`` fills columns of either table."""
    return pd.DataFrame(
        {
            "record_id": [f"{site}{month}{i}" for i in range(len(days))],
            "submission_id": f"{site}-{month}",
            "row_no": range(2, 2 + len(days)),
            "site_code": site,
            "month": month,
            "synthetic": True,
            "shape": "trust",
            "arrival_at": [pd.Timestamp(f"{month}-{d:02d} 20:07") for d in days],
            "incident_at": [pd.Timestamp(f"{month}-{d:02d} 19:07") for d in days],
            "incident_quality": "exact",
            "location_type": "street",
            "location_type_source": "ST",
            "method": "fist",
            "method_source": "FI",
            "location_text": "Heron Lane",
            "borough_gss": "E09000007",
            "precision_class": "street",
            "matched_kind": "street",
            "flags": "",
        }
        | more
    )


def submission(site, month, received="2024-01-05", **more):
    row = {
        "submission_id": f"{site}-{month}",
        "site_code": site,
        "month": month,
        "synthetic": True,
        "file": "f",
        "received": received,
        "status": "accepted",
        "zero_declared": False,
        "rows_physical": 12,
        "rows_accepted": 8,
        "dropped": "NAME; Postcode",
    }
    return schema.conform(pd.DataFrame([row | more]), "submissions")


def split(parts):
    """Return the tables conformed and located of some records."""
    frame = pd.concat(parts, ignore_index=True).assign(prior_decided=False, place_version="1")
    return tuple(
        schema.conform(frame[[c for c in frame if c in schema.TABLES[name].names]], name)
        for name in ("conformed", "located")
    )


def said(*rows):
    return pd.DataFrame(rows, columns=list(NO_WORD))


def state(parts, submissions, roster, word=NO_WORD):
    found = quality.site_months(pd.concat(submissions), *split(parts), roster, word, RULES)
    return found.set_index(["site_code", "month"])


class TestSiteMonths:
    def test_missing_late_closed_not_joined_zero_partial_and_complete(self):
        span, half = ["2023-10", "2023-11", "2023-12"], list(range(1, 13)) * 4
        parts = [records("A", m, EVERY_DAY) for m in span]
        parts += [records("B", "2023-11", half), records("C", "2023-10", EVERY_DAY), records("D", "2023-10", EVERY_DAY)]
        sent = [submission("A", m) for m in span] + [submission("B", "2023-11"), submission("C", "2023-10")]
        sent += [submission("D", "2023-10"), submission("D", "2023-12", zero_declared=True)]
        roster = make_roster([("A", "", ""), ("B", "", ""), ("C", "2023-10", "A:1"), ("D", "", ""), ("E", "", "")])
        found = state(parts, sent, roster, said(("D", "2023-12", "zero", None, "2024-01-09", "x")))
        status = found["status"]
        assert status["A"].tolist() == ["complete"] * 3
        assert status["B"].tolist() == ["not_joined", "partial", "late"]
        assert status["C"].tolist() == ["complete", "closed", "closed"]
        assert status["D"].tolist() == ["complete", "missing", "zero"]
        assert status["E"].tolist() == ["not_joined"] * 3
        assert found.loc[("D", "2023-12"), "days_covered"] == 31

    def test_zero_needs_the_hospitals_word_and_takes_no_attendance_away(self):
        parts = [records("A", "2023-10", EVERY_DAY), records("A", "2023-12", EVERY_DAY)]
        sent = [submission("A", m, zero_declared=m == "2023-11") for m in ("2023-10", "2023-11", "2023-12")]
        roster = make_roster([("A", "", "")])
        assert state(parts, sent, roster)["status"].tolist() == ["complete", "missing", "complete"]
        zero = [("A", m, "zero", None, "2024-01-09", "x") for m in ("2023-11", "2023-12")]
        assert state(parts, sent, roster, said(*zero))["status"].tolist() == ["complete", "zero", "complete"]
        without_file = state(parts, [sent[0], sent[2]], roster, said(zero[0]))
        assert without_file["status"].tolist() == ["complete", "zero", "complete"]

    def test_low_volume_alone_is_not_partial(self):
        found = state([records("A", "2023-10", [3, 20])], [submission("A", "2023-10")], make_roster([("A", "", "")]))
        assert found["status"].tolist() == ["complete"]
        assert found["days_covered"].tolist() == [31]

    def test_a_gap_in_dates_covers_the_other_days_and_the_hospitals_word_goes_before(self):
        parts, sent = [records("A", "2023-10", list(range(1, 17)) * 3)], [submission("A", "2023-10")]
        roster = make_roster([("A", "", "")])
        assert state(parts, sent, roster)["days_covered"].tolist() == [16]
        told = said(
            ("A", "2023-10", "partial", 20, "2023-11-09", "x"), ("A", "2023-10", "partial", 18, "2023-11-12", "x")
        )
        assert state(parts, sent, roster, told)["days_covered"].tolist() == [18]

    def test_the_word_alone_makes_a_month_partial_or_closed(self):
        roster = make_roster([("A", "", "")])
        parts = [records("A", m, EVERY_DAY) for m in ("2023-10", "2023-12")]
        sent = [submission("A", m) for m in ("2023-10", "2023-12")]
        word = said(("A", "2023-10", "partial", None, "a", ""), ("A", "2023-11", "closed", None, "a", ""))
        found = state(parts, sent, roster, word)
        assert found["status"].tolist() == ["partial", "closed", "complete"]
        assert found["days_covered"].tolist() == [31, 0, 31]

    def test_several_files_of_a_month_count_together_and_the_last_gives_the_date(self):
        parts = [records("A", "2023-10", EVERY_DAY)]
        sent = [submission("A", "2023-10", d, submission_id=d) for d in ("2023-11-02", "2023-11-15")]
        found = state(parts, sent, make_roster([("A", "", "")]))
        assert len(found) == 1
        assert found["rows"].tolist() == [56]
        assert found["days_late"].tolist() == [15 - RULES["due_days"]]

    def test_coverage_reads_the_states(self):
        found = state([records("A", "2023-10", [1] * 9)], [submission("A", "2023-10")], make_roster([("A", "", "")]))
        assert coverage.submitted(found.reset_index()).loc["A", "2023-10"] < 1

    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.integers(1, 28), min_size=1, max_size=80), st.booleans())
    def test_a_month_with_attendances_is_never_zero_missing_or_closed(self, days, worded):
        word = said(("A", "2023-10", "zero", None, "a", "")) if worded else NO_WORD
        found = state([records("A", "2023-10", days)], [submission("A", "2023-10")], make_roster([("A", "", "")]), word)
        assert found["status"].iloc[0] in {"complete", "partial"}
        assert 0 <= found["days_covered"].iloc[0] <= 31

    def test_the_calendar_never_turns_a_missing_month_into_zero(self):
        parts = [records("A", m, [1] * 30) for m in ("2023-10", "2023-12")]
        found = state(parts, [submission("A", m) for m in ("2023-10", "2023-12")], make_roster([("A", "", "")]))
        calendar = quality.calendar_findings(found.reset_index()[schema.SITE_MONTHS.names])
        missing = calendar[calendar["stratum"] == "missing"]
        assert missing["period_start"].tolist() == ["2023-11"]
        assert np.isnan(missing["value"].iloc[0])


def shares_of(*parts, aside=()):
    conformed, located = split(parts)
    files = [submission(s, m) for s, m in conformed[["site_code", "month"]].drop_duplicates().itertuples(index=False)]
    rows = [
        {"submission_id": i, "row_no": 99, "site_code": "A", "synthetic": True, "reason": reason, "severity": "error"}
        for i, reason in aside
    ]
    quarantine = schema.conform(pd.DataFrame(rows), "quarantine") if rows else schema.empty("quarantine")
    return quality.shares(pd.concat(files), conformed, located, quarantine)


def values(shares, measure):
    rows = shares[shares["measure"] == measure].set_index("item")
    return dict(zip(rows.index, zip(rows["numerator"], rows["denominator"], strict=True), strict=True))


class TestShares:
    def test_complete_is_not_valid_and_valid_is_not_complete(self):
        parts = [
            records("A", "2023-10", [1, 2]),
            records("A", "2023-10", [3], record_id="u", method="unknown", method_source="NK"),
            records("A", "2023-10", [4], record_id="v", method="unknown", method_source="Z", flags="unmapped_method"),
            records("A", "2023-10", [5], record_id="w", method="unknown", method_source=""),
        ]
        shares = shares_of(*parts)
        assert values(shares, "completeness")["method"] == (2, 5)
        assert values(shares, "validity")["method"] == (3, 4)
        assert values(shares, "share")["unmapped"] == (1, 5)

    def test_defaults_dates_alone_and_impossible_times_are_not_usable_times(self):
        parts = [
            records("A", "2023-10", [1]),
            records("A", "2023-10", [2], record_id="a", incident_quality="default"),
            records("A", "2023-10", [3], record_id="b", incident_quality="date_only"),
            records(
                "A", "2023-10", [4], record_id="c", incident_quality="missing", incident_at=pd.NaT,
                flags="incident_after_arrival",
            ),
            records("A", "2023-10", [5], record_id="d", incident_quality="missing", incident_at=pd.NaT),
        ]  # fmt: skip
        shares = shares_of(*parts)
        assert values(shares, "completeness")["incident_time"] == (1, 5)
        assert values(shares, "validity")["incident_time"] == (1, 3)
        assert values(shares, "completeness")["incident_date"] == (3, 5)
        assert values(shares, "validity")["incident_date"] == (3, 4)
        assert values(shares, "share")["default_time"] == (1, 2)

    def test_a_home_by_code_or_text_is_class_h_and_outside_the_share_of_places_found(self):
        parts = [
            records("A", "2023-10", [1]),
            records("A", "2023-10", [2], record_id="a", location_type="home", precision_class="home", borough_gss=""),
            records("A", "2023-10", [3], record_id="b", location_type="home"),
            records("A", "2023-10", [4], record_id="c", precision_class="none", borough_gss="", location_text="n/k"),
        ]
        shares = shares_of(*parts)
        classes = values(shares, "usability")
        assert {k: v[0] for k, v in classes.items()} == {"A": 0, "B": 1, "C": 0, "D": 0, "H": 2, "X": 1}
        assert values(shares, "completeness")["place_usable"] == (1, 2)
        assert values(shares, "completeness")["place_text"] == (3, 4)

    def test_arrivals_that_were_set_aside_count_against_validity_only(self):
        shares = shares_of(records("A", "2023-10", [1, 2]), aside=[("A-2023-10", "arrival_unreadable")])
        assert values(shares, "validity")["arrival_time"] == (2, 3)
        assert values(shares, "completeness")["arrival_time"] == (2, 2)

    def test_the_other_method_is_asked_for_words_only_where_it_is_other(self):
        parts = [records("A", "2023-10", [1]), records("A", "2023-10", [2], record_id="a", method="other")]
        assert values(shares_of(*parts), "completeness")["method_other"] == (0, 1)

    def test_without_any_record_there_are_no_shares_and_no_findings(self):
        empty = [schema.empty(name) for name in ("conformed", "located", "quarantine")]
        shares = quality.shares(submission("A", "2023-10"), *empty)
        assert shares.empty
        assert quality.item_findings(shares, "usability", "A", ("2023-10", "2023-10")).empty

    def test_findings_of_a_month_without_records_are_no_data_and_london_adds_up(self):
        shares = shares_of(records("A", "2023-10", [1]), records("B", "2023-12", [1], precision_class="none"))
        mine = quality.item_findings(shares, "completeness", "A", ("2023-10", "2023-11"))
        empty = mine[mine["period_start"] == "2023-11"]
        assert (empty["status"] == "no_data").all()
        assert empty["value"].isna().all()
        both = quality.item_findings(shares, "completeness", places.LONDON, ("2023-10", "2023-12"))
        found = both[both["stratum"] == "place_usable"]["value"].tolist()
        assert found[0] == 1
        assert np.isnan(found[1])
        assert found[2] == 0


SPAN = months.span("2023-01", "2024-01")


def asked(now=(), *, usual=30, count=30, site_months=None, **more):
    """Return the queries about 2024-01 of a site that sent ``usual`` records in each month of the year before."""
    days = [i % 28 + 1 for i in range(max(usual, count))]
    parts = [records("A", m, days[:usual]) for m in SPAN[:-1]]
    parts += [records("A", SPAN[-1], days[:count], **more)] if count else []
    conformed, located = split(parts)
    states = pd.DataFrame({"site_code": "A", "month": SPAN, "synthetic": True, "status": "complete", "received": "x"})
    states["days_covered"] = states["month"].map(months.days_in)
    states["rows"] = [*[usual] * 12, count]
    states["days_late"], states["located"] = -3, 0
    for name, value in (site_months or {}).items():
        states.loc[12, name] = value
    files = pd.concat([submission("A", m) for m in SPAN])
    shares = quality.shares(files, conformed, located, schema.empty("quarantine"))
    states = schema.conform(states, "site_months")
    return quality.queries(states, shares, conformed, CHECKS, "2024-01", RULES).set_index("stratum")


class TestQueries:
    def test_an_ordinary_month_raises_none(self):
        assert asked().empty

    @pytest.mark.parametrize(("count", "check"), [(5, "few_records"), (70, "many_records"), (22, None), (40, None)])
    def test_too_few_and_too_many(self, count, check):
        found = [name for name in asked(count=count).index if name.endswith("_records")]
        assert found == ([check] if check else [])

    def test_with_too_few_months_nothing_is_usual(self):
        conformed, located = split([records("A", m, [1] * (30 if m < "2024-01" else 3)) for m in SPAN[-6:]])
        states = state([records("A", m, [1] * 30) for m in SPAN[-6:]], [submission("A", m) for m in SPAN[-6:]],
                       make_roster([("A", "", "")])).reset_index()  # fmt: skip
        shares = quality.shares(submission("A", "2024-01"), conformed, located, schema.empty("quarantine"))
        assert (
            not quality.queries(states, shares, conformed, CHECKS, "2024-01", RULES)["stratum"].eq("few_records").any()
        )

    def test_an_empty_file_without_a_word_and_no_file_at_all(self):
        empty = asked(count=0, site_months={"status": "missing"})
        assert list(empty.index) == ["empty_file"]
        none = asked(count=0, site_months={"status": "late", "received": ""})
        assert list(none.index) == ["no_file"]
        assert none["numerator"].iloc[0] == 30
        assert none["value"].isna().all()
        assert asked(count=0, site_months={"status": "zero"}).empty
        assert asked(count=0, site_months={"status": "closed", "received": ""}).empty

    def test_a_late_file_and_a_gap(self):
        found = asked(site_months={"days_late": 5, "status": "partial", "days_covered": 20})
        assert found.loc["late_file", "value"] == 5
        assert found.loc["gap_in_dates", "value"] == 11
        assert set(found["unit"]) == {"file"}

    def test_default_and_rounded_times(self):
        half = ["exact", "default"] * 15
        found = asked(incident_quality=half)
        assert found.loc["default_times", "value"] == 0.5
        assert found.loc["default_times", "numerator"] == 15
        on_the_hour = [pd.Timestamp("2024-01-05 18:30")] * 30
        assert list(asked(incident_at=on_the_hour).index) == ["rounded_times"]

    def test_places_items_codes_and_personal_data(self):
        worse = ["street"] * 12 + ["none"] * 18
        found = asked(precision_class=worse)
        assert found.loc["fewer_locations", "flags"] == "place_usable"
        assert found.loc["fewer_locations", "expected"] == 1
        assert asked(method=["unknown"] * 9 + ["fist"] * 21).loc["fewer_items", "flags"] == "method"
        assert asked(method_source=["N1"] * 3 + ["FI"] * 27).loc["new_codes", "value"] == 1
        assert asked(method_source=["N1"] * 2 + ["FI"] * 28).empty
        assert "unmapped_codes" in asked(flags=["unmapped_method"] * 2 + [""] * 28).index
        assert "more_personal_data" in asked(flags=["personal_data"] * 9 + [""] * 21).index

    def test_a_drop_that_chance_can_make_is_not_asked_about(self):
        assert asked(precision_class=["street"] * 27 + ["none"] * 3, usual=27).empty

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.integers(0, 300), min_size=6, max_size=12), st.sampled_from([0.01, 0.001]))
    def test_the_usual_range_holds_its_middle(self, rows, chance):
        past = pd.DataFrame({"rows": rows, "days_covered": 30})
        middle, low, high = usual_range(past, 30.0, chance)
        assert low <= middle <= high or middle < 1

    def test_every_check_of_a_file_is_complete_and_names_what_exists(self):
        whole = {k: v for k, v in CHECKS.items() if v["scope"] == "file"}
        assert {v["when"]["is"] for v in whole.values()} <= set(quality._queries.PREDICATES)
        items = {*quality.ITEMS, "default_time", "rounded_time", "personal_data", "unmapped"}
        for name, entry in whole.items():
            assert entry["severity"] in schema.SEVERITIES, name
            assert set(entry["when"].get("items", [])) <= items
            assert set(entry.get("covers", [])) <= set(CHECKS)
            assert entry["reason"].endswith(".")
            assert entry["hospital"].endswith(".")
            for option, value in entry["when"].items():
                if option not in {"is", "items"}:
                    assert RULES[value] is not None


def account(**more):
    base = {"submission_id": "A-2023-10", "site_code": "A", "month": "2023-10", "synthetic": True}
    return base | more


class TestOneFile:
    def found(self):
        rows = schema.conform(
            pd.DataFrame(
                [
                    account(fate="header", rows=1), account(fate="total", rows=1), account(fate="accepted", rows=8),
                    account(fate="quarantined", reason="arrival_unreadable", rows=1),
                    account(fate="duplicate", reason="repeated_id", rows=1),
                ]
            ),
            "reconciliation",
        )  # fmt: skip
        base = {k: v for k, v in account().items() if k != "month"}
        aside = [base | {"row_no": 9, "reason": "arrival_unreadable", "severity": "error", "column": "arrival"}]
        edits = [
            base | {"row_no": 3, "field": "location_text", "rule": "personal_phone"},
            base | {"row_no": 4, "field": "incident", "rule": "incident_after_arrival"},
            base | {"row_no": 5, "field": "incident", "rule": "incident_after_arrival"},
            base | {"row_no": 6, "field": "row", "rule": "repeated_id"},
        ]
        tables_ = [schema.conform(pd.DataFrame(r), n) for r, n in ((aside, "quarantine"), (edits, "changes"))]
        return quality.intake_findings(submission("A", "2023-10"), rows, *tables_, "2023-10")

    def test_every_row_edit_and_column_is_told(self):
        found = self.found()
        by = {k: v.set_index("stratum")["value"].to_dict() for k, v in found.groupby("measure")}
        assert by["rows"] == {
            "header": 1, "blank": 0, "total": 1, "accepted": 8, "quarantined": 1, "duplicate": 1
        }  # fmt: skip
        assert by["set_aside"] == {"arrival_unreadable": 1, "repeated_id": 1}
        assert by["changed"] == {"incident: incident_after_arrival": 2, "location_text: personal_phone": 1}
        assert by["personal"] == {"phone": 1}
        assert by["column_dropped"] == {"NAME": 1, "Postcode": 1}

    def test_without_a_file_it_is_refused(self):
        empty = [schema.empty(n) for n in ("reconciliation", "quarantine", "changes")]
        with pytest.raises(errors.StoreError, match="No file of this site is in use for 2023-11"):
            quality.intake_findings(submission("A", "2023-10"), *empty, "2023-11")

    def test_a_later_file_tells_what_it_changed(self):
        row = account(supersedes="old", received="2023-11-20", rows_before=8, rows_after=9, same=7, added=1, removed=0)
        frame = schema.conform(pd.DataFrame([row | {"changed": 1, "fields": "method 1"}]), "revisions")
        found = quality.revision_findings(frame)
        assert found.set_index("stratum")["value"].to_dict() == {
            "before": 8, "after": 9, "same": 7, "added": 1, "removed": 0, "changed": 1
        }  # fmt: skip
        shown = tables.revisions(disclosure.release(found, "internal"), title="T").data["text/html"]
        assert "method 1" in shown
        assert "2023-11-20" in shown
        assert quality.revision_findings(schema.empty("revisions")).empty


class TestReminders:
    CALENDAR = MappingProxyType({"cut_off_day": 14, "run_day": 20})

    def listed(self, refused=()):
        """Return the list for A (late), B (missing twice), C (closed), D (mended by its word) and E (never joined)."""
        span = ["2023-09", "2023-10", "2023-11", "2023-12"]
        rows = {
            "A": ["complete", "partial", "complete", "late"], "B": ["complete", "missing", "missing", "complete"],
            "C": ["complete", "missing", "closed", "closed"], "D": ["complete", "zero", "complete", "complete"],
            "E": ["not_joined"] * 4,
        }  # fmt: skip
        states = pd.DataFrame(
            [(s, m, v) for s, mine in rows.items() for m, v in zip(span, mine, strict=True)],
            columns=["site_code", "month", "status"],
        )
        states = schema.conform(states.assign(synthetic=True, days_covered=30, rows=1, located=1), "site_months")
        files = [submission(s, m, status="refused") for s, m in refused] or [submission("A", "2023-09")]
        roster = make_roster([(s, "", "") for s in rows])
        contacts = {"A": "ed@a.example"}
        return states, quality.chase(states, pd.concat(files), roster, contacts, "2023-12", self.CALENDAR, RULES)

    def test_open_sites_that_owe_a_month_are_listed_with_dates_and_contact(self):
        _, listed = self.listed()
        assert listed[["site_code", "state", "since", "until", "months"]].to_numpy().tolist() == [
            ["A", "late", "2023-12", "2023-12", 1],
            ["B", "missing", "2023-10", "2023-11", 2],
            ["A", "partial", "2023-10", "2023-10", 1],
        ]
        assert listed["contact"].tolist() == ["ed@a.example", "", "ed@a.example"]
        assert set(listed["cut_off"]) == {"2024-01-14"}
        assert set(listed["run"]) == {"2024-01-20"}

    def test_a_refused_file_is_still_owed(self):
        _, listed = self.listed(refused=[("A", "2023-12")])
        assert listed["state"].tolist() == ["refused", "missing", "partial"]
        released = disclosure.release(quality.chase_findings(listed), "internal")
        html = tables.chase(released, title="T", labels={}, contacts={"A": "ed@a.example"}).data["text/html"]
        assert "ed@a.example" in html
        assert "Two hospitals owe" in words.chase(released, released, "2024-01-14", "2024-01-20").data["text/markdown"]

    def test_with_nothing_owed_the_list_is_empty(self):
        states, _ = self.listed()
        whole = states[states["site_code"] == "D"]
        listed = quality.chase(whole, submission("D", "2023-12"), make_roster([("D", "", "")]), {}, "2023-12",
                               self.CALENDAR, RULES)  # fmt: skip
        assert listed.empty
        assert quality.chase_findings(listed).empty

    def test_the_programme_counts_agreed_sharing_and_consistent_hospitals(self):
        span = months.span("2023-01", "2023-12")
        steady, gap, young = ["complete"] * 12, ["missing"] * 2 + ["zero"] * 10, ["not_joined"] * 11 + ["partial"]
        shut = ["complete"] * 11 + ["closed"]
        once = ["complete"] * 11 + ["late"]
        rows = dict(zip("ABCDE", (steady, gap, young, shut, once), strict=True))
        states = pd.DataFrame(
            [(s, m, v) for s, mine in rows.items() for m, v in zip(span, mine, strict=True)],
            columns=["site_code", "month", "status"],
        )
        found = quality.programme(states.assign(synthetic=True), {"A", "B", "D", "X"}, "2023-12", RULES)
        counts = found.set_index("measure")["value"].to_dict()
        assert counts == {"sites_agreed": 2, "sites_sharing": 3, "sites_consistent": 2}
        assert set(found["denominator"]) == {4}
        assert set(found["unit"]) == {"site"}
