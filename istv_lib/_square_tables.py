"""Tables of squares, hot blocks, venues, sources, near repeats and earlier maps (partners only).

A helper of :mod:`istv_lib.tables`, which hands them on. Where there is nothing to show a sentence says so.
"""

from __future__ import annotations

import pandas as pd

from istv_lib import _near, _square_maps, params, places
from istv_lib._block import Block, demand
from istv_lib._cells import table_block
from istv_lib.disclosure import Released

HELD = {
    "gini_generalised": "Concentration over squares (generalised Gini, 0 even, 1 one square)",
    "squares_for": "Squares that hold {s} of the incidents, of {d}",
    "caught": "Later incidents in {s}",
    "area_share": "Share of the area in {s}",
    "pai": "Times as many as their area would give (PAI), {s}",
    "pei": "Of what as many squares could have caught (PEI), {s}",
    "rri": "Catch later beside catch then (RRI), {s}",
}
_MAPS = {"hot": "hot squares", "top": "the largest squares"}
_NOTES = {"hot": "hot", "one_place": "one place alone, not hot", "one_street": "rests on one street"}


def squares(released: Released, *, title: str, name: str, ranked: bool = False) -> Block | None:
    """Show tested squares: where, incidents about them, expected, P(hot), how firm the rank is, what to note.

    Nothing where there is none: the map above says why.

    Parameters
    ----------
    released : Released
        Of :func:`istv_lib.hotspots.findings`.
    title, name : str
        Caption and slug.
    ranked : bool, default False
        Show the largest with the stability of their rank; else those that are hot or one place alone, the greatest
        excess first.
    """
    table = demand(released).table
    cells = _square_maps.by_cell(table)
    cells = cells[_square_maps.flagged(cells, *(("top",) if ranked else ("hot", "one_place")))]
    order = cells["value"] if ranked else cells["value"] - cells["expected"]
    cells = cells.assign(by=order).sort_values(["by", "stratum"], ascending=[False, True])
    if cells.empty:
        return None
    kept = table[table["measure"] == "kept"].set_index("stratum")
    rows = pd.DataFrame({"Where": _near.squares(cells["stratum"], params.defaults()["lattice_m"])})
    rows["Square"], rows["Incidents in it and around"] = cells["stratum"].tolist(), cells["shown"].tolist()
    rows["Expected"] = _tenths(cells["expected"])
    rows["Draws in which it is hot"] = _share(cells["sure"])
    if ranked:
        mine = kept.reindex(cells["stratum"])
        rows["Rank"] = [f"{a:.0f} to {b:.0f}" for a, b in zip(mine["lower"], mine["upper"], strict=True)]
        rows[f"Stays among the {len(cells)}"] = _share(mine["value"])
        gi = table[table["measure"] == "gi_star"].set_index("stratum")["value"].reindex(cells["stratum"])
        rows["Gi*"] = _tenths(gi)
    rows["Note"] = [_note(own) for own in cells["flags"]]
    return table_block(name, rows, released, title)


def blocks(released: Released, *, title: str, name: str = "blocks") -> Block:
    """Show hot blocks: score, incidents, in how many windows of a year they were hot, and what is new there.

    ``released`` holds findings of :func:`istv_lib.blocks.findings`.
    """
    table = demand(released).table
    by = {m: table[table["measure"] == m].set_index("stratum") for m in ("block_score", "hot_windows", "emerging")}
    cells = [*by["emerging"].index, *by["block_score"].index.difference(by["emerging"].index, sort=False)]
    if not cells:
        return _said(released, "Too few incidents can be placed to score any square.", name)
    score, window, new = (part.reindex(cells) for part in by.values())
    rows = pd.DataFrame({"Where": _near.squares(cells, params.defaults()["lattice_m"]), "Square": cells})
    rows["Score"] = _tenths(score["value"])
    rows["Incidents in it"] = _whole(score["n"])
    last = [f"{a:.0f} of {b:.0f}" if b > 0 else "none" for a, b in window[["numerator", "denominator"]].to_numpy()]
    rows["Windows of a year in which it was hot"] = last
    told = [f"{a:.0f}, {b:.1f} expected" if a > 0 else "" for a, b in new[["value", "expected"]].to_numpy()]
    rows["New in the last months"] = told
    return table_block(name, rows, released, title)


def areas(released: Released, *, title: str, name: str = "when", most: int = 5) -> Block:
    """Show the first hot areas side by side: incidents by hour and day, and by weapon, with their number.

    ``released`` holds findings of :func:`istv_lib.blocks.when`.
    """
    table = demand(released).table
    heads = table[(table["measure"] == "area_squares") & (table["n"] >= params.defaults()["extract_k_least"])]
    heads = heads[heads["value"].notna()]
    if heads.empty:
        return _said(released, "There is no hot area whose hours and weapons could be told.", name)
    side, out = params.defaults()["lattice_m"], {}
    labels = places.group_labels("method")
    for row in heads.head(most).itertuples():
        number, cell = row.stratum.split(": ")
        mine = table[table["stratum"].str.startswith(f"{number}: ") & (table["measure"] == "incidents_in_area")]
        told = mine["stratum"].str.split(": ", n=1).str[1].map(lambda own: labels.get(own, own))
        head = f"Area {number}, {_near.squares([cell], side)[0]} ({row.value:.0f} squares)"
        known = mine.groupby("stratum_dim")["n"].first()
        extra = {"Incidents": f"{row.n:,.0f}", "with a known time": f"{known['area_time_band_12']:,.0f}"}
        out[head] = extra | dict(zip(told, mine["shown"], strict=True))
    rows = pd.DataFrame(out).rename_axis("Hours and weapons").reset_index()
    return table_block(name, rows, released, title)


def venues(released: Released, *, title: str, name: str = "venues", least: float = 0) -> Block:
    """Show places of repeated incidents that are no home, hospital or custody; names of made-up data are made up.

    ``released`` holds findings of :func:`istv_lib.blocks.findings`; ``least`` is the least number of people hurt.
    """
    table = demand(released).table
    table = table[(table["measure"] == "venue_incidents") & (table["n"] >= least)]
    if table.empty:
        return _said(released, "No place outside homes and hospitals has so many incidents at one point.", name)
    cell, named = table["stratum"].str[:14].tolist(), table["stratum"].str[16:].tolist()
    made = released.kind == "synthetic"
    names = [f"invented place {k}" if made else told or "no name known" for k, told in enumerate(named, 1)]
    rows = pd.DataFrame({"Place": names, "Square": cell})
    if not made:
        rows["Where"] = _near.squares(cell, params.defaults()["lattice_m"])
    rows["Incidents"] = table["shown"].tolist()
    rows["In the last months"] = _whole(table["numerator"])
    rows["People hurt"] = _whole(table["n"])
    return table_block(name, rows, released.pick(measure="venue_incidents"), title)


def sources(released: Released, *, title: str, name: str = "sources") -> Block | None:
    """Show the squares that tell two sources apart: records of each, ratio of shares with its interval.

    Nothing where there is none: the map above says why.

    ``released`` holds findings of :func:`istv_lib.compare.findings`.
    """
    table = demand(released).table
    cells = table[table["measure"] == "source_ratio"]
    if cells.empty:
        return None
    rows = pd.DataFrame({"Where": _near.squares(cells["stratum"], params.defaults()["compare_m"])})
    rows["Square"] = cells["stratum"].tolist()
    rows["Hospital"] = _whole(cells["expected"], "fewer than 3")
    rows["Police"] = _whole(cells["n"] - cells["expected"], "not told")
    spans = zip(cells["shown"], cells["lower"], cells["upper"], strict=True)
    rows["Share of hospital records over share of police records"] = [f"{v} ({a:.2f} to {b:.2f})" for v, a, b in spans]
    rows["Relatively more common"] = cells["flags"].map({"ed": "hospital", "police": "police"}).tolist()
    return table_block(name, rows, released, title)


def near_repeats(released: Released, *, title: str, name: str = "repeats") -> Block:
    """Show pairs of incidents by bands of distance and nights: observed, expected, and whether beyond chance.

    ``released`` holds findings of :func:`istv_lib.repeats.findings`.
    """
    table = demand(released).table
    metres, nights = (table["stratum"].str.split(", ").str[k] for k in (0, 1))
    mark = table["flags"].eq("beyond_chance").map({True: ", beyond chance", False: ""})
    ratio = [f"{v:.1f} ({a:,.0f} of {b:,.0f})" if pd.notna(v) else "no pair" for v, a, b in table[_PAIR].to_numpy()]
    cells = table.assign(metres=metres, nights=nights, cell=ratio + mark)
    wide = cells.pivot_table(index="metres", columns="nights", values="cell", aggfunc="first", sort=False)
    return table_block(name, wide.rename_axis("Apart").rename_axis(None, axis=1).reset_index(), released, title)


_PAIR = ["value", "numerator", "denominator"]


def held(released: Released, *, title: str, name: str = "held") -> Block:
    """Show how concentrated incidents are, and what maps of earlier months caught of later incidents.

    ``released`` holds findings of :func:`istv_lib.concentration.held`.
    """
    table = demand(released).table
    told = table[["measure", "stratum", "denominator"]].to_numpy()
    names = [HELD[m].format(s=_MAPS.get(s, s), d=f"{d:,.0f}") for m, s, d in told]
    spans = [f"{_as(u, a)} to {_as(u, b)}" if pd.notna(a) else "" for u, a, b in table[_SPAN].to_numpy()]
    rows = pd.DataFrame({"Measure": names, "Value": table["shown"].tolist(), "95% interval": spans})
    rows["Incidents"] = _whole(table["n"])
    return table_block(name, rows, released, title)


_SPAN = ["unit", "lower", "upper"]


def _as(unit: str, value: float) -> str:
    return {"share": "{:.0%}", "square": "{:.0f}"}.get(unit, "{:.2f}").format(value)


def _note(flags: str) -> str:
    return "; ".join(words for word, words in _NOTES.items() if word in flags.split(";"))


def _said(released: Released, text: str, name: str) -> Block:
    return Block("words", f"{name}-words", {"text/markdown": text}, released)


def _tenths(values: pd.Series) -> list[str]:
    return ["" if pd.isna(v) else f"{v:,.1f}" for v in values]


def _whole(values: pd.Series, absent: str = "") -> list[str]:
    return [absent if pd.isna(v) else f"{v:,.0f}" for v in values]


def _share(values: pd.Series) -> list[str]:
    return ["" if pd.isna(v) else f"{v:.0%}" for v in values]
