"""Texts about the places of the benchmark's made-up London, each with its truth and the site attended."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
from _geocode_world import WORDS, World, listed
from scipy.spatial import cKDTree

from istv_lib import _wording, places

KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_PLACED = ("x", "y", "borough_gss")


def _mistyped(text: str, typos: int, rng: random.Random) -> str:
    """Leave out, double, swap or add letters, or hit the key beside; the first letter stays."""
    for _ in range(typos):
        at = rng.choice([i for i, c in enumerate(text) if i and c.isalpha()] or [len(text) - 1])
        letter, after = text[at], text[at + 1 : at + 2]
        row = next((k for k in KEYS if letter.lower() in k), KEYS[0])
        beside = row[max(0, min(len(row) - 1, row.find(letter.lower()) + rng.choice((-1, 1))))]
        if rng.random() < 0.25 and after.isalpha():
            text = text[:at] + after + letter + text[at + 2 :]
        else:
            text = text[:at] + rng.choice(("", "", letter * 2, beside, beside, letter + beside)) + text[at + 1 :]
    return text


def _shortened(name: str, rng: random.Random) -> str:
    return " ".join(WORDS["short"].get(w, w) if rng.random() < 0.5 else w for w in name.split())


def _nothing(rng: random.Random) -> str:
    """A text that names no place."""
    text = rng.choices(list(WORDS["nothing"]), list(WORDS["nothing"].values()))[0]
    while "{" in text:
        slot = text[text.index("{") + 1 : text.index("}")]
        text = text.replace(f"{{{slot}}}", rng.choice(listed(WORDS["slots"][slot])), 1)
    return text.strip()


class _Speaker:
    """Draws a place near a site and says it as people type."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.rng, self.things = rng, world.things.to_dict("list")
        self.crossings = world.crossings.to_dict("records")
        met = world.crossings.assign(kind="junction").reset_index(drop=True)
        self.pools = {}
        for rows in (world.things, met):
            self.pools |= {key: found.tolist() for key, found in rows.groupby(["borough_gss", "kind"]).groups.items()}
        table = places.boroughs()
        self.called = dict(zip(table["gss"], table["name"], strict=True))
        label = table[["label_x", "label_y"]].to_numpy(dtype=float)
        order = np.argsort(np.hypot(*(label[:, None] - label[None]).T), axis=0)
        gss = table["gss"].to_numpy()
        self.near = {gss[i]: gss[order[1:7, i]].tolist() for i in range(len(gss))}

    def place(self, home: str) -> tuple[str, int]:
        """A kind and a row of the places or crossings, in the site's borough, near it or anywhere."""
        while True:
            draw = self.rng.random()
            borough = home if draw < 0.65 else self.rng.choice(self.near[home] if draw < 0.95 else list(self.called))
            kind = self.rng.choices(list(WORDS["kinds"]), list(WORDS["kinds"].values()))[0]
            if (borough, kind) in self.pools:
                return kind, self.rng.choice(self.pools[borough, kind])

    def about(self, kind: str, row: int) -> dict[str, object]:
        """A text and its truth; the event in a street is somewhere along it."""
        rng, things = self.rng, self.things
        true = {"b": -1, "kind": kind, "typos": rng.choices((0, 1, 2, 3), (45, 33, 16, 6))[0]}
        true |= self.crossings[row] if kind == "junction" else {"a": row, **{c: things[c][row] for c in _PLACED}}
        name = things["display"][true["a"]]
        text = _mistyped(_shortened(name, rng), true["typos"], rng)
        if kind == "junction":
            both = rng.sample([text, _shortened(things["display"][true["b"]], rng)], 2)
            text = rng.choice(listed(WORDS["joined"])).format(*both)
        elif rng.random() < 0.5:
            text = f"{rng.choice(listed(WORDS['leads']))} {text}"
        if kind == "street":
            along = rng.uniform(-1, 1)
            true |= {"x": true["x"] + along * things["dx"][row], "y": true["y"] + along * things["dy"][row]}
            text = f"{rng.randrange(1, 300)} {text}" if rng.random() < 0.12 else text
        draw = rng.random()
        said = things["area"][true["a"]] if draw < 0.3 else self.called[true["borough_gss"]] if draw < 0.42 else ""
        if said and kind not in {"area", "station"} and said not in name:
            text += rng.choice((" ", ", ")) + said
        return true | {"text": text}


def texts(world: World, n: int, seed: int = 2) -> pd.DataFrame:
    """That many texts, distinct after :func:`istv_lib._wording.normalise`.

    Returns
    -------
    DataFrame
        ``text``, ``words`` (normalised), ``site_code``; the truth: ``kind`` (empty: names no place), ``a``, ``b``
        (rows of ``world.things``, -1 none), ``x``, ``y``, ``borough_gss``, ``typos`` in the (first) name.
    """
    rng = random.Random(seed)
    speaker, at = _Speaker(world, rng), world.sites[["easting", "northing"]].astype(float)
    home = world.things["borough_gss"].to_numpy()[cKDTree(world.things[["x", "y"]]).query(at)[1]]  # one lies outside
    sites = list(zip(world.sites["site_code"], home, strict=True))
    none = {"kind": "", "a": -1, "b": -1, "x": np.nan, "y": np.nan, "borough_gss": "", "typos": 0}
    found = []
    for nameable, wanted in ((True, int(n * 0.85)), (False, n - int(n * 0.85))):
        kept = pd.DataFrame()
        while len(kept) < wanted:
            drawn = (rng.choice(sites) for _ in range(wanted))
            more = [
                (speaker.about(*speaker.place(home)) if nameable else none | {"text": _nothing(rng)})
                | {"site_code": code}
                for code, home in drawn
            ]
            kept = pd.concat([kept, pd.DataFrame(more)], ignore_index=True)
            kept = kept.assign(words=_wording.normalise(kept["text"])).query("words != ''").drop_duplicates("words")
        found.append(kept.head(wanted))
    both = pd.concat(found, ignore_index=True).sample(frac=1, random_state=seed, ignore_index=True)
    style, text = np.random.default_rng(seed).uniform(size=n), both["text"]
    return both.assign(text=text.where(style > 0.5, text.str.lower()).where(style < 0.8, text.str.upper()))
