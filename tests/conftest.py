"""What the tests share: small made-up events, a roster, thresholds, and the small synthetic world."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from istv_lib import months, params, schema

settings.register_profile("istv", deadline=None)  # a busy computer is no fault of the code
settings.load_profile("istv")

CAMDEN, HACKNEY, NEWHAM = "E09000007", "E09000012", "E09000025"


LONG = (  # modules of half a minute or more: they start first, so that no worker is left alone with one at the end
    "test_end_to_end",  # makes the demonstration, while another worker does the next
    "test_twelve_releases",
    "test_same_bytes",
    "test_ways_to_run",
    "test_refusals",
    "test_clearance",
    "test_suppression",
    "test_synth",
    "test_intake_corruption",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long modules first, and leave out the checks on real data unless ISTV_REAL_DATA is set."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
    if os.environ.get("ISTV_REAL_DATA"):
        return
    for item in items:
        if "real" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="ISTV_REAL_DATA is not set"))


@pytest.fixture(autouse=True)
def _no_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test may touch the demo root or a root of the person who runs it."""
    monkeypatch.setenv("ISTV_DATA", str(tmp_path / "root"))


@pytest.fixture(scope="session")
def rules() -> params.Rules:
    """The thresholds as shipped."""
    return params.defaults()


@pytest.fixture
def roster() -> pd.DataFrame:
    """Three sites: A and B in use, C closes after 2023-12 into A (0.75) and B (0.25)."""
    return make_roster([("A", "", ""), ("B", "", ""), ("C", "2023-12", "A:0.75;B:0.25")])


def make_roster(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Return a roster from (code, valid_to, successors)."""
    frame = pd.DataFrame(rows, columns=["site_code", "valid_to", "successors"])
    return frame.assign(name="Synthetic " + frame["site_code"], valid_from="", synthetic=True, dept_type="type1")


def make_events(counts: dict[tuple[str, str, str], int]) -> pd.DataFrame:
    """Return ED events from {(site, month, borough or ""): number}."""
    rows = [key for key, number in counts.items() for _ in range(number)]
    frame = pd.DataFrame(rows, columns=["site_code", "month", "borough_gss"])
    frame["event_id"] = [f"e{i:07d}" for i in range(len(frame))]
    start = pd.to_datetime(frame["month"] + "-10 21:30")
    return schema.conform(
        frame.assign(
            source="ed", source_dataset="istv", submission_id="s", row_no=1, synthetic=True, unit="attendance",
            occurred_start=start, occurred_end=start, occurred_precision="minute", arrival_at=start,
            precision_class=np.where(frame["borough_gss"] == "", "none", "street"), prior_decided=False,
            location_p=np.where(frame["borough_gss"] == "", np.nan, 0.9),
            category="assault", method="fist", location_type="street",
        ),
        "event",
    )  # fmt: skip


def make_site_months(
    events: pd.DataFrame, sites: list[str], span: list[str], away: dict[tuple[str, str], str]
) -> pd.DataFrame:
    """Return the state of each site-month; ``away`` gives those that did not send."""
    grid = pd.MultiIndex.from_product([sites, span], names=["site_code", "month"]).to_frame(index=False)
    rows = events.groupby(["site_code", "month"]).size().rename("rows")
    known = events[events["borough_gss"] != ""].groupby(["site_code", "month"]).size().rename("located")
    grid = grid.join(rows, on=["site_code", "month"]).join(known, on=["site_code", "month"]).fillna(0)
    grid["status"] = [away.get((s, m), "complete") for s, m in zip(grid["site_code"], grid["month"], strict=True)]
    days = grid["month"].map(months.days_in)
    grid["days_covered"] = days.where(grid["status"] == "complete", 0)
    return schema.conform(grid.assign(synthetic=True), "site_months")
