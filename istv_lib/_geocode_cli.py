"""The verb ``istv geocode``; a helper of :mod:`istv_lib.cli`. Texts reach no table, log or message."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from istv_lib import (
    _fit,
    _placing,
    _show,
    _sources,
    _texts_file,
    errors,
    gazetteer,
    geocode,
    params,
    places,
    store,
)
from istv_lib._gazetteer_cli import _read

_CODE = re.compile(r"(?=\w*\d)\w{3,9}")  # what may be told of a column of site codes


def geocode_(
    text: Annotated[str | None, typer.Argument(help="What was typed; without it, --input and --output.")] = None,
    site: Annotated[str | None, typer.Option(help="Code of the attended site, for one text.")] = None,
    given: Annotated[Path | None, typer.Option("--input", help="CSV with `text`, optional `site_code`.")] = None,
    output: Annotated[Path | None, typer.Option(help="CSV to write: all of the input, and its places.")] = None,
    police: Annotated[Path | None, typer.Option(help="Folder of data.police.uk street files, for this call.")] = None,
    venues: Annotated[list[Path] | None, typer.Option(help="CSV of named places; may be given again.")] = None,
) -> None:
    """Say where a text points to and why, or add the places to a CSV of texts. Nothing is kept in the root."""
    if (text is None) == (given is None) or (given is None) != (output is None) or (site and text is None):
        raise errors.ParameterError('Give "TEXT", with --site CODE if it is known, or --input FILE --output FILE.')
    where = store.root()
    files = [*([(police, "police")] if police else []), *((path, "venues") for path in venues or ())]
    missing = [path.name for path, _ in files if not path.exists()]
    if missing := missing + ([given.name] if given and not given.is_file() else []):
        raise errors.ParameterError(f"There is no file or folder {', '.join(missing)}; check the path.")
    roster = set(_placing.sites(where)["site_code"])
    if site and site not in roster:
        raise errors.ParameterError(f"There is no site '{site}' on the roster; `istv status --sites` lists them.")
    if given and (output.resolve() == given.resolve() or (output.exists() and output.samefile(given))):
        raise errors.ParameterError("--output is the input file, which is never written over; name another.")
    finder, refused = _finder(where, files)
    _note("Nothing of this is kept in the demo root, so real texts may be tried." if where.is_demo else "")
    if given:
        _fill(finder, roster, given, output)
    else:
        _tell(finder, text.encode("utf-8", "replace").decode(), site or "")
    raise typer.Exit(1 if refused else 0)


def _note(sentence: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False, end="\n" if sentence else "")


def _finder(where: store.Root, files: list[tuple[Path, str]]) -> tuple[geocode.Matcher, bool]:
    """Return the root's place finder with the names of some files, and whether one of them was refused.

    Files named in the demo root are real: its made-up streets and records are left out then.
    """
    apart = where.is_demo and bool(files)
    own, refused = where.reference / "gazetteer", []
    names = gazetteer.embedded() if apart else _placing.names(where)
    if own.is_dir() and not (where.store / "gazetteer.parquet").exists():
        files = [*files, *((path, "") for path in sorted(own.iterdir()) if not path.name.startswith("."))]
    if files:
        accounts, tables = _read(store.Root(where.path / "none"), files)  # nothing is kept, so files may be real
        names = gazetteer.build(names, *tables, _sources.districts(gazetteer.build(*tables)))
        refused = [f"Refused: {sentence}" for sentence in accounts["refused"] if sentence]
    _note("\n".join(refused))
    finder = _placing.finder(where, names)
    if (where.store / "conformed.parquet").exists() and not apart:
        with _show.bar("Learning from the records of the root"):
            finder = _placing.ready(where, finder, store.load("conformed", where=where))
    return finder, bool(refused)


def _tell(finder: geocode.Matcher, text: str, site: str) -> None:
    """Print the answer to one text for a person."""
    found = finder.match(pd.Series([text], dtype="str"), pd.Series([site], dtype="str"))
    row, unfit = found.iloc[0].to_dict(), _fit.reason(found, params.defaults()["map_p_least"]).iloc[0]
    bare, full = (geocode.explain(row | change).removesuffix(".") for change in ({"faults": ""}, {}))
    reasons = [bare, *filter(None, full.removeprefix(bare).removeprefix(": ").split("; "))]
    rests_on = zip(("place names", "decisions", "catchment", "labels", "method"), finder.versions, strict=True)
    for label, value in (
        ("Place", row["matched"] or "none"),
        ("Class", row["precision_class"]),
        ("Easting, northing", f"{row['x']:.0f}, {row['y']:.0f} (EPSG:27700)" if row["x"] > 0 else "none"),
        ("Borough", places.boroughs().set_index("gss")["name"].get(row["borough_gss"], "not known")),
        ("Radius", f"{row['radius_m']:.0f} m" if row["radius_m"] > 0 else "none"),
        ("Within 250 m", f"probability {row['location_p']:.3f}"),
        ("On a map", f"no: {_fit.REASONS[unfit]}" if unfit else "yes"),
        *zip(["Why"] + [""] * len(reasons), reasons, strict=False),
        ("Versions", ", ".join(f"{what} {'none' if of == '0' else of}" for what, of in rests_on)),
    ):
        _show.say(f"{label:<19}{value}")


def _fill(finder: geocode.Matcher, roster: set[str], given: Path, output: Path) -> None:
    """Write the rows of a file with their places, whole or not at all."""
    encoding, lines = _texts_file.encoding(given)
    with _show.bar("Placing texts", lines // _texts_file.ROWS + 1) as tick:
        made, counts, unknown = _texts_file.filled(given, encoding, finder, roster, tick)
    try:
        store.write(output, made)
    except OSError:
        msg = f"'{output.name}' cannot be written; check its folder, and that no program has it open."
        raise errors.ParameterError(msg) from None
    if unknown:
        codes = ", ".join(sorted(filter(_CODE.fullmatch, unknown))[:3]) or "none of them is like a code"
        _note(f"{unknown.total():,} rows have a site that is not on the roster and count as without one ({codes}).")
    told = f"{counts['placed']:,} with a point, {counts['fit']:,} fit for a map; places {finder.version}"
    _show.say(f"{counts['rows']:,} rows are in {_show.short(output)}, {told}.")
