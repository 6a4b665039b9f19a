"""Made worlds of 896 squares of 250 m for benchmarks/hotspots.py: even, clustered, and as uneven as streets are."""

import numpy as np
import pandas as pd

from istv_lib import _lattice

WEST, SOUTH, WIDE, HIGH, SIZE = 526_000, 180_000, 32, 28, 250
FRAME = _lattice.rectangle(WEST, SOUTH, WIDE, HIGH, SIZE)


def frame(size):
    """The same ground in squares of another size."""
    return _lattice.rectangle(WEST, SOUTH, WIDE * SIZE // size, HIGH * SIZE // size, size)


CLUSTERS = np.array([[528950, 183950], [529800, 182450], [530150, 181300], [527300, 184700], [531900, 185600]])
CLUSTER_SHARES, CLUSTER_SD = np.array([0.30, 0.22, 0.20, 0.15, 0.13]), np.array([140, 180, 160, 250, 220])
CLUSTERED = 0.55
VICTIMS = {1: 0.90, 2: 0.06, 3: 0.03, 4: 0.01}  # one incident in ten has several


def anywhere(times, n, rng):
    """Flat numbers of squares, a row a run: complete randomness."""
    return rng.integers(0, WIDE * HIGH, (times, n))


def clustered(times, n, rng):
    """Points of five clusters and an even rest, as flat numbers of squares; -1 outside."""
    which = rng.choice(5, (times, n), p=CLUSTER_SHARES)
    spread = rng.normal(size=(2, times, n)) * CLUSTER_SD[which]
    inside = rng.random((times, n)) < CLUSTERED
    x = np.where(inside, CLUSTERS[which, 0] + spread[0], rng.uniform(WEST, WEST + WIDE * SIZE, (times, n)))
    y = np.where(inside, CLUSTERS[which, 1] + spread[1], rng.uniform(SOUTH, SOUTH + HIGH * SIZE, (times, n)))
    return FRAME.index(x, y)


class Streets:
    """Streets of uneven risk; the baseline is what their true places give, and all is written down by name or point.

    25 streets a square kilometre, of lognormal half length (median 100 m) and risk; 60 % of incidents are written
    down as the street, so that they stack on its middle, the others at the true point.
    """

    def __init__(self, rng, unevenness=1.0):
        n = int(25 * WIDE * HIGH * SIZE**2 / 1e6)
        self.middle = np.column_stack([rng.uniform(0, WIDE * SIZE, n) + WEST, rng.uniform(0, HIGH * SIZE, n) + SOUTH])
        self.half = np.clip(rng.lognormal(np.log(100), 0.5, n), 30, 500)
        bearing = rng.uniform(0, np.pi, n)
        self.along = np.column_stack([np.cos(bearing), np.sin(bearing)])
        risk = self.half * rng.lognormal(0, unevenness, n)
        self.risk = risk / risk.sum()
        self.layer = self._layer()

    def _layer(self, parts=200):
        far = (np.arange(parts) + 0.5) / parts * 2 - 1
        at = self.middle[:, None] + far[None, :, None] * (self.half[:, None] * self.along)[:, None]
        cells = FRAME.index(at[..., 0].ravel(), at[..., 1].ravel())
        return _lattice.count(cells, FRAME, np.repeat(self.risk, parts) / parts)

    def events(self, n, rng):
        """Attendances of n incidents as a table of events; several people may be of one."""
        street = rng.choice(len(self.half), n, p=self.risk)
        far = rng.uniform(-1, 1, n) * self.half[street]
        true = self.middle[street] + far[:, None] * self.along[street]
        named = rng.random(n) < 0.6
        at = np.where(named[:, None], self.middle[street], true)
        start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 366 * 24 * 60, n), unit="min")
        start = pd.Series(start.astype("datetime64[us]"))
        rows = pd.DataFrame(
            {"x": at[:, 0].round(), "y": at[:, 1].round(), "occurred_start": start, "arrival_at": start}
        )
        rows["precision_class"] = np.where(named, "street", "point")
        rows["radius_m"] = np.where(named, self.half[street], 25.0)
        people = rows.iloc[np.repeat(np.arange(n), rng.choice(list(VICTIMS), n, p=list(VICTIMS.values())))]
        people = people.reset_index(drop=True)
        late = pd.Series(pd.to_timedelta(rng.integers(-30, 31, len(people)), unit="min"))
        people["occurred_start"] = people["occurred_start"] + late
        people["event_id"] = [f"{i:06d}" for i in range(len(people))]
        month = people["arrival_at"].dt.strftime("%Y-%m")
        return people.assign(unit="attendance", occurred_precision="minute", month=month, location_p=0.95)

    def offences(self, n, rng):
        """Offences of the same streets, all snapped to street middles, by the month."""
        street = rng.choice(len(self.half), n, p=self.risk)
        at = self.middle[street].round()
        rows = pd.DataFrame({"x": at[:, 0], "y": at[:, 1], "precision_class": "street", "radius_m": 200.0})
        rows = rows.assign(unit="crime", occurred_precision="month", location_p=np.nan, month="2024-01")
        rows["occurred_start"] = rows["arrival_at"] = pd.Series(pd.NaT, rows.index, dtype="datetime64[us]")
        return rows.assign(event_id=[f"c{i:06d}" for i in range(n)])
