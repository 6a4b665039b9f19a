"""What reception wrote about the place, in the styles that are known from published examples.

A helper of :mod:`istv_lib.synth`. Venue names and streets are invented, areas and stations are real, personal
data come only from ranges reserved for tests: 07700 900xxx and 020 7946 0xxx (Ofcom), NHS numbers that begin
with 999 (never issued), example.com (RFC 2606), plates with Q and Z (never issued), postcodes that end in VV (no
postcode does) and surnames that nobody bears.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

NOT_HOME = 0.78  # share of attendances that did not happen at a home
HOME_TEXT = 0.37  # share of home assaults whose text says so; the rest names nothing
TYPOS, PERSONAL = 0.07, 0.006
NEAR_STATION_M = 300

# style: share among texts that name a place, precision class a geocoder can reach, templates
STYLES = {
    "street": (0.19, "street", ["{street}", "on {street}", "assaulted on {street}", "{street} near shops"]),
    "street_area": (0.23, "street", ["{street}, {area}", "{street} {area}", "on {street} in {area}"]),
    "street_borough": (0.08, "street", ["{street}, {borough}", "{street} {borough}"]),
    "outside_venue": (
        0.11,
        "street",
        ["o/s {venue} {street}", "outside {venue} on {street}", "{venue}, {street}", "by the café, {street}"],
    ),
    "junction": (
        0.16,
        "junction",
        ["junction of {street} and {cross}", "{street} j/w {cross}", "corner of {street} & {cross}"],
    ),
    "station": (0.13, "point", ["near {station} station", "o/s {station} stn", "{station} station"]),
    "area": (0.09, "area", ["{area}", "in {area}", "{area} high st area", "bus stop in {area}", "park in {area}"]),
    "borough": (0.04, "borough", ["{borough}", "somewhere in {borough}", "london borough of {borough}"]),
    "street_outcode": (0.03, "street", ["{street} {outcode}", "{street}, {outcode}"]),
    "two_venue": (0.03, "street", ["left {venue} and was attacked on {street}", "between {venue} and {street}"]),
    "venue_area": (0.03, "area", ["{venue}, {area}", "{venue} in {area}"]),
}
_NAMELESS = {  # texts of records that name no place of their own
    "venue": ["{venue}", "inside {venue}", "{venue} nightclub"],
    "outcode": ["{outcode}", "{outcode} area", "somewhere {outcode}"],
    "mobile": ["on bus", "on the night bus", "in a taxi", "on a train", "top deck of bus 55"],
    "none": (
        ";;;;;unknown;unknown;Unknown;n/k;not known;U/K;na;- -;not stated;pt unsure;unable to recall;"
        "does not wish to say;street;in the street;public place;pub;outside nightclub;on the way home from work;"
        "school;attacked by unknown male;fight;punched in the face by stranger;walking home alone;in a park;"
        "see notes;intoxicated, unclear;outside shop;at work;10 past 5 this morning;assaulted last night;."
    ).split(";"),
    "home": (
        "home;at home;Home;home address;patients home;pts own home;own flat;HOME;in own house;partners house;"
        "at friend's house;domestic at home;home - kitchen;own garden;pt’s own address"
    ).split(";"),
    "outside": (
        "on holiday in Spain;Brighton seafront;Watford town centre;Luton;in Manchester;Southend;Dartford;abroad;"
        "Slough high street;festival in Reading;Grays;Birmingham city centre"
    ).split(";"),
}
_CLASS = {"venue": "none", "outcode": "district", "mobile": "mobile", "none": "none", "home": "home"}
_CLASS["outside"] = "outside"
LOCATABLE = {"street", "junction", "point", "area", "borough"}

_FIRST_NAMES = "Kieran Fatima Rajesh Olu Agnieszka Marcus Chloe Yusuf Siobhan Wei".split()
_SURNAMES = (
    "Vexborrow Brostaphel Quirrelthwaite Zandlewick Fenquistle Skarrowbeck Crubbleton Druvellby Yelverquay Oxtribbley "
    "Jarnsworthy Thwindlemere Plovquist Wraxenhope"
).split()
_ADJECTIVES = "Brass Copper Crooked Dancing Drowsy Gilded Hidden Humming Paper Painted Quiet Silver Tilted".split()
_NOUNS = "Badger Compass Feather Heron Kettle Lantern Magpie Otter Parrot Pebble Teapot Thistle Walrus".split()
_SHORT = {" Road": " Rd", " Street": " St", " Avenue": " Ave", " Gardens": " Gdns", " Lane": " Ln", " Close": " Cl"}
OUTCODES = {
    "E09000001": "EC2 EC3", "E09000002": "IG11 RM8 RM10", "E09000003": "N12 NW4 EN5", "E09000004": "DA6 DA15 DA17",
    "E09000005": "NW10 HA9", "E09000006": "BR1 BR6", "E09000007": "NW1 NW5", "E09000008": "CR0 CR7",
    "E09000009": "W5 UB1 W13", "E09000010": "EN1 EN3 N9", "E09000011": "SE10 SE18 SE9", "E09000012": "E8 E5 N16",
    "E09000013": "W6 SW6 W12", "E09000014": "N17 N22 N15", "E09000015": "HA1 HA3", "E09000016": "RM1 RM3 RM12",
    "E09000017": "UB8 UB3 HA4", "E09000018": "TW3 TW4 TW13", "E09000019": "N1 N7", "E09000020": "W8 W11 W10",
    "E09000021": "KT1 KT2", "E09000022": "SW2 SW9", "E09000023": "SE13 SE6 SE23", "E09000024": "SW19 CR4",
    "E09000025": "E6 E13 E15", "E09000026": "IG1 IG3", "E09000027": "TW9 TW10 TW1", "E09000028": "SE15 SE22 SE16",
    "E09000029": "SM1 SM5", "E09000030": "E1 E3 E14", "E09000031": "E17 E10", "E09000032": "SW18 SW11 SW17",
    "E09000033": "W1 W2 SW1",
}  # fmt: skip


def write(people: pd.DataFrame, anchors: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Write the location text of each attendance.

    Parameters
    ----------
    people : DataFrame
        From ``_synth_attendances.simulate``: ``anchor``, ``gss``, ``location_type``, ``at_station``, ``quality``.
    anchors : DataFrame
        ``Streets.anchors``.

    Returns
    -------
    DataFrame
        ``text``, ``style``, ``expected_class`` (precision class that the text allows), ``locatable``
        (bool: the text names a place in London that the workbook's own gazetteer can know), ``typos`` (letters
        dropped, doubled or swapped: 0 or 1), ``personal``
        (bool: planted personal data), ``planted`` (the exact strings of what was planted and must not be left,
        joined by " | "; empty where nothing was).
    """
    at = anchors.iloc[people["anchor"]].reset_index(drop=True)
    style = _styles(people, at, rng)
    fields = _fields(people, at, rng)
    text = np.full(len(people), "", dtype=object)
    for name in [*STYLES, *_NAMELESS]:
        rows = np.flatnonzero(style == name)
        templates = np.array(STYLES[name][2] if name in STYLES else _NAMELESS[name], dtype=object)
        pick = templates[rng.integers(len(templates), size=len(rows))]
        for template in dict.fromkeys(templates):
            chosen = rows[pick == template]
            text[chosen] = _fill(template, fields, chosen)
    text, typos = _careless(text, np.isin(style, list(STYLES)), rng)
    text, planted = _personal(text, at["street"].to_numpy(dtype=object), fields["outcode"], rng)
    expected = pd.Series(style).map({**{k: v[1] for k, v in STYLES.items()}, **_CLASS})
    return pd.DataFrame(
        {
            "text": text,
            "style": style,
            "expected_class": expected,
            "locatable": expected.isin(LOCATABLE),
            "typos": typos,
            "personal": planted != "",
            "planted": planted,
        }
    )


def _styles(people: pd.DataFrame, at: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Choose the style of each text; a style that the place does not allow becomes street and area."""
    n = len(people)
    shares = np.array([share for share, _, _ in STYLES.values()])
    style = np.array(list(STYLES), dtype=object)[rng.choice(len(shares), size=n, p=shares / shares.sum())]
    at_station = people["at_station"].to_numpy()
    near = at["station_m"].to_numpy() <= NEAR_STATION_M
    style[at_station] = np.where(rng.uniform(size=at_station.sum()) < 0.85, "station", style[at_station])
    style[(style == "station") & ~(at_station | near)] = "street_area"
    style[at_station & (style != "station")] = "area"
    style[(style == "junction") & (at["cross"] == "").to_numpy()] = "street_area"
    names_place = rng.uniform(size=n) < people["quality"].to_numpy() / NOT_HOME
    other = rng.choice(["none", "venue", "outcode"], size=n, p=[0.86, 0.08, 0.06]).astype(object)
    transport = (people["location_type"] == "transport").to_numpy()
    other = np.where(transport & (rng.uniform(size=n) < 0.6), "mobile", other)
    home = (people["location_type"] == "home").to_numpy()
    at_home = np.where(rng.uniform(size=n) < HOME_TEXT, "home", "none")
    style = np.where(home, at_home, np.where(names_place, style, other))
    away = (people["gss"] == "").to_numpy()
    return np.where(away & (style != "none"), "outside", style)


def _fields(people: pd.DataFrame, at: pd.DataFrame, rng: np.random.Generator) -> dict[str, np.ndarray]:
    n = len(people)
    adjective = np.array(_ADJECTIVES, dtype=object)[rng.integers(len(_ADJECTIVES), size=n)]
    noun = np.array(_NOUNS, dtype=object)[rng.integers(len(_NOUNS), size=n)]
    codes = {gss: np.array(text.split(), dtype=object) for gss, text in OUTCODES.items()}
    pick = rng.integers(6, size=n)
    outcode = [codes[gss][k % len(codes[gss])] for gss, k in zip(at["gss"], pick, strict=True)]
    fields = {name: at[name].to_numpy(dtype=object) for name in ("area", "borough", "station")}
    return fields | {
        "street": _shortened(at["street"], rng),
        "cross": _shortened(at["cross"], rng),
        "venue": "The " + adjective + " " + noun,
        "outcode": np.array(outcode, dtype=object),
    }


def _shortened(names: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """Abbreviate the kind of street in about a third of the names."""
    short = names
    for long, brief in _SHORT.items():
        short = short.str.replace(f"{long}$", brief, regex=True)
    return np.where(rng.uniform(size=len(names)) < 0.35, short, names).astype(object)


def _fill(template: str, fields: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Put the fields of the given rows into a template such as ``"on {street}"``."""
    parts = template.replace("}", "{").split("{")
    out = np.full(len(rows), "", dtype=object)
    for number, part in enumerate(parts):
        out = out + (fields[part][rows] if number % 2 else part)
    return out


def _careless(text: np.ndarray, named: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Type as people type: lower case, capitals, and letters dropped, doubled or swapped; count the last three."""
    kind = rng.uniform(size=len(text))
    series = pd.Series(text)
    text = np.select([kind < 0.35, kind < 0.46], [series.str.lower(), series.str.upper()], default=series)
    wrong = np.flatnonzero(named & (rng.uniform(size=len(text)) < TYPOS))
    where, how = rng.uniform(size=len(wrong)), rng.integers(3, size=len(wrong))
    meant = text.copy()
    text[wrong] = [_typo(text[row], at, kind) for row, at, kind in zip(wrong, where, how, strict=True)]
    return text, (text != meant).astype(int)


def _typo(text: str, at: float, how: int) -> str:
    k = 1 + int(at * max(len(text) - 3, 1))
    if not text[k : k + 2].isalpha() or len(text) < k + 2:
        return text
    middle = {0: text[k + 1], 1: text[k] + text[k : k + 2], 2: text[k + 1] + text[k]}[how]
    return text[:k] + middle + text[k + 2 :]


def _personal(
    text: np.ndarray, streets: np.ndarray, outcodes: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Plant a few personal data, from reserved ranges, for the screen to find; return them beside the texts.

    Four draws whatever is planted: which texts, and a number, a person and a kind for each of them.
    """
    rows = np.flatnonzero(rng.uniform(size=len(text)) < PERSONAL)
    n = len(rows)
    number, person = rng.integers(0, 1000, n), rng.integers(0, len(_FIRST_NAMES) * len(_SURNAMES), n)
    forms = [*_numbers(number), *_homes(number, streets[rows], outcodes[rows]), *_people(number, person)]
    kind = rng.integers(len(forms), size=n)
    chosen = [kind == k for k in range(len(forms))]
    text, planted = text.copy(), np.full(len(text), "", dtype=object)
    text[rows] = text[rows] + np.select(chosen, [added for added, _ in forms])
    planted[rows] = np.select(chosen, [what for _, what in forms])
    return text, planted


def _strings(values: np.ndarray, width: int = 1) -> np.ndarray:
    return pd.Series(values).astype("str").str.zfill(width).to_numpy(dtype=object)


def _numbers(number: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return numbers of every kind for each row: what is added to its text, and what in it must not be left."""
    digits, two = _strings(number, 3), _strings(number % 100, 2)
    mobile, landline, email = "07700 900" + digits, "020 7946 0" + digits, "pt" + digits + "@example.com"
    birth = "03/07/" + _strings(1960 + number % 45)
    right = pd.Series(_nhs_number(number, 0))
    wrong = pd.Series(_nhs_number(number, 1)).to_numpy(dtype=object)
    grouped = right.str.replace(r"(\d{3})(\d{3})(\d{4})", r"\1 \2 \3", regex=True).to_numpy(dtype=object)
    single = right.str.join(" ").to_numpy(dtype=object)
    plate = "QX" + two + " Z" + np.array(list("ABCDEFGHJK"), dtype=object)[number // 100] + "Q"
    return [
        (" tel " + mobile, mobile),
        (" " + landline + " call partner", landline),
        (" NHS no " + grouped, grouped),
        (" " + single, single),
        (" NHS " + wrong, wrong),
        (" email " + email, email),
        (" dob " + birth, birth),
        (" car reg " + plate, plate),
    ]


def _nhs_number(number: np.ndarray, off: int) -> np.ndarray:
    """Return NHS numbers of the test range as ten digits; the check digit is wrong by `off`."""
    base = 999_000_000 + number * 1000 + number * 37 % 1000
    base = base + (_check_digit(base) == 10)  # no number has 10 for a check
    return _strings(base * 10 + (_check_digit(base) + off) % 10)


def _check_digit(base: np.ndarray) -> np.ndarray:
    digits = base[:, None] // 10 ** np.arange(8, -1, -1) % 10
    return (11 - digits @ np.arange(10, 1, -1) % 11) % 11


def _homes(number: np.ndarray, streets: np.ndarray, outcodes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    house = _strings(number % 90 + 1)
    postcode = outcodes + " " + _strings(number % 10) + "VV"
    return [
        (", flat " + house + ", " + house + " " + streets, "flat " + house + " | " + house + " " + streets),
        (", home address " + house + " " + streets + ", " + postcode, house + " " + streets + " | " + postcode),
    ]


def _people(number: np.ndarray, person: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return names after a word for a person, a third of them in small letters, and surnames after a title."""
    first = np.array(_FIRST_NAMES, dtype=object)[person % len(_FIRST_NAMES)]
    last = np.array(_SURNAMES, dtype=object)[person // len(_FIRST_NAMES)]
    name = first + " " + last
    name = np.where(number % 3 == 0, pd.Series(name, dtype="str").str.lower(), name).astype(object)
    cue = np.array(["boyfriend", "ex partner", "brother", "friend called"], dtype=object)[number % 4]
    title = np.array(["Mr", "Mrs", "Miss", "PC"], dtype=object)[number % 4]
    return [(" by " + cue + " " + name, name), (", seen with " + title + " " + last, last)]
