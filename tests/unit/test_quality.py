"""The state of site-months, and what became of a file's rows."""

import numpy as np
import pandas as pd
import pytest

from istv_lib import errors, months, params, quality, schema
from tests.conftest import make_roster

RULES = params.defaults()


def records(site, month, days, known=True):
    return pd.DataFrame(
        {
            "record_id": [f"{site}{month}{i}" for i in range(len(days))],
            "submission_id": f"{site}-{month}",
            "row_no": range(2, 2 + len(days)),
            "site_code": site,
            "month": month,
            "synthetic": True,
            "shape": "trust",
            "arrival_at": [pd.Timestamp(f"{month}-{d:02d} 20:00") for d in days],
            "incident_quality": "missing",
            "location_type": "street",
            "method": "fist",
            "location_text": "x",
            "borough_gss": "E09000007" if known else "",
            "precision_class": "street",
        }
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
        "rows_header": 1,
        "rows_blank": 1,
        "rows_accepted": 8,
        "rows_quarantined": 1,
        "rows_duplicate": 1,
    }
    return schema.conform(pd.DataFrame([row | more]), "submissions")


def state(parts, submissions, roster):
    frame = pd.concat(parts, ignore_index=True)
    conformed = schema.conform(
        frame[schema.CONFORMED.names[:0] + [c for c in frame if c in schema.CONFORMED.names]], "conformed"
    )
    located = schema.conform(
        frame[[c for c in frame if c in schema.LOCATED.names]].assign(prior_decided=False), "located"
    )
    found = quality.site_months(pd.concat(submissions), conformed, located, roster, RULES)
    return found.set_index(["site_code", "month"])


def test_missing_late_closed_not_joined_zero_partial_and_complete():
    every_day, half = list(range(1, 29)) * 2, list(range(1, 13)) * 4
    span = ["2023-10", "2023-11", "2023-12"]
    parts = [records("A", m, every_day) for m in span] + [
        records("B", "2023-11", half),
        records("C", "2023-10", every_day),
    ]
    sent = [submission("A", m) for m in span] + [submission("B", "2023-11"), submission("C", "2023-10")]
    sent += [submission("D", "2023-10"), submission("D", "2023-12", zero_declared=True)]
    parts += [records("D", "2023-10", every_day)]
    roster = make_roster([("A", "", ""), ("B", "", ""), ("C", "2023-10", "A:1"), ("D", "", ""), ("E", "", "")])
    found = state(parts, sent, roster)["status"]
    assert found["A"].tolist() == ["complete"] * 3
    assert found["B"].tolist() == ["not_joined", "partial", "late"]
    assert found["C"].tolist() == ["complete", "closed", "closed"]
    assert found["D"].tolist() == ["complete", "missing", "zero"]
    assert found["E"].tolist() == ["not_joined"] * 3


def test_low_volume_alone_is_not_partial():
    found = state([records("A", "2023-10", [3, 20])], [submission("A", "2023-10")], make_roster([("A", "", "")]))
    assert found["status"].tolist() == ["complete"]
    assert found["days_covered"].tolist() == [31]


def test_a_gap_in_dates_covers_the_other_days():
    found = state(
        [records("A", "2023-10", list(range(1, 17)) * 3)], [submission("A", "2023-10")], make_roster([("A", "", "")])
    )
    assert found["days_covered"].tolist() == [16]


def test_days_late_count_from_the_due_date():
    found = state(
        [records("A", "2023-10", [1, 2])], [submission("A", "2023-10", "2023-11-15")], make_roster([("A", "", "")])
    )
    assert found["days_late"].tolist() == [15 - RULES["due_days"]]


def test_intake_findings_account_for_every_row():
    frame = records("A", "2023-10", list(range(1, 9)))
    conformed = schema.conform(frame[[c for c in frame if c in schema.CONFORMED.names]], "conformed")
    located = schema.conform(
        frame[[c for c in frame if c in schema.LOCATED.names]].assign(prior_decided=False), "located"
    )
    aside = pd.DataFrame(
        [{"submission_id": "A-2023-10", "row_no": 9, "site_code": "A", "synthetic": True, "reason": "x"}]
    )
    found = quality.intake_findings(
        submission("A", "2023-10"), conformed, schema.conform(aside, "quarantine"), located, "2023-10"
    )
    rows = found[found["measure"] == "rows"]
    assert rows["value"].sum() == 12
    done = found[found["measure"] == "completeness"].set_index("stratum")["value"]
    assert done["Arrival time"] == 1
    assert done["Incident time"] == 0
    with pytest.raises(errors.StoreError, match="No file of this site is in use for 2023-11"):
        quality.intake_findings(submission("A", "2023-10"), conformed, aside, located, "2023-11")


def test_the_calendar_never_turns_a_missing_month_into_zero():
    found = state(
        [records("A", "2023-10", [1] * 30), records("A", "2023-12", [1] * 30)],
        [submission("A", "2023-10"), submission("A", "2023-12")],
        make_roster([("A", "", "")]),
    ).reset_index()
    calendar = quality.calendar_findings(found[schema.SITE_MONTHS.names])
    missing = calendar[calendar["stratum"] == "missing"]
    assert len(missing) == 1
    assert np.isnan(missing["value"].iloc[0])
    assert months.parse(missing["period_start"].iloc[0]) == "2023-11"
