"""Which layouts a file may be read by: those its site pins, or one per shape from the known headings.

A helper of :mod:`istv_lib.intake`. A pinned layout is used as it stands. Where a profile pins none, shape and columns
are detected by ``parameters/aliases.yml``, and every value that is neither a canonical code or label nor one of the
words given there counts as not known: no site's code is guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from istv_lib import errors, places, schema
from istv_lib._readers import Sheet

# canonical column: key of a layout that maps its codes, and the permitted codes
LISTS = {
    "method": ("methods", schema.METHODS),
    "location_type": ("location_types", schema.LOCATION_TYPES),
    "age_band": ("age_bands", schema.AGE_BANDS),
    "sex": ("sexes", schema.SEXES),
    "ethnic_group": ("ethnic_groups", schema.ETHNIC_GROUPS),
    "alcohol": ("alcohols", schema.YES_NO),
}
_LABELLED = ("method", "location_type")


def candidates(
    filename: str,
    site: str,
    profile: Mapping[str, Any],
    layouts: Mapping[str, Any],
    aliases: Mapping[str, Any],
    named_month: str,
) -> list[tuple[str, dict[str, Any]]]:
    """Return the layouts to try, best first, as (name, layout).

    Parameters
    ----------
    profile : mapping
        The site's profile; ``layouts`` pins layouts by name from a month on, ``own_layouts`` holds layouts of this
        site only and is looked at before ``layouts``.
    layouts, aliases : mapping
        ``parameters/layouts.yml`` and ``parameters/aliases.yml``.
    named_month : str
        Month that the file's name states, "YYYY-MM"; empty when it states none.

    Returns
    -------
    list of (str, dict)
        The pinned layout of the month, or all pinned ones, newest first; one layout per shape, named
        ``detected_<shape>``, when the profile pins none. These state neither carrier, encoding, delimiter nor
        formats, so all of these are detected too.

    Raises
    ------
    errors.IntakeError
        When no pinned layout covers the month, or one is named that does not exist.
    """
    if not profile.get("layouts"):
        return [(f"detected_{shape}", detected(shape, aliases)) for shape in schema.SHAPES]
    entries = sorted(profile["layouts"], key=lambda entry: entry["from"], reverse=True)
    if named_month:
        entries = [entry for entry in entries if entry["from"] <= named_month][:1]
    if not entries:
        msg = f"Site {site} has no layout for '{filename}' ({named_month or 'no month'}); add one to its profile."
        raise errors.IntakeError(msg)
    known = {**layouts, **(profile.get("own_layouts") or {})}
    unknown = [entry["layout"] for entry in entries if entry["layout"] not in known]
    if unknown:
        msg = (
            f"The profile of {site} names layout '{unknown[0]}', which is not in parameters/layouts.yml nor among its "
            "own_layouts; add it to one of them."
        )
        raise errors.IntakeError(msg)
    return [(entry["layout"], dict(known[entry["layout"]])) for entry in entries]


def detected(shape: str, aliases: Mapping[str, Any]) -> dict[str, Any]:
    """Return a layout of one shape made of the known headings and words."""
    told = aliases["shapes"][shape]
    columns = {name: list(headings) for name, headings in told["columns"].items()}
    for name, headings in aliases["common"].items():
        columns.setdefault(name, []).extend(headings)
    needed = {group[0] for group in told["required"] if len(group) == 1}
    return {
        "shape": shape,
        "columns": columns,
        "required": told["required"],
        "optional": [name for name in columns if name not in needed],
        "formats": None,
        "assault": told["assault"],
        "null_tokens": aliases["null_tokens"],
        "total_row": aliases["total_rows"][0],
        "total_rows": aliases["total_rows"],
        **{key: words(name, aliases) for name, (key, _) in LISTS.items()},
    }


def words(column: str, aliases: Mapping[str, Any]) -> dict[str, str]:
    """Return what may be written in a column and its code: codes, their labels and known words, in lower case."""
    out = {code.casefold(): code for code in LISTS[column][1]}
    if column in _LABELLED:
        table = places.codes(column)
        out |= dict(zip(table["label"].str.casefold(), table["code"], strict=True))
    out |= {word.casefold(): code for code, known in aliases["values"][column].items() for word in known}
    return out


def best(sheets: Sequence[Sheet]) -> int:
    """Return the index of the sheet with most known headings; of equal ones the first."""
    return max(range(len(sheets)), key=lambda at: len(sheets[at].columns))


def lacking(columns: Collection[str], layout: Mapping[str, Any]) -> list[str]:
    """Return the columns of which a detected layout needs one and the file has none, as "arrival or arrival_date"."""
    return [" or ".join(group) for group in layout.get("required", []) if not set(group) & set(columns)]


def total_marks(layout: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words, in lower case, with one of which the first filled cell of a total row starts."""
    marks = layout.get("total_rows") or [layout.get("total_row", "")]
    return tuple(mark.casefold() for mark in marks if mark)
