"""What was planted in a synthetic London, in words and figures, for those who check what the pages say of it.

A helper of :mod:`istv_lib.synth`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from istv_lib import _synth_files, months
from istv_lib._synth_plan import Plan
from istv_lib._synth_sending import CORRECTED_AFTER_DAYS, FIRST_HALF, FIRST_VERSION_SHARE, SENT_AGAIN
from istv_lib._synth_streets import HOT_SPOT_M, Streets


def tell(plan: Plan, streets: Streets, recorded: pd.DataFrame, rows: pd.Series, seed: int) -> dict[str, Any]:
    """Return the scenario as plain values, for ``truth/scenario.yml``; ``rows`` counts rows by fate."""
    people = recorded[recorded["truth"]]
    return {
        "what": "What is planted in this synthetic London. Invented; about no real hospital, venue or person.",
        "scale": plan.scale,
        "seed": seed,
        "months": [plan.first, plan.last],
        "attendances_a_month": round(len(people) / len(plan.months), 1),
        "share_of_texts_locatable": round(float(people["locatable"].mean()), 3),
        **_sites(plan),
        **_files(plan),
        "hot_spot": _hot_spot(plan, streets, people),
        **_areas(plan),
        "multi_victim_incidents": {
            "share_of_incidents": 0.07,
            "note": "two to four attendances share an incident; three in four pairs at the same department",
        },
        "personal_data": {
            "share_of_texts": round(float(people["personal"].mean()), 4),
            "ranges": [
                "07700 900000-900999",
                "020 7946 0000-0999",
                "NHS numbers 999 xxx xxxx",
                "@example.com",
                "plates QX00 ZAQ",
                "postcodes ending in VV",
                "surnames that nobody bears",
            ],
        },
        **_people(people),
        "rows_that_are_no_attendance": {fate: int(count) for fate, count in rows.items()},
        "further_injuries": {
            "share_of_attendances": round(
                _synth_files.FURTHER * float(people["method"].isin(_synth_files.FURTHER_OF).mean()), 3
            ),
            "share_with_the_graver_one_later": _synth_files.GRAVER,
            "note": "in layouts that number injuries; the method of the truth is the graver one",
        },
    }


def _people(people: pd.DataFrame) -> dict[str, Any]:
    """Tell of the persons, of those who came back and of the clocks."""
    written = people["rec_incident"].dropna()
    skipped = written.dt.tz_localize(months.LONDON_TZ, nonexistent="NaT", ambiguous=True).isna()
    twice = (
        people["rec_arrival"].dropna().dt.tz_localize(months.LONDON_TZ, nonexistent="shift_forward", ambiguous="NaT")
    )
    return {
        "persons": {
            "share_male": round(float((people["sex"] == "male").mean()), 3),
            "share_18_to_34": round(float(people["age_band"].isin(["18-24", "25-34"]).mean()), 3),
            "share_without_age_and_sex": _synth_files.UNSAID,
        },
        "returns": {
            "attendances": int(people["returned"].sum()),
            "days_later": list(_synth_files.AGAIN_DAYS),
            "note": "same department, time, text, method and type of place; both are attendances",
        },
        "clock_changes": {
            "incident_times_written_in_the_missing_hour": int(skipped.sum()),
            "arrivals_in_the_repeated_hour": int(twice.isna().sum()),
            "note": "records of an even number are in the first of the two hours",
        },
    }


def _sites(plan: Plan) -> dict[str, Any]:
    old, new, since = plan.merges
    site, worse_from = plan.worsens
    told: dict[str, Any] = {
        "outage": {"site": plan.outage[0], "months": list(plan.outage[1]), "note": "largest site, no files"},
        "joins": {
            "site": plan.joins[0],
            "first_month": plan.joins[1],
            "note": "treated patients before, sent none",
        },
        "merges": {"old_code": old, "new_code": new, "first_month_of_new_code": since, "share": 1.0},
        "texts_worsen": {
            "site": site,
            "from": worse_from,
            "until": months.add(worse_from, 4),
            "share_naming_a_place": [0.60, 0.20],
        },
    }
    if plan.closes:
        told["closes"] = {"site": plan.closes[0], "last_month": plan.closes[1], "patients_go_to": plan.closes[2]}
    if plan.zero:
        told["declared_zero"] = {"site": plan.zero[0], "month": plan.zero[1]}
    return told


def _files(plan: Plan) -> dict[str, Any]:
    told: dict[str, Any] = {
        "missing_months": [list(pair) for pair in plan.missing],
        "late_files": [{"site": s, "month": m, "days_after_month_end": d} for s, m, d in plan.late],
        "duplicated_file": {"site": plan.duplicated[0], "month": plan.duplicated[1]},
        "resubmitted": [
            {"site": s, "month": m, "share_in_first_file": FIRST_VERSION_SHARE, "days_later": CORRECTED_AFTER_DAYS}
            for s, m in plan.resubmitted
        ],
    }
    if plan.absent_newest:
        told["incomplete_newest_month"] = {
            "month": plan.last,
            "site": plan.absent_newest,
            "note": "this large site's file has not come yet: the demo's incomplete month",
        }
    if plan.partial:
        site, month, day = plan.partial
        told["partial_month"] = {"site": site, "month": month, "last_day_in_file": day}
    if plan.failed:
        told["failed_export"] = {
            "site": plan.failed[0],
            "month": plan.failed[1],
            "note": "an empty file without the hospital's word; patients were treated",
        }
    told["two_files_a_month"] = {
        "site": plan.halves[0],
        "months": list(plan.halves[1]),
        "first_file_until_day": FIRST_HALF,
        "note": f"one in {SENT_AGAIN} accepted records of the first half stands in the second file too",
    }
    if plan.unreadable:
        told["unreadable_file"] = {"site": plan.unreadable[0], "month": plan.unreadable[1], "corrected": True}
    return told


def _hot_spot(plan: Plan, streets: Streets, people: pd.DataFrame) -> dict[str, Any]:
    gss, since, extra = plan.hot_spot
    points = streets.anchors.iloc[streets.hot]
    inside = people[people["hot"]]
    return {
        "borough": gss,
        "first_month": since,
        "extra_attendances_a_month": extra,
        "drawn": len(inside),
        "diameter_m": HOT_SPOT_M,
        "easting": round(float(points["x"].mean())),
        "northing": round(float(points["y"].mean())),
        "streets": sorted(points["street"].unique()),
        "note": "weekend nights; police files show no such rise",
    }


def _areas(plan: Plan) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ed_heavy": {"borough": plan.ed_heavy, "police_factor": 0.65},
        "police_heavy": {"borough": plan.police_heavy, "police_factor": 1.45},
    }
    if plan.intervention:
        gss, since, factor = plan.intervention
        told["intervention"] = {
            "borough": gss,
            "from": since,
            "factor_on_injuries": factor,
            "note": "police files show no fall, so that recorded crime alone would miss it",
        }
    return told
