"""What intake costs beside a bare read, stage by stage: 28 files of 5,000 rows as CSV and as XLSX.

    python benchmarks/intake.py            # the table
    pip install pandera                    # optional: its time for the same checks stands beside ours

Ratios of one run on one computer are what counts; seconds are not. Nothing here is run by the tests.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd

from istv_lib import _dates, _lineage, _readers, _records, _rulebook, intake, params, schema, store

FILES, ROWS, MONTH = 28, 5_000, "2024-03"
COLUMNS = {
    "row_id": "Ref", "arrival": "Arrived", "incident": "Assaulted", "intent": "Intent", "method": "Weapon",
    "method_other": "Other weapon", "location_type": "Setting", "location_text": "Where", "sex": "Sex", "age": "Age",
}  # fmt: skip
LAYOUT = {
    "shape": "trust",
    "columns": COLUMNS,
    "formats": {"datetime": ["%d/%m/%Y %H:%M"]},
    "assault": ["assault"],
    "null_tokens": ["n/a"],
    "methods": {"fist": "fist", "blade": "knife", "bottle": "glass", "other": "other"},
    "location_types": {"street": "street", "pub": "licensed", "home": "home"},
    "sexes": {"M": "male", "F": "female"},
}
STAGES = {
    "read the file": [(_readers, "read")],
    "dates": [(_dates, "settle"), (_dates, "times")],
    "texts without personal data": [(_records, "redacted")],
    "codes": [(_records, "coded"), (_records, "optional")],
    "checks": [(_rulebook, "apply")],
    "lineage": [(_lineage, "edits"), (_lineage, "changes"), (_lineage, "quarantine"), (_lineage, "reconciliation")],
}


def table(rng: np.random.Generator) -> pd.DataFrame:
    """Return one file's rows as text, twelve columns, with the faults that intake looks for."""
    arrival = pd.Timestamp(MONTH) + pd.to_timedelta(rng.integers(0, 31 * 1440, ROWS), unit="min")
    incident = arrival - pd.to_timedelta(rng.integers(-30, 600, ROWS), unit="min")
    streets = np.array([f"{a} {b}" for a in ("High", "Church", "Mill", "Park", "Long") for b in ("Road", "Street")])
    text = pd.Series(streets[rng.integers(10, size=ROWS)]) + ", " + pd.Series(rng.choice(["SE15", "E8 3", "N1"], ROWS))
    text = text.mask(rng.uniform(size=ROWS) < 0.01, "flat 4, tel 07700 900123")
    pick = lambda values: rng.choice(values, ROWS)  # noqa: E731
    return pd.DataFrame(
        {
            "Ref": [f"A{n:06d}" for n in range(ROWS)],
            "Arrived": arrival.strftime("%d/%m/%Y %H:%M"),
            "Assaulted": incident.strftime("%d/%m/%Y %H:%M"),
            "Intent": pick(["assault"] * 49 + ["accident"]),
            "Weapon": pick(["fist", "blade", "bottle", "other", "??"]),
            "Other weapon": pick(["", "", "", "umbrella"]),
            "Setting": pick(["street", "pub", "home"]),
            "Where": text,
            "Sex": pick(["M", "F"]),
            "Age": pick([str(n) for n in range(12, 80)]),
            "Ward": pick(["A", "B"]),
            "Notes": pick(["", "seen"]),
        }
    )


def xlsx(frame: pd.DataFrame) -> bytes:
    """Return the rows as a workbook of text cells."""
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet("Sheet1")
    for row in [list(frame.columns), *frame.to_numpy().tolist()]:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@contextlib.contextmanager
def watched() -> dict[str, float]:
    """Add up the time spent in each stage's functions."""
    spent: dict[str, float] = defaultdict(float)
    kept = []
    for stage, functions in STAGES.items():
        for module, name in functions:
            whole = getattr(module, name)

            def timed(*args: object, _whole=whole, _stage=stage, **kwargs: object) -> object:
                start = time.perf_counter()
                try:
                    return _whole(*args, **kwargs)
                finally:
                    spent[_stage] += time.perf_counter() - start

            kept.append((module, name, whole))
            setattr(module, name, timed)
    yield spent
    for module, name, whole in kept:
        setattr(module, name, whole)


def ours(contents: list[bytes], ending: str) -> tuple[float, dict[str, float], list[intake.Taken]]:
    """Take in and store all files; return seconds, seconds by stage, and what was taken."""
    guide = intake.Guide(
        profile={"layouts": [{"from": "2020-01", "layout": "bench"}]},
        layouts={"bench": LAYOUT},
        aliases=params.file("aliases"),
        agreement={
            "fields": ["age_band", "sex"],
            "purposes": ["monitoring"],
            "starts": "2020-01-01",
            "expires": "2099-01-01",
        },
        checks=params.file("checks"),
        rules=params.defaults(),
    )
    taken = []
    with tempfile.TemporaryDirectory() as folder, watched() as spent:
        where = store.root(folder)
        start = time.perf_counter()
        with store.together(where):
            for number, content in enumerate(contents):
                one = intake.take(
                    content, filename=f"{MONTH} {number}{ending}", site=f"S{number}", guide=guide,
                    received="2024-04-05", synthetic=True,
                )  # fmt: skip
                taken.append(one)
            for name in ("quarantine", "changes", "reconciliation"):
                store.save(where, name, pd.concat([getattr(one, name) for one in taken], ignore_index=True))
            told = schema.conform(pd.DataFrame([one.submission for one in taken]), "submissions")
            store.save_conformed(where, {one.submission["submission_id"]: one.conformed for one in taken}, told)
            store.save(where, "submissions", told)
        total = time.perf_counter() - start
    spent["tables, identities and storing"] = total - sum(spent.values())
    return total, dict(spent), taken


def bare(contents: list[bytes], read: callable) -> float:
    """Return the seconds of a bare read of all files."""
    start = time.perf_counter()
    for content in contents:
        read(io.BytesIO(content))
    return time.perf_counter() - start


def pandera_checks(taken: list[intake.Taken]) -> float | None:
    """Return the seconds pandera needs for the same checks on tables that are read and typed already."""
    try:
        import pandera.pandas as pa  # noqa: PLC0415 - a peer that need not be there
    except ImportError:
        return None
    first = pd.Timestamp(MONTH)
    last = first + pd.DateOffset(months=1)
    checks = pa.DataFrameSchema(
        {
            "arrival_at": pa.Column(
                nullable=True,
                checks=pa.Check.in_range(first, last),
            ),
            "source_key": pa.Column(unique=True),
            "method_source": pa.Column(checks=pa.Check.isin(list(LAYOUT["methods"]))),
            "location_type_source": pa.Column(checks=pa.Check.isin(list(LAYOUT["location_types"]))),
            "location_text": pa.Column(checks=pa.Check.str_length(max_value=255)),
        },
        checks=[
            pa.Check(lambda f: ~(f["incident_at"] > f["arrival_at"] + pd.Timedelta(minutes=10))),
            pa.Check(lambda f: ~(f["incident_at"] < f["arrival_at"] - pd.Timedelta(days=31))),
            pa.Check(lambda f: f["incident_at"] != f["arrival_at"]),
            pa.Check(lambda f: ~f.duplicated(["arrival_at", "incident_at", "location_text", "method"])),
        ],
    )
    start = time.perf_counter()
    for one in taken:
        with contextlib.suppress(pa.errors.SchemaErrors):
            checks.validate(one.conformed, lazy=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(1)
    frames = [table(rng) for _ in range(FILES)]
    csvs = [frame.to_csv(index=False).encode() for frame in frames]
    books = [xlsx(frame) for frame in frames]
    print(f"{FILES} files of {ROWS:,} rows and 12 columns; times in seconds")
    for name, contents, ending, read, most in (
        ("CSV", csvs, ".csv", lambda b: pd.read_csv(b, dtype=str), 40),
        ("XLSX", books, ".xlsx", lambda b: pd.read_excel(b, engine="calamine", dtype=str), 6),
    ):
        plain = min(bare(contents, read) for _ in range(2))
        total, spent, taken = ours(contents, ending)
        rows = sum(len(one.conformed) for one in taken)
        ratio = f"{total / plain:.1f} times (aim: at most {most})"
        print(f"\n{name}: bare pandas read {plain:.2f}; intake {total:.2f} = {ratio}")
        for stage, seconds in spent.items():
            print(f"  {stage:32} {seconds:6.2f}  {seconds / plain:5.1f} times")
        print(f"  {rows:,} records conformed")
    peer = pandera_checks(taken)
    if peer is None:
        print("\npandera is not installed: `pip install pandera` to see its time for the same checks beside ours.")
    else:
        print(f"\nthe checks alone: ours {spent['checks']:.2f}, pandera (tables read and typed already) {peer:.2f}")


if __name__ == "__main__":
    assert Path(params.home(), "parameters").is_dir()
    main()
