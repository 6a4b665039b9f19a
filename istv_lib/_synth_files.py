"""The monthly files of the synthetic departments, each in its own layout, faults included.

A helper of :mod:`istv_lib.synth`. The layouts are the ones intake reads with (``parameters/layouts.yml``), so
a change there changes both sides. Bytes are the same on every computer: fixed times in workbooks, no
compression, byte order stated.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import html
import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
from openpyxl.writer.excel import ExcelWriter

from istv_lib import months, schema

BLANK_EVERY = 20  # in layouts with blank rows: one after this many records
MADE = dt.datetime(2020, 1, 1)  # noqa: DTZ001 - a fixed stamp, so that workbooks have the same bytes
MALE, UNSAID = 0.71, 0.02  # share of men; of records that say neither age nor sex
ALCOHOL = {"yes": 0.33, "no": 0.42, "unknown": 0.25}  # 44 % of those where it is recorded
FURTHER, GRAVER, THIRD = 0.025, 0.15, 0.1  # shares with a further injury; of these with the graver one in it; a third
FURTHER_OF = "firearm knife corrosive glass blunt foot fist".split()
AGAIN, AGAIN_DAYS = 0.005, (1, 6)
LISTS = {"method": "methods", "location_type": "location_types", "age_band": "age_bands", "sex": "sexes"}
LISTS |= {"alcohol": "alcohols"}
NAMESPACE = "urn:synthetic-london:istv:isb1594"
_OTHER = "belt;pepper spray;hot drink;pushed down stairs;pulled by hair;thrown phone;wrestled;dragged;".split(";")
_AGES = np.array([10, 18, 25, 35, 45, 55, 65])
_MONTH_NAMES = [months.label(f"2024-{number:02d}").split()[0] for number in range(1, 13)]


def layout_of(profile: Mapping[str, Any], month: str) -> str:
    """Return the name of the layout a site uses in a month."""
    return [entry["layout"] for entry in profile["layouts"] if entry["from"] <= month][-1]


def file_name(profile: Mapping[str, Any], layout: Mapping[str, Any], month: str, number: int) -> str:
    """Return the name of a site's file for a month; ``number`` counts the months of the series from 1."""
    year, part = month.split("-")
    name = months.label(month).split()[0]
    return profile["file_name"].format(
        year=year, month=part, name=name, number=f"{number:04d}", ext="." + layout["extension"]
    )


# ---- what was recorded -----------------------------------------------------------------------------------


def record(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Add what was recorded of each attendance: times with their faults, a row id, the intent, the person.

    Persons, returns and further injuries are drawn from a generator of their own.

    Returns
    -------
    DataFrame
        The attendances, some of them returns (``returned``), and a few rows that are none, in file order:
        ``truth`` (bool), ``fate`` (what intake must do with the row: ``accepted``, ``arrival_unreadable``,
        ``arrival_outside_month``, ``not_assault``, ``duplicate``, ``further_injury``), ``rec_arrival``,
        ``rec_incident``, ``date_only``, ``local_blank``, ``intent``, ``row_id``, ``unmapped``, ``sequence`` and
        ``injury`` (number and means of one injury, where a layout numbers them), ``age``, ``age_band``, ``sex``,
        ``alcohol``, ``method_other``, ``unsaid``.
    """
    n, own = len(people), rng.spawn(1)[0]
    draw = rng.uniform(size=(4, n))
    fate = np.where(draw[0] < 0.005, "arrival_unreadable", "accepted")
    arrival = people["arrival_at"].where((draw[0] < 0.005) | (draw[0] > 0.015))
    frame = people.assign(
        truth=True,
        fate=fate,
        rec_arrival=arrival,
        rec_incident=_recorded_incident(people, rng),
        date_only=draw[1] < 0.03,
        local_blank=draw[2] < 0.01,
        unmapped=draw[3] < 0.004,
        intent="assault",
        row_id=np.arange(100_001, 100_001 + n),
        sequence=1,
        injury=people["method"],
        returned=False,
        **_persons(people["method"], own),
    )
    back = _returned(frame, own)
    frame, further = _further(frame, own)
    extra = [_extra(frame, fate, rng) for fate in ("duplicate", "not_assault", "arrival_outside_month")]
    frame = pd.concat([frame, back, further, *extra])
    return frame.sort_values(["site", "month", "row_id"], kind="stable", ignore_index=True)


def _recorded_incident(people: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Incident times as written: to the half hour in most records, midnight as a default, missing, impossible.

    On the morning in March they are by the clock that was not put forward, in an hour that does not exist.
    """
    n = len(people)
    true, arrival = people["incident_at"], people["arrival_at"]
    kind = rng.uniform(size=n)
    later = pd.to_timedelta(rng.integers(120, 4_320, n), unit="min")
    told = true.where(rng.uniform(size=n) > 0.6, true.dt.floor("30min"))
    told = told.where(kind > 0.08, true.dt.normalize())
    told = told.where((kind <= 0.08) | (kind > 0.095), (arrival + later).astype(told.dtype))
    told = told.mask((kind > 0.095) & (kind <= 0.195))
    early = told - pd.Timedelta(hours=1)
    skipped = early.dt.tz_localize(months.LONDON_TZ, nonexistent="NaT", ambiguous=True).isna()
    return told.mask(skipped, early)


def _persons(method: pd.Series, rng: np.random.Generator) -> dict[str, Any]:
    """Draw age, sex, alcohol and the words for another method: mostly men, most of them 18 to 30."""
    n = len(method)
    age = np.where(rng.uniform(size=n) < 0.01, rng.integers(0, 10, n), 10 + rng.gamma(2.4, 8.5, n)).astype("int64")
    sex = rng.choice(["male", "female", "other", "unknown"], n, p=[MALE, 0.985 - MALE, 0.005, 0.01])
    words = np.array(_OTHER, dtype=object)[rng.integers(len(_OTHER), size=n)]
    return {
        "age": np.minimum(age, 95),
        "age_band": np.array(schema.AGE_BANDS, dtype=object)[np.searchsorted(_AGES, age, side="right")],
        "sex": sex.astype(object),
        "alcohol": rng.choice(list(ALCOHOL), n, p=list(ALCOHOL.values())).astype(object),
        "method_other": np.where(method == "other", words, ""),
        "unsaid": rng.uniform(size=n) < UNSAID,
    }


def _returned(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Bring a few people back to the same department with the same story, where it is open then."""
    usable = (frame["fate"] == "accepted") & frame["rec_arrival"].notna()
    usable &= frame["rec_incident"] <= frame["arrival_at"]
    back = frame[usable & (rng.uniform(size=len(frame)) < AGAIN)]
    minutes = rng.integers(*(day * 1_440 for day in AGAIN_DAYS), len(back))
    arrival = (back["arrival_at"] + pd.to_timedelta(minutes, unit="min")).astype(frame["arrival_at"].dtype)
    back = back.assign(arrival_at=arrival, rec_arrival=arrival, month=months.month_of(arrival), returned=True)
    back["row_id"] += 3_000_000
    open_then = pd.MultiIndex.from_frame(frame[["site", "month"]])
    return back[pd.MultiIndex.from_frame(back[["site", "month"]]).isin(open_then)]


def _further(frame: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add a second, rarely a third injury to a few attendances; in some the graver one is not the first."""
    draw = rng.uniform(size=(3, len(frame)))
    usable = (frame["fate"] == "accepted") & frame["rec_arrival"].notna() & ~frame["unmapped"]
    hit = usable & frame["method"].isin(FURTHER_OF) & (draw[0] < FURTHER)
    swapped = hit & (draw[1] < GRAVER)
    lesser = (frame["method"] == "fist").map({True: "head", False: "fist"})
    second = frame.assign(injury=lesser.mask(swapped, frame["method"]), truth=False, fate="further_injury", sequence=2)
    third = second[hit & (draw[2] < THIRD)].assign(injury="other_body", sequence=3)
    first = frame.assign(injury=frame["method"].mask(swapped, lesser))
    return first, pd.concat([second[hit], third])


def _extra(frame: pd.DataFrame, fate: str, rng: np.random.Generator) -> pd.DataFrame:
    """Copy a few rows into rows that are no attendance of this file."""
    share = {"duplicate": 0.005, "not_assault": 0.02, "arrival_outside_month": 0.003}[fate]
    extra = frame[(rng.uniform(size=len(frame)) < share) & (frame["fate"] == "accepted")]
    extra = extra[extra["rec_arrival"].notna()].assign(truth=False, fate=fate)
    if fate == "not_assault":
        extra = extra.assign(intent="accident", row_id=extra["row_id"] + 1_000_000)
    if fate == "arrival_outside_month":
        away = pd.Timedelta(days=45)
        extra["rec_arrival"] -= away
        extra["rec_incident"] -= away
        extra["row_id"] += 2_000_000
    return extra


# ---- cells -----------------------------------------------------------------------------------------------


def cells(rows: pd.DataFrame, layout: Mapping[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    """Turn recorded rows into the cells of a layout, headers as column names, in the layout's order."""
    out = {}
    for name, headers in layout["columns"].items():
        header = headers[0] if isinstance(headers, list) else headers
        out[header] = _cell(name, rows, layout, rng)
    for header in layout.get("extra", []):
        out[header] = np.where(rng.uniform(size=len(rows)) < 0.5, "", "1").astype(object)
    return pd.DataFrame(out, index=rows.index)


def read_as(rows: pd.DataFrame, layout: Mapping[str, Any]) -> pd.DataFrame:
    """Return the method and type of place that must be read from these rows of a layout, in canonical codes."""
    read = {}
    for name in ("method", "location_type"):
        codes = layout[LISTS[name]]
        read[name + "_read"] = rows[name].map({code: codes[raw] for code, raw in _own(rows[name], codes).items()})
    return pd.DataFrame(read).assign(method_read=read["method_read"].mask(rows["unmapped"], "unknown"))


def _cell(name: str, rows: pd.DataFrame, layout: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    if name == "row_id":
        return ("A" + rows["row_id"].astype("str")).to_numpy(dtype=object)
    if name == "intent":
        return np.where(rows["intent"] == "assault", layout["assault"][0], "SYN-ACCIDENT").astype(object)
    if name.startswith(("arrival", "incident")):
        return _times(*name.partition("_")[::2], rows, layout, rng)
    injury = "injury" if "sequence" in layout["columns"] else "method"
    values = rows[{"location_text": "text", "method": injury}.get(name, name)]
    if name == "method":
        return np.where(rows["unmapped"], "??", values.map(_own(values, layout["methods"]))).astype(object)
    written = values.map(_own(values, layout[LISTS[name]])) if name in LISTS else values.astype("str")
    blank = (written == "") | (rows["unsaid"] & (name in {"age", "age_band", "sex"}))
    return np.where(blank, _null(layout, len(rows), rng), written).astype(object)


def _null(layout: Mapping[str, Any], n: int, rng: np.random.Generator) -> np.ndarray:
    tokens = np.array(["", *layout["null_tokens"]], dtype=object)
    return tokens[rng.integers(len(tokens), size=n)]


_COARSER = {"fist": "body_unspecified", "foot": "body_unspecified", "head": "body_unspecified"}
_COARSER |= {"other_body": "body_unspecified", "park": "street"}


def _own(values: pd.Series, raw_to_code: Mapping[str, str]) -> dict[str, str]:
    """Return the site's own code of each canonical code, or of the coarser one it has."""
    raw = {code: raw for raw, code in reversed(raw_to_code.items())}
    return {code: raw.get(code) or raw.get(_COARSER.get(code, "other")) or raw["other"] for code in values.unique()}


def _times(part: str, kind: str, rows: pd.DataFrame, layout: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Write times the layout's way; ``kind`` is empty, ``utc``, ``date`` or ``time``."""
    times = rows["rec_" + part]
    if kind == "utc":
        summer = (rows["row_id"] % 2 == 0).to_numpy()  # which of the two hours in October it was
        times = times.dt.tz_localize(months.LONDON_TZ, ambiguous=summer, nonexistent=pd.Timedelta(hours=1))
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    blank = times.isna()
    if kind == "time" and part == "incident":
        blank |= rows["date_only"]
    if kind == "" and part + "_utc" in layout["columns"]:
        blank |= rows["local_blank"]
    if layout.get("native_dates"):
        written = times.dt.to_pydatetime() if len(rows) else np.array([], dtype=object)
        written = np.array(written, dtype=object)
    else:
        formats = layout["formats"]["datetime" if kind in {"", "utc"} else kind]
        written = _formatted(times, formats, rng)
    written = np.where(blank, _null(layout, len(rows), rng), written).astype(object)
    unreadable = (rows["fate"] == "arrival_unreadable").to_numpy() & (part == "arrival")
    written[unreadable] = "31/02 tbc"
    return written


def _formatted(times: pd.Series, formats: list[str], rng: np.random.Generator) -> np.ndarray:
    pick = rng.integers(len(formats), size=len(times))
    return np.select([pick == k for k in range(len(formats))], [_strftime(times, f) for f in formats], default="")


def _strftime(times: pd.Series, text: str) -> np.ndarray:
    """Write times in a strftime format, English month names whatever the computer speaks."""
    out = np.full(len(times), "", dtype=object)
    fields = {"%Y": times.dt.year, "%m": times.dt.month, "%d": times.dt.day}
    fields |= {"%H": times.dt.hour, "%M": times.dt.minute, "%S": times.dt.second, "%y": times.dt.year % 100}
    pieces = text.replace("%", "\0%").split("\0")
    for piece in pieces:
        field, rest = piece[:2], piece[2:]
        if field in {"%B", "%b"}:
            length = 3 if field == "%b" else 9
            names = np.array([_MONTH_NAMES[0][:length], *(name[:length] for name in _MONTH_NAMES)], dtype=object)
            out = out + names[times.dt.month.fillna(0).astype("int64").to_numpy()] + rest
        elif field in fields:
            number = fields[field].fillna(0).astype("int64").astype("str").str.zfill(2)
            out = out + number.to_numpy(dtype=object) + rest
        else:
            out = out + piece
    return out


# ---- bytes -----------------------------------------------------------------------------------------------


def lines(table: pd.DataFrame, layout: Mapping[str, Any], *, site: str, month: str) -> list[list[Any]]:
    """Return all rows of a file: opening rows, header, records, blank rows and total."""
    head: list[list[Any]] = []
    if layout.get("period"):
        date = layout["formats"]["date"][0]
        first = pd.Series([pd.Timestamp(month + "-01"), pd.Timestamp(f"{month}-{months.days_in(month)}")])
        head.append(["REPORTING PERIOD START DATE", "REPORTING PERIOD END DATE", "SITE CODE (OF TREATMENT)"])
        head.append([*_strftime(first, date), site])
    head += [[text.format(site=site, month=month)] for text in layout.get("title_rows", [])]
    head.append(list(table.columns))
    body = table.to_numpy(dtype=object).tolist()
    if layout.get("blank_rows"):
        gaps = range(len(body) // BLANK_EVERY * BLANK_EVERY, 0, -BLANK_EVERY)
        for at in gaps:
            body.insert(at, [])
    total = [[layout["total_row"], len(table)]] if layout.get("total_row") else []
    return head + body + total


def row_numbers(count: int, layout: Mapping[str, Any]) -> np.ndarray:
    """Return the physical row, from 1, of each of ``count`` records in a file of this layout."""
    opening = 2 * bool(layout.get("period")) + len(layout.get("title_rows", [])) + 1
    order = np.arange(count)
    gaps = order // BLANK_EVERY if layout.get("blank_rows") else 0
    return opening + 1 + order + gaps


def to_bytes(rows: list[list[Any]], layout: Mapping[str, Any]) -> bytes:
    """Return the bytes of a file in its carrier and encoding."""
    if layout["carrier"] == "xlsx":
        return _workbook(rows, layout)
    if layout["carrier"] == "xml":
        return _xml(*rows)
    text = io.StringIO()
    csv.writer(text, delimiter=layout["delimiter"], lineterminator="\r\n").writerows(rows)
    if layout["encoding"] == "utf-16":
        return b"\xff\xfe" + text.getvalue().encode("utf-16-le")
    return text.getvalue().encode(layout["encoding"])


def _xml(period: list[str], values: list[str], header: list[str], *records: list[str]) -> bytes:
    """Write one group of elements for the period and one for each record; empty cells are left out."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<IstvSubmission xmlns="{NAMESPACE}">']
    for group, names, cells in [("ReportingPeriod", period, values), *(("Assault", header, r) for r in records)]:
        tags = ["".join(filter(str.isalnum, name.title())) for name in names]
        inner = (f"<{t}>{html.escape(c, quote=False)}</{t}>" for t, c in zip(tags, cells, strict=True) if c)
        lines += [f"  <{group}>", *(f"    {line}" for line in inner), f"  </{group}>"]
    return "\n".join([*lines, "</IstvSubmission>", ""]).encode()


class _FixedZip(zipfile.ZipFile):
    """An archive whose members carry no clock time and are stored, so that its bytes never vary."""

    def writestr(self, name: str, data: str | bytes, *_args: Any, **_kwargs: Any) -> None:
        super().writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_STORED)

    def write(self, path: str, name: str | None = None, *_args: Any, **_kwargs: Any) -> None:
        with open(path, "rb") as file:  # noqa: PTH123 - openpyxl's own temporary file
            self.writestr(name or path, file.read())


def _workbook(rows: list[list[Any]], layout: Mapping[str, Any]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    book.properties.created = book.properties.modified = MADE
    page = book.create_sheet(layout["sheet"])
    for row in rows:
        page.append(row)
    if layout.get("title_rows"):
        page.merged_cells.add("A1:D1")
    if layout.get("hidden_sheet"):
        hidden = book.create_sheet(layout["hidden_sheet"])
        hidden.sheet_state = "hidden"
        for pair in layout["methods"].items():
            hidden.append(pair)
    buffer = io.BytesIO()
    with _FixedZip(buffer, "w") as archive:
        ExcelWriter(book, archive).save()
    return buffer.getvalue()


def full_hash(content: bytes | str) -> str:
    """Return the hex sha256 of bytes or text."""
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()


def short_hash(content: bytes | str) -> str:
    """Return the first 16 hex digits of a sha256."""
    return full_hash(content)[:16]
