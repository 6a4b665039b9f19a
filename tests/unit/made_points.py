"""Made events on the lattice for the tests of squares, blocks and near repeats, and the peers' reference numbers."""

from pathlib import Path

import numpy as np
import pandas as pd

from istv_lib import _lattice, _scene, places, schema

# Numbers of sfhotspot 1.0.0, SpatialKDE 0.8.2, spdep 1.2-7, NearRepeat 0.1.1, sppt 0.2.3 and the formulas of lorenzgini
# on made points (660 "ed", 3,100 "police", 896 squares of 250 m).
CASES = Path(__file__).parents[1] / "cases" / "hotspots"
FRAME = _lattice.rectangle(526_000, 180_000, 32, 28, 250)
CAMDEN, CITY = places.find_area("camden"), places.find_area("city-of-london")
PERIOD = ("2023-01", "2023-12")


def case(name):
    return pd.read_csv(CASES / f"{name}.csv")


def grid_of(points, frame=FRAME):
    return _lattice.count(frame.index(points["x"], points["y"]), frame).astype(float)


def events(xy, *, month="2023-06", kind="point", radius=20.0, gss=CAMDEN.code, source="ed", seed=1, **more):
    """ED events at points, at times far enough apart that each is an incident of its own."""
    xy = np.asarray(xy, dtype=float).reshape(-1, 2)
    n = len(xy)
    frame = pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1], "month": month})
    day = np.random.default_rng(seed).permutation(n)
    at = pd.to_datetime(frame["month"] + "-01 20:00") + pd.to_timedelta(day * 5, unit="h")
    police = source != "ed"
    out = frame.assign(
        event_id=[f"e{i:06d}" for i in range(n)], source=source, source_dataset="istv", submission_id="s", row_no=1,
        synthetic=True, unit="crime" if police else "attendance", occurred_start=at, occurred_end=at,
        occurred_precision="month" if police else "minute", arrival_at=pd.NaT if police else at, precision_class=kind,
        radius_m=radius, location_p=0.95, prior_decided=False, borough_gss=gss, category="assault", method="fist",
        location_type="street",
    ).assign(**more)  # fmt: skip
    return schema.conform(out, "event")


def on(xy, rules, **more):
    """The scene of points on the made rectangle."""
    return _scene.put(events(xy, **more), FRAME, rules)


def scattered(n, seed=1, frame=FRAME):
    """Points that are completely random on a frame."""
    (high, wide), size = frame.shape, frame.size
    low = np.array([frame.west, frame.south]) * size
    return low + np.random.default_rng(seed).random((n, 2)) * np.array([wide, high]) * size
