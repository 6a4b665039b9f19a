"""The synthetic London: every file a root needs, invented from one seed.

It holds departments near (never at) real ones, their monthly files in nine layouts with the faults real files
have, street-level police files, and, apart from what the pipeline may read, the truth behind them. Levels are
set after published national and London figures (``docs/methods.md``); nothing in it is about a real person,
venue or hospital, and no result found in it is a finding about London.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import yaml

from istv_lib import (
    _synth_attendances,
    _synth_canaries,
    _synth_files,
    _synth_police,
    _synth_sending,
    _synth_story,
    _synth_streets,
    _synth_texts,
    errors,
)
from istv_lib._synth_plan import PLANS, Plan, roster

TRUTH_COLUMNS = (
    "site_code month incident_id x y borough_gss street style expected_class locatable typos personal hot_spot "
    "location_type method arrival_at incident_at age_band sex alcohol returned planted fate file submission_id row_no "
    "record_id method_read location_type_read"
).split()
CANARIES = "truth/canaries.csv"
ROWS_COLUMNS = "site_code month fate file submission_id row_no".split()


def sites_needed(scale: str = "full") -> list[str]:
    """Return the site codes whose profiles :func:`files` needs.

    Raises
    ------
    errors.ParameterError
        For an unknown scale.
    """
    return list(roster(_plan(scale))["site_code"])


def files(
    layouts: Mapping[str, Any], profiles: Mapping[str, Any], *, scale: str = "full", seed: int = 20220101
) -> Iterator[tuple[str, bytes]]:
    """Yield every file of a synthetic London as path below the root and bytes.

    Parameters
    ----------
    layouts : mapping
        ``parameters/layouts.yml``.
    profiles : mapping
        Site code to ``parameters/hospitals/<site>.yml``, for all of :func:`sites_needed`.
    scale : str
        ``full`` (33 boroughs, 30 site codes, 2022-01 to 2024-12) or ``small`` (3 boroughs, 5 site codes,
        2022-07 to 2024-12, for tests).
    seed : int
        Same seed, same bytes, on any computer.

    Yields
    ------
    (str, bytes)
        ``reference/sites.csv``; ``incoming/<site>/<file>``; ``incoming/police/<month>/<file>``;
        ``incoming/received.csv`` (file, received: YYYY-MM-DD); ``incoming/synthetic.csv`` (file, sha256 of
        every other file below incoming); ``truth/truth.csv`` (one row per true attendance; coordinates in
        metres, EPSG:27700; ``_read`` is what the layout lets intake read); ``truth/rows.csv`` (rows of the files
        that are no attendance, with their fate); ``truth/canaries.csv`` (kind, text, where: words that must be found
        in that column of the store and on no public page); ``truth/scenario.yml`` (what is planted, where and when).

    Raises
    ------
    errors.ParameterError
        For an unknown scale, or a site without profile or layout.

    Notes
    -----
    It can mislead: its hot spots, gaps and errors are the ones its authors thought of, its texts are easier
    than real ones, and its place names beyond areas and stations exist nowhere else. Accuracy measured on it
    ranks methods; it does not predict accuracy on hospital text.
    """
    plan = _plan(scale)
    _check(plan, layouts, profiles)
    rng = np.random.default_rng(seed)
    streets = _synth_streets.build(plan, rng)
    people = _synth_attendances.simulate(plan, streets, rng)
    people = people.join(_synth_texts.write(people, streets.anchors, rng))
    people = _synth_canaries.in_places(people)
    people = people.assign(street=streets.anchors["street"].to_numpy()[people["anchor"]], site=_codes(people, plan))
    recorded = _synth_canaries.in_methods(_synth_files.record(people, rng), plan, layouts, profiles)
    sent, told = _synth_sending.send(recorded, plan, layouts, profiles, rng)
    yield "reference/sites.csv", _csv(roster(plan))
    hashes = []
    for path, content in _incoming(sent, plan, streets, np.random.default_rng([seed, 1])):
        hashes.append((path, _synth_files.full_hash(content)))
        yield f"incoming/{path}", content
    yield "incoming/synthetic.csv", _rows_csv(["file", "sha256"], hashes)
    yield "truth/truth.csv", _csv(_truth(recorded, told[~told.index.duplicated()]))
    yield CANARIES, _csv(_synth_canaries.listed(recorded, told))
    rows = _no_attendance(recorded, told)
    yield "truth/rows.csv", _csv(rows)
    story = _synth_story.tell(plan, streets, recorded, rows["fate"].value_counts(), seed)
    yield "truth/scenario.yml", yaml.safe_dump(story, sort_keys=False, allow_unicode=True, width=100).encode()


def _plan(scale: str) -> Plan:
    if scale not in PLANS:
        msg = f"There is no synthetic London of scale '{scale}'; choose {' or '.join(PLANS)}."
        raise errors.ParameterError(msg)
    return PLANS[scale]


def _check(plan: Plan, layouts: Mapping[str, Any], profiles: Mapping[str, Any]) -> None:
    sites = roster(plan)["site_code"]
    without = [site for site in sites if site not in profiles]
    if without:
        msg = f"The synthetic London needs a profile parameters/hospitals/<site>.yml for {', '.join(without)}."
        raise errors.ParameterError(msg)
    named = {entry["layout"] for site in sites for entry in profiles[site]["layouts"]}
    if named - set(layouts):
        unknown = ", ".join(sorted(named - set(layouts)))
        msg = f"The hospital profiles name layouts that parameters/layouts.yml does not have: {unknown}."
        raise errors.ParameterError(msg)


def _codes(people: pd.DataFrame, plan: Plan) -> pd.Series:
    """Site code under which each attendance is sent: the merger changes one."""
    old, new, since = plan.merges
    return people["department"].mask((people["department"] == old) & (people["month"] >= since), new)


def _incoming(
    sent: list[_synth_sending.Sent], plan: Plan, streets: _synth_streets.Streets, rng: np.random.Generator
) -> Iterator[tuple[str, bytes]]:
    for file in sent:
        yield file.path, file.content
    yield "received.csv", _rows_csv(["file", "received"], [(file.path, file.received) for file in sent])
    yield from _synth_police.files(plan, streets, rng)


def _truth(recorded: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """One row per true attendance, with where it ended up; ``not_sent`` where no file held it."""
    truth = recorded[recorded["truth"]].join(told)
    truth["fate"] = truth["fate"].where(truth["file"].notna(), "not_sent")
    truth["row_no"] = truth["row_no"].astype("Int64")
    named = {"site": "site_code", "incident": "incident_id", "gss": "borough_gss", "hot": "hot_spot"}
    truth = truth.rename(columns=named).sort_values(["site_code", "month", "row_id"], kind="stable")
    return truth[TRUTH_COLUMNS].replace({True: "yes", False: "no"})


def _no_attendance(recorded: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Rows of the files that are no attendance, or one that an earlier file of the month holds."""
    rows = told.join(recorded[["site", "month", "truth", "fate"]]).rename(columns={"site": "site_code"})
    again = rows.index.duplicated()
    rows["fate"] = rows["fate"].mask(again, "repeated_in_earlier_file")
    return rows.loc[again | ~rows["truth"], ROWS_COLUMNS].sort_values(["file", "row_no"])


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d %H:%M").encode("utf-8")


def _rows_csv(header: list[str], rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode("utf-8")
