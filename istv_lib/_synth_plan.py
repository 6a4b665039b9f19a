"""What is planted in the synthetic London: its departments, its boroughs' levels and its events.

A helper of :mod:`istv_lib.synth`. Everything here is invented. The departments stand near, never at, real
ones, so that catchments are plausible; nothing that happens to them happened to a real one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from istv_lib import months, places

LONDON_A_MONTH = 1_850  # true attendances; notes on published totals give 1,700 to 2,300 for London

# Relative attendances by borough: the order of published ambulance and police counts, flattened so that the
# quietest borough still has enough located records to show how its page works. The City stays small.
BOROUGH_LEVELS = {
    "E09000001": 12, "E09000002": 54, "E09000003": 56, "E09000004": 44, "E09000005": 76, "E09000006": 50,
    "E09000007": 78, "E09000008": 84, "E09000009": 70, "E09000010": 62, "E09000011": 64, "E09000012": 76,
    "E09000013": 48, "E09000014": 70, "E09000015": 44, "E09000016": 48, "E09000017": 56, "E09000018": 56,
    "E09000019": 64, "E09000020": 44, "E09000021": 40, "E09000022": 100, "E09000023": 76, "E09000024": 42,
    "E09000025": 95, "E09000026": 52, "E09000027": 40, "E09000028": 92, "E09000029": 42, "E09000030": 84,
    "E09000031": 58, "E09000032": 56, "E09000033": 105,
}  # fmt: skip
NIGHT_ECONOMY = {  # factor on the share of assaults in the small hours
    "E09000001": 1.3, "E09000007": 1.2, "E09000012": 1.2, "E09000013": 1.1, "E09000019": 1.15,
    "E09000020": 1.1, "E09000022": 1.15, "E09000028": 1.1, "E09000030": 1.15, "E09000033": 1.3,
}  # fmt: skip

# code, easting, northing, relative size, share of texts that name a place, trust, major trauma centre
_DEPARTMENTS = """
SYN01 535500 182000 150 0.56 01 yes
SYN02 531500 175500 130 0.50 02 yes
SYN03 527000 172000 118 0.50 03 yes
SYN04 526500 182000 105 0.56 04 yes
SYN05 530500 178500  92 0.50 05 no
SYN06 541000 183000  95 0.54 01 no
SYN07 538000 174000  75 0.56 06 no
SYN08 533500 193500  85 0.48 07 no
SYN09 532000 166500  78 0.56 08 no
SYN10 517500 187000  78 0.48 09 no
SYN11 529500 183000  85 0.50 10 no
SYN12 535000 185500  74 0.56 11 no
SYN13 542500 178000  72 0.42 06 no
SYN14 538000 189000  70 0.48 01 no
SYN15 551500 188500  66 0.48 12 no
SYN16 530000 186500  60 0.54 13 no
SYN17 515500 180500  58 0.56 09 no
SYN18 526000 178500  56 0.48 14 no
SYN19 523500 178500  55 0.38 04 no
SYN20 515500 176000  52 0.48 14 no
SYN21 527500 184500  50 0.50 07 no
SYN22 545500 188500  48 0.40 12 no
SYN23 507500 182500  46 0.50 15 no
SYN24 543000 166000  42 0.50 02 no
SYN25 524500 195500  40 0.56 07 no
SYN26 526000 165500  38 0.50 16 no
SYN27 519000 169500  32 0.54 17 no
SYN28 520500 160500  25 0.40 16 no
SYN29 520500 183500  30 0.48 09 no
"""
_NETWORKS = {
    "North West London": "04 09 10 14 15",
    "North East London and Essex": "01 07 11 12 13",
    "South West London and Surrey": "03 08 16 17",
    "South East London, Kent and Medway": "02 05 06",
}


@dataclass(frozen=True)
class Plan:
    """What happens in one synthetic London; months are of arrival, shares and factors are dimensionless."""

    scale: str
    first: str
    last: str
    boroughs: tuple[str, ...]
    departments: tuple[str, ...]
    outage: tuple[str, tuple[str, ...]]
    joins: tuple[str, str]
    merges: tuple[str, str, str]
    worsens: tuple[str, str]
    hot_spot: tuple[str, str, int]
    closes: tuple[str, str, dict[str, float]] | None = None
    intervention: tuple[str, str, float] | None = None
    zero: tuple[str, str] | None = None
    partial: tuple[str, str, int] | None = None
    failed: tuple[str, str] | None = None
    halves: tuple[str, tuple[str, ...]] = ("", ())
    absent_newest: str = ""
    unreadable: tuple[str, str] | None = None
    resubmitted: tuple[tuple[str, str], ...] = ()
    duplicated: tuple[str, str] = ("", "")
    missing: tuple[tuple[str, str], ...] = ()
    late: tuple[tuple[str, str, int], ...] = ()
    ed_heavy: str = ""
    police_heavy: str = ""

    @property
    def months(self) -> list[str]:
        """Months of the series, first to last."""
        return months.span(self.first, self.last)


FULL = Plan(
    scale="full",
    first="2022-01",
    last="2024-12",
    boroughs=tuple(BOROUGH_LEVELS),
    departments=tuple(line.split()[0] for line in _DEPARTMENTS.split("\n") if line),
    outage=("SYN01", ("2024-03", "2024-04")),
    joins=("SYN23", "2023-07"),
    closes=("SYN29", "2023-12", {"SYN10": 0.6, "SYN04": 0.4}),
    merges=("SYN08", "SYN30", "2024-04"),
    worsens=("SYN17", "2024-05"),
    hot_spot=("E09000023", "2024-07", 15),
    intervention=("E09000008", "2023-10", 0.7),
    zero=("SYN28", "2023-08"),
    partial=("SYN14", "2024-06", 18),
    failed=("SYN27", "2023-03"),
    halves=("SYN18", ("2024-01", "2024-02", "2024-03", "2024-08")),
    absent_newest="SYN03",
    unreadable=("SYN19", "2022-11"),
    resubmitted=(("SYN06", "2023-09"), ("SYN20", "2024-10")),
    duplicated=("SYN07", "2023-05"),
    missing=(
        ("SYN12", "2022-08"),
        ("SYN22", "2023-02"),
        ("SYN26", "2023-11"),
        ("SYN13", "2024-02"),
        ("SYN27", "2024-09"),
    ),
    late=(
        ("SYN10", "2022-12", 24),
        ("SYN10", "2023-08", 31),
        ("SYN02", "2023-12", 19),
        ("SYN15", "2024-05", 40),
        ("SYN22", "2024-08", 16),
        ("SYN11", "2024-10", 27),
        ("SYN05", "2024-11", 18),
    ),
    ed_heavy="E09000025",
    police_heavy="E09000033",
)

SMALL = Plan(
    scale="small",
    first="2022-07",
    last="2024-12",
    boroughs=("E09000022", "E09000023", "E09000028"),
    departments=("SYN02", "SYN05", "SYN07", "SYN13"),
    outage=("SYN02", ("2024-03", "2024-04")),
    joins=("SYN13", "2023-07"),
    merges=("SYN07", "SYN31", "2024-04"),
    worsens=("SYN05", "2024-05"),
    hot_spot=("E09000023", "2024-07", 15),
    halves=("SYN31", ("2024-06", "2024-09")),
    resubmitted=(("SYN02", "2023-09"),),
    duplicated=("SYN07", "2023-05"),
    late=(("SYN05", "2024-08", 21),),
    ed_heavy="E09000028",
    police_heavy="E09000022",
)
PLANS = {"full": FULL, "small": SMALL}


def departments(plan: Plan) -> pd.DataFrame:
    """Return the departments of a plan: code, easting, northing, size, quality, trust, mtc, network."""
    rows = [line.split() for line in _DEPARTMENTS.split("\n") if line.split()[:1]]
    frame = pd.DataFrame(rows, columns="code easting northing size quality trust mtc".split())
    frame = frame[frame["code"].isin(plan.departments)].reset_index(drop=True)
    network = {trust: name for name, trusts in _NETWORKS.items() for trust in trusts.split()}
    frame["network"] = frame["trust"].map(network)
    numbers = {"easting": "float64", "northing": "float64", "size": "float64", "quality": "float64"}
    frame = frame.astype(numbers)
    frame.loc[frame["code"] == plan.worsens[0], "quality"] = 0.60
    return frame


def roster(plan: Plan) -> pd.DataFrame:
    """Return ``reference/sites.csv``: one row per site code, with the months in which it is valid."""
    frame = departments(plan)
    successor = frame[frame["code"] == plan.merges[0]].assign(code=plan.merges[1])
    frame = pd.concat([frame, successor], ignore_index=True).sort_values("code", ignore_index=True)
    starts = {plan.joins[0]: plan.joins[1], plan.merges[1]: plan.merges[2]}
    ends = {plan.merges[0]: months.add(plan.merges[2], -1)}
    follow = {plan.merges[0]: f"{plan.merges[1]}:1"}
    if plan.closes:
        site, last, shares = plan.closes
        ends[site] = last
        follow[site] = ";".join(f"{code}:{share:g}" for code, share in shares.items())
    return pd.DataFrame(
        {
            "site_code": frame["code"],
            "name": "Synthetic hospital " + frame["code"].str[3:],
            "trust_code": "SYT" + frame["trust"],
            "trust": "Synthetic trust " + frame["trust"],
            "dept_type": "type1",
            "easting": frame["easting"].astype("int64"),
            "northing": frame["northing"].astype("int64"),
            "borough_gss": places.borough_of(frame["easting"].to_numpy(), frame["northing"].to_numpy()),
            "trauma_network": frame["network"],
            "mtc": frame["mtc"],
            "valid_from": frame["code"].map(starts).fillna(""),
            "valid_to": frame["code"].map(ends).fillna(""),
            "successors": frame["code"].map(follow).fillna(""),
            "synthetic": "yes",
        }
    )
