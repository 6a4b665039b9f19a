"""Texts planted in the synthetic London that must reach its store and must never reach a public page.

A helper of :mod:`istv_lib.synth`. Only words of records change: names of venues that no list holds are replaced by
other such names, and a few other methods in words by others. Nothing is drawn, so every count stays.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _synth_files
from istv_lib._synth_plan import Plan
from istv_lib._synth_sending import expected

VENUES = (
    "the Quorvane Ferret;inside Ozzelby Vaults;Trimblefax Rooms nightclub;the Yaxendell Arms;Skelvarrow Taproom;"
    "inside the Plimquay Lounge;Zethermoor Snooker;the Grobblenick Inn;Ulverquist Karaoke;Jessopine Social;"
    "the Wimmerstook Tavern;Vennitrop Ballroom"
).split(";")
METHODS = "quillon-handled mallet;zoffany picture frame;brass orrery arm".split(";")


def in_places(people: pd.DataFrame) -> pd.DataFrame:
    """Return people with each of :data:`VENUES` in place of a text that names nothing but some other venue."""
    return _put(people, "text", VENUES, (people["style"] == "venue") & ~people["personal"])


def in_methods(recorded: pd.DataFrame, plan: Plan, layouts: Mapping, profiles: Mapping) -> pd.DataFrame:
    """Return records with each of :data:`METHODS` as the words of one, not copied, whose file has such words."""
    used = {pair: layouts[_synth_files.layout_of(profiles[pair[0]], pair[1])] for pair in expected(plan)}
    able = [pair for pair, layout in used.items() if "method_other" in layout["columns"]]
    once = ~(recorded["row_id"] % 1_000_000).duplicated(keep=False) & (recorded["method_other"] != "")
    return _put(
        recorded, "method_other", METHODS, once & pd.MultiIndex.from_frame(recorded[["site", "month"]]).isin(able)
    )


def _put(frame: pd.DataFrame, column: str, texts: list[str], where: pd.Series) -> pd.DataFrame:
    """Put texts into a column, spread evenly over the rows that may take one."""
    rows, words = np.flatnonzero(where), frame[column].to_numpy(dtype=object).copy()
    words[rows[(2 * np.arange(len(texts)) + 1) * len(rows) // (2 * len(texts))]] = texts
    return frame.assign(**{column: words})


def listed(recorded: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Return ``truth/canaries.csv``: kind, text, and the column of the store in which it must be found.

    What stands in no file that counts (``told``) is not listed. Ids and times of arrival are those of six records.
    """
    sent = recorded.join(told[~told.index.duplicated()], how="inner").query("truth and fate == 'accepted'")
    places, words = (sent[sent[name].isin(held)] for name, held in (("text", VENUES), ("method_other", METHODS)))
    six = places[(places["rec_arrival"].dt.minute % 5 > 0) & ~places["text"].duplicated()].head(6)
    texts = {"location_text": places["text"].drop_duplicates(), "method_other": words["method_other"]}
    texts |= {"record_id": six["record_id"], "arrival_at": six["rec_arrival"].dt.strftime("%Y-%m-%d %H:%M")}
    rows = [(kind, text, f"conformed.{kind}") for kind, found in texts.items() for text in found]
    return pd.DataFrame(rows, columns=["kind", "text", "where"])
