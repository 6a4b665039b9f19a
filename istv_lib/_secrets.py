"""What a public page must not hold, taken from a root's store before any control."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from istv_lib import harmonise, params, places, store, synth, tally

CELL = ["place", "period_start", "period_end", "stratum_dim", "stratum"]
SMALL, LARGE, STEP = 7, 1_000, 5  # counts that tell by their cell; by their digits, where no multiple of the step
MONTHS, LEAST = 36, 12  # newest months whose records are looked for; characters of a text that is not like any other
_DIMS = ["", "weapon_group", "place_group", "time_band_12", "time_band_42", "method", "location_type"]
_FILLERS = set("a and area around at borough by central centre hospital in london near of on outside".split())
_FILLERS |= set("somewhere station stn the town train tube".split())
_TEXTS = {".py", ".j2", ".js", ".css", ".csv", ".md", ".yml", ".ipynb"}


def planted(where: store.Root) -> list[str]:
    """Return the canaries that the synthetic London planted; none in a root of real data."""
    path = where.path / synth.CANARIES
    return pd.read_csv(path, dtype=str)["text"].tolist() if path.exists() else []


def texts(where: store.Root) -> list[str]:
    """Return location texts, methods in words, ids, times to the minute and points of the newest months' records.

    Names in the reference data, alone or with words such as "near" or "station", are left out, and so are times at
    full five minutes, because a release has such a time too.
    """
    last = store.load("site_months", where=where)["month"].max()
    span = store.history(last, MONTHS)
    records = store.load("conformed", months=span, where=where)
    events = store.load("events", source="ed", months=span, where=where)
    said = pd.concat([records["location_text"], records["method_other"]]).drop_duplicates()
    said = said[said.str.len() >= LEAST]
    names = {_bare(name) for name in _names(where)} | {""}
    ids = pd.concat([records[name].drop_duplicates() for name in ("record_id", "source_key", "submission_id")])
    times = pd.concat([records["arrival_at"], records["incident_at"]]).dropna()
    times = times[times.dt.minute % STEP > 0].dt.strftime("%Y-%m-%d %H:%M").drop_duplicates()
    found = [*said[~said.map(_bare).isin(names)], *ids[ids != ""], *times, *_points(events)]
    return list(dict.fromkeys(found))


def _bare(text: str) -> str:
    return " ".join(word for word in re.findall(r"[^\W_]+", text.casefold()) if word not in _FILLERS)


def _names(where: store.Root) -> Iterator[str]:
    sites = (places.shipped_sites(), store.load("sites", where=where))
    for table in (places.boroughs(), places.bcus(), places.gazetteer_areas(), places.gazetteer_stations(), *sites):
        for column in {"name", "trust", "aliases"} & set(table):
            yield from table[column]


def _points(events: pd.DataFrame) -> list[str]:
    at = events.loc[events["x"].notna(), ["x", "y"]].drop_duplicates()
    lon, lat = places.to_wgs84(at["x"].to_numpy(), at["y"].to_numpy())
    metres = [f"{int(x)},{int(y)}" for x, y in at.to_numpy()]
    return [*metres, *(f"{a:.6f},{b:.6f}" for a, b in [*zip(lat, lon, strict=True), *zip(lon, lat, strict=True)])]


def values(where: store.Root) -> pd.DataFrame:
    """Return the exact counts of attendances by which a leak can be told.

    Returns
    -------
    DataFrame
        ``place`` (london, GSS code, not_known or site code), ``period_start``, ``period_end`` (a month or a calendar
        year), ``stratum_dim``, ``stratum``, ``value``: counts from 1 to 7, and those of 1,000 and more that are no
        multiple of 5; ``anywhere``: whether the digits alone tell it, as they do not where the count of open police
        data is the same.
    """
    events = tally.strata(store.load("events", source="ed", where=where))
    by = {"borough": events["borough_gss"].replace("", places.NOT_KNOWN), "year": events["month"].str[:4]}
    events = events.assign(london=places.LONDON, **by)
    cuts = [(p, t, d) for p in ("london", "borough", "site_code") for t in ("month", "year") for d in _DIMS]
    table = pd.concat([_counted(events, *cut) for cut in cuts if cut[0] != "site_code" or not cut[2]])
    large = (table["value"] >= LARGE) & (table["value"] % STEP > 0)
    table = table[large | table["value"].between(1, SMALL)].reset_index(drop=True)
    return table.assign(anywhere=(table["value"] >= LARGE) & ~table["value"].isin(_open_counts(where)))


def _counted(events: pd.DataFrame, place: str, period: str, dim: str) -> pd.DataFrame:
    keys = [place, period, *([dim] if dim else [])]
    out = events[events[dim] != ""] if dim else events
    out = out.groupby(keys).size().rename("value").reset_index()
    ends = ("-01", "-12") if period == "year" else ("", "")
    start, end = (out[period] + ending for ending in ends)
    stratum = out[dim] if dim else ""
    out = pd.DataFrame(
        {"place": out[place], "period_start": start, "period_end": end, "stratum": stratum} | {"value": out["value"]}
    )
    return out.assign(stratum_dim=dim)[[*CELL, "value"]]


def _open_counts(where: store.Root) -> set[int]:
    """Return counts of police-recorded violence by month or year, source, and borough or London."""
    open_ = [s for s in store.sources(where) if s in params.file("disclosure")["open_sources"]]
    found: set[int] = set()
    for source in open_:
        rows = store.load("events", source=source, where=where)
        rows = rows[harmonise.violence(rows)]
        for period in (rows["month"], rows["month"].str[:4]):
            found |= {*rows.groupby(period).size(), *rows.groupby([period, rows["borough_gss"]]).size()}
    return found


def documents() -> Iterator[tuple[str, bytes]]:
    """Yield name and content of what is public anyway: code, templates, notebooks, parameters and documents.

    The synthetic London's own code is left out, because what it plants must be found.
    """
    package, home = Path(__file__).parent, params.home()
    folders = [package, home / "notebooks", home / "parameters", home / "docs"]
    for path in sorted(p for folder in folders for p in folder.rglob("*") if p.suffix in _TEXTS):
        if "synth" not in path.name and ".ipynb_checkpoints" not in path.parts:
            yield path.name, path.read_bytes()
