"""Symbols, months and labels of released findings, read alike by sentences, tables and charts."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from istv_lib import _strata, disclosure, months, params, places


def has(table: pd.DataFrame, *symbols: str) -> pd.Series:
    """Tell which rows carry one of the symbols; a row may carry several."""
    return table["symbol"].map(lambda own: any(symbol in own for symbol in symbols)).astype(bool)


def base(released: disclosure.Released) -> int:
    """Return the number to whose multiples counts are rounded; 1 where they are exact."""
    rules = params.file("disclosure")["rules"]
    return max((rules[name]["base"] for name in {released.rule, *released.table["rule"]}), default=1)


def single(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of single months, without the quarters that stand in for withheld months."""
    return table[table["period_start"] == table["period_end"]].reset_index(drop=True)


def around(table: pd.DataFrame, month: str) -> pd.Series | None:
    """Return the row of the quarter that holds a month, where the gate has made one and shows its figure."""
    longer = (table["period_start"] <= month) & (month <= table["period_end"])
    longer &= (table["period_start"] != table["period_end"]) & table["value"].notna()
    return table[longer].iloc[0] if longer.any() else None


def bands(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of single time bands, without the merged ones, and the nights of each in a week."""
    single = table[~table["stratum"].str.contains("+", regex=False)].reset_index(drop=True)
    return single.assign(nights=single["stratum"].str.rsplit(" ", n=1).str[0].map(months.NIGHTS_PER_GROUP).fillna(1.0))


def largest(released: disclosure.Released, table: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Return the rows with the largest figure (per night), and whether a withheld one could be larger.

    The rows are all that rounding leaves possible; none without a figure above zero.
    """
    rules, half = params.file("disclosure")["rules"], base(released) // 2
    nights = table.get("nights", 1.0)
    rate = table["value"] / nights
    least = ((table["value"] - half) / nights)[rate == rate.max()].max()
    behind = table["rule"].map({name: _most(rule) for name, rule in rules.items()}).astype("float64") / nights
    top = table[(rate > 0) & ((table["value"] + half) / nights >= least)]
    return top, bool((behind[has(table, "[c]")] >= least).any())


def _most(rule: Mapping) -> float:
    """Return the largest count that may stand behind a withheld one."""
    return float("inf") if rule.get("secondary") else float(rule.get("hide_to", 0))


def label(stratum: str, labels: Mapping[str, str] | None = None) -> str:
    """Return the words for a stratum; those of a merged one, such as "knife+blunt", are joined by "or"."""
    if stratum.endswith("+"):  # an age band without an end
        return f"{stratum[:-1]} and over"
    first, *later = ((labels or {}).get(part, part) for part in stratum.split("+"))
    later = [word[:1].lower() + word[1:] if labels else word for word in later]
    plain = len(later) == 1 and not any(" or " in word for word in (first, *later))
    return ", ".join([first, *later[:-1]]) + "".join(f"{'' if plain else ','} or {word}" for word in later[-1:])


def key(text: str) -> str:
    """Return in words the symbols that a text uses, and no others."""
    return " ".join(f"{symbol} {words}." for symbol, words in disclosure.SYMBOLS.items() if symbol in text)


def place_names() -> dict[str, str]:
    """Return the names of boroughs and BCUs by their codes, and of London and "Borough not known"."""
    boroughs, bcus = places.boroughs(), places.bcus()
    names = dict(zip(boroughs["gss"], boroughs["name"], strict=True))
    names |= dict(zip(bcus["code"], bcus["name"], strict=True))
    return names | {places.LONDON: "London", places.NOT_KNOWN: "Borough not known"}


def rows(table: pd.DataFrame) -> list[str]:
    """Return what tells the rows apart in words: the strata where all are of one place, else the places."""
    if len(table) and (table["place"] == table["place"].iloc[0]).all() and table["stratum"].ne("").any():
        return [
            _strata.label(dim, stratum) for dim, stratum in zip(table["stratum_dim"], table["stratum"], strict=True)
        ]
    names = place_names()
    return [names.get(place, place) for place in table["place"]]
