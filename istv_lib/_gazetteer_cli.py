"""The verb ``istv gazetteer``; a helper of :mod:`istv_lib.cli`."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import pandas as pd
import typer

from istv_lib import _show, _sources, _taking, agencies, errors, gazetteer, pipeline, store

app = typer.Typer(no_args_is_help=True, help="The table of place names.")

HEADS = ["source", "kind", "names", "places", "points", "adds"]
_DATA = (".csv", ".xml", ".gpkg", ".geojson", ".shp", ".zip", ".gz")
_HEAD_BYTES = 16_384
_SHAPE_PARTS = (".shp", ".dbf", ".shx", ".prj", ".cpg")
File = tuple[str, Callable[[], BinaryIO]]


@app.callback()
def gazetteer_() -> None:
    """Look after the table of place names."""


@app.command()
def build(
    police: Annotated[Path | None, typer.Option(help="Folder of data.police.uk street files: their streets.")] = None,
    venues: Annotated[list[Path] | None, typer.Option(help="CSV of named places; may be given again.")] = None,
    os_open_names: Annotated[Path | None, typer.Option(help="OS Open Names: folder or zip.")] = None,
    greenspace: Annotated[Path | None, typer.Option(help="OS Open Greenspace: GeoPackage, zip or GeoJSON.")] = None,
    postcodes: Annotated[Path | None, typer.Option(help="Code-Point Open, ONSPD or NSPL: file, folder or zip.")] = None,
    food_hygiene: Annotated[Path | None, typer.Option(help="Food hygiene ratings: file or folder.")] = None,
    naptan: Annotated[Path | None, typer.Option(help="NaPTAN stops: CSV.")] = None,
) -> None:
    """Read place names from the files named and those in the root's reference/gazetteer/, and place records by them.

    The table is made anew each time: put files that are to stay into reference/gazetteer/.
    """
    where = store.root()
    postcode_reader = _sources.recognise(_head(postcodes), postcodes.name) if postcodes and postcodes.is_file() else ""
    named = [(police, "police"), *((path, "venues") for path in venues or ()), (os_open_names, "OS Open Names")]
    named += [(greenspace, "OS Open Greenspace"), (postcodes, postcode_reader or "postcode directory")]
    named += [(food_hygiene, "food hygiene"), (naptan, "NaPTAN")]
    given = [(path, reader) for path, reader in named if path is not None]
    missing = ", ".join(path.name for path, _ in given if not path.exists())
    if missing:
        raise errors.ParameterError(f"There is no file or folder {missing}; check the path.")
    own = where.reference / "gazetteer"
    given += [(path, "") for path in sorted(own.iterdir()) if not path.name.startswith(".")] if own.is_dir() else []
    if not given:
        msg = (
            f"No file is named and none lies in '{_show.short(own)}'; `istv gazetteer build --help` lists what is read."
        )
        raise errors.ParameterError(msg)
    accounts, tables = _read(where, given)
    _told(accounts)
    if not tables:
        raise errors.IntakeError("None of these files gave a place name; the table of place names is as it was.")
    _keep(where, tables)
    raise typer.Exit(1 if (accounts["refused"] != "").any() else 0)


# ---- files -----------------------------------------------------------------------------------------------


def _files(path: Path, label: str = "") -> Iterator[File]:
    """Yield each file that may hold place names, of a file, a folder or a zip; the documents beside them are not."""
    if path.is_dir():
        for inner in sorted(p for p in path.rglob("*") if p.is_file() and _wanted(p.relative_to(path).as_posix())):
            yield from _files(inner, f"{path.name}/{inner.relative_to(path).as_posix()}")
    elif path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if _wanted(name))
        for name in names:
            opener = _shape if name.lower().endswith(".shp") else _member
            yield f"{label or path.name}/{name}" + (".zip" if opener is _shape else ""), _bind(opener, path, name)
    elif path.suffix.lower() == ".gz":
        yield (label or path.name).removesuffix(".gz"), _bind(gzip.open, path)
    else:
        yield label or path.name, _bind(path.open, "rb")


def _wanted(name: str) -> bool:
    parts = name.lower().split("/")
    return parts[-1].endswith(_DATA) and not any(part.startswith((".", "__", "doc")) for part in parts)


def _bind(function: Callable, *args: object) -> Callable[[], BinaryIO]:
    return lambda: function(*args)


def _member(path: Path, name: str) -> BinaryIO:
    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read(name))
    return gzip.GzipFile(fileobj=content) if name.lower().endswith(".gz") else content


def _shape(path: Path, name: str) -> BinaryIO:
    """Return one shapefile of a zip, with its parts, as a zip of its own."""
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(packed, "w") as alone:
        for part in archive.namelist():
            if part[:-4] == name[:-4] and part.lower().endswith(_SHAPE_PARTS):
                alone.writestr(Path(part).name, archive.read(part))
    packed.seek(0)
    return packed


def _head(path: Path) -> bytes:
    for _, opener in _files(path):
        with opener() as stream:
            return stream.read(_HEAD_BYTES)
    return b""


# ---- reading and keeping ---------------------------------------------------------------------------------


def _read(where: store.Root, given: list[tuple[Path, str]]) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Read all files; return an account of each and the tables that they gave."""
    hashes = store.synthetic_hashes(where)
    accounts: list[dict[str, Any]] = []
    tables: list[pd.DataFrame] = []
    anchors: list[pd.DataFrame] = []
    files = [(path, reader, file) for path, reader in given for file in _files(path)]
    with _show.bar("Reading place names", len(files)) as tick:
        for path, wanted, (name, opener) in files:
            forced = wanted if path.is_file() and path.suffix.lower() != ".zip" else ""
            account: dict[str, Any] = {"from": path.name, "file": name, "reader": "", "refused": ""}
            try:
                if where.is_demo:
                    _demand_synthetic(opener, name, hashes)
                account["reader"], table, rows = _read_one(opener, name, forced)
                (anchors if account["reader"] == "police" else tables).append(table)
                account |= rows
            except (errors.IntakeError, OSError, zipfile.BadZipFile) as error:
                told = isinstance(error, errors.IntakeError)
                account["refused"] = str(error) if told else f"'{name}' cannot be opened; download it again."
            accounts.append(account)
            tick()
    if anchors:
        tables.insert(0, gazetteer.streets(agencies.combine_anchors(anchors)))
    return pd.DataFrame(accounts), [table for table in tables if len(table)]


def _demand_synthetic(opener: Callable[[], BinaryIO], name: str, hashes: set[str]) -> None:
    with opener() as stream:
        if store.sha256(stream.read()) not in hashes:
            raise errors.IntakeError(f"'{name}' {_taking.REFUSED_REAL} to read it.")


def _read_one(opener: Callable[[], BinaryIO], name: str, forced: str) -> tuple[str, pd.DataFrame, dict[str, int]]:
    with opener() as stream:
        reader = forced or _sources.recognise(stream.read(_HEAD_BYTES), name)
    if not reader:
        msg = f"'{name}' is not a file of place names that is read here: {', '.join([*_sources.READERS, 'police'])}."
        raise errors.IntakeError(msg)
    with opener() as stream:
        if reader == "police":
            found = agencies.read_police(stream.read(), filename=name, synthetic=False)[1:]
            return reader, found[0], {k: v for k, v in found[1].items() if isinstance(v, int) and k != "kept_unlocated"}
        return reader, *_sources.READERS[reader](stream, name.rpartition("/")[2])


def _told(accounts: pd.DataFrame) -> None:
    """Show what became of the rows of each file, or of each folder when it has many, and what was refused."""
    read = accounts[accounts["refused"] == ""]
    if len(read):
        numbers = read.select_dtypes("number").columns
        sums = read.fillna(dict.fromkeys(numbers, 0)).groupby(["from", "reader"], sort=False)
        total = sums[list(numbers)].sum().astype(int)
        assert (total["rows_in"] == total.drop(columns="rows_in").sum(axis=1)).all()
        rows = []
        for (label, reader), row in total.iterrows():
            reasons = ", ".join(f"{k.replace('_', ' ')} {n:,}" for k, n in row.iloc[2:].items() if n)
            rows.append((label, reader, sums.size()[label, reader], f"{row['rows_in']:,}", f"{row['kept']:,}", reasons))
        _show.table(
            "Files", ["from", "read as", "files", "rows", "kept", "left out"], rows, left=["read as", "left out"]
        )
    for sentence in accounts.loc[accounts["refused"] != "", "refused"]:
        _show.say(f"Refused: {sentence}")


def _keep(where: store.Root, tables: list[pd.DataFrame]) -> None:
    """Write the table, show what each source adds, and place the records anew."""
    made = gazetteer.build(*tables)
    tables = [*tables, _sources.districts(made)]
    made = gazetteer.build(*tables)
    streets = where.store / "streets.parquet"
    imported = [gazetteer.streets(pd.read_parquet(streets))] if streets.exists() else []
    counts = gazetteer.counts(gazetteer.embedded(), *imported, *tables)
    rows = [[*row[:2], *(f"{n:,}" for n in row[2:])] for row in counts[HEADS].itertuples(index=False)]
    store.save(where, "gazetteer", made)
    _show.table("Place names, with what each source adds to those before it", HEADS, rows, left=["kind"])
    _show.say(f"{len(made):,} rows are kept as gazetteer {gazetteer.version(made)} of '{where.path.name}'.")
    if (where.store / "submissions.parquet").exists():
        with _show.bar("Placing records"):
            done = pipeline.derive(where)
        _show.say(f"{done['conformed']:,} attendances were placed anew, {done['located']:,} with a known borough.")
    _show.say("A new table of place names restates the whole series: run the months again, and say so on the pages.")
