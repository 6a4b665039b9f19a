"""Where street violence is counted, and which squares hold more of it than expected, on one fixed lattice.

Only squares that passed the test of :func:`squares` may be called hot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from istv_lib import _fit, _kernel, _lattice, _scene, _uncertain, places, tally
from istv_lib._fit import FIT
from istv_lib._ground import recorded
from istv_lib._moved import moved
from istv_lib._scene import Baseline, Scene, counted, flat, layer
from istv_lib._unmapped import unmapped

__all__ = [
    "FIT", "REASONS", "Baseline", "Scene", "counted", "density", "findings", "fit", "flat", "layer",
    "mappable", "moved", "recorded", "scene", "sensitivity", "squares", "study", "surface", "unmapped",
]  # fmt: skip
REASONS = _fit.REASONS
TEST = "lattice_test"  # maps draw squares of this method alone
DENSITY = "quartic_kernel"


def mappable(events: pd.DataFrame, rules: Mapping) -> pd.Series:
    """Tell which ED events may be mapped: street precision or better, certain enough, placed by their text.

    Parameters
    ----------
    events : DataFrame
        ``x``, ``precision_class``, ``location_p``, ``prior_decided``, ``location_type``.
    rules : mapping
        ``map_p_least``: least stated probability of lying within 250 m.

    Notes
    -----
    Left out: homes, hospitals and custody, by code or by text; places that only the attended hospital decided
    between; anything coarser than a street or less certain. Sexual violence is never separated out.
    """
    return _fit.reason(events, rules["map_p_least"]) == ""


def fit(events: pd.DataFrame, rules: Mapping) -> pd.DataFrame:
    """Return the events that may be mapped (:func:`mappable`): what the other functions take."""
    return events[mappable(events, rules)]


# ---- squares that hold more than expected ------------------------------------------------------------------------


def scene(
    events: pd.DataFrame,
    area: places.Area,
    period: tuple[str, str],
    rules: Mapping,
    *,
    source: str = "ed",
    segments: pd.DataFrame | None = None,
    prior: bool = False,
) -> Scene:
    """Put the events of an area and its surroundings on the lattice, as distinct incidents.

    Parameters
    ----------
    events : DataFrame
        Events of one source (or of several, for ``both``) that may be mapped (:func:`fit`), of all London or at least
        of the area and its surroundings: schema ``event``. Police events need a point alone; give those of all forces
        that record there, because ground without its force looks quiet.
    area : places.Area
        Borough, BCU or London.
    period : (str, str)
        First and last month, included; normally 12 months.
    rules : mapping
        ``lattice_m``, ``lattice_cells_most``, ``map_p_least``, ``incident_m``, ``incident_hours``, ``spread_m``.
    source : str
        ``ed``, an agency, ``police`` or ``both``, as shown.
    segments : DataFrame, optional
        Pieces of streets (:func:`istv_lib._lattice.split_segments`) along which street-class points are shared out.
    prior : bool
        Whether records between whose places the hospital decided are taken too: for :func:`sensitivity` alone.

    Returns
    -------
    Scene
        ``n`` distinct incidents inside the area; those of squares across the border are held too, because a square at
        the border is tested with its neighbours.

    Raises
    ------
    errors.DisclosureError
        When a row may be on no map.
    errors.ParameterError
        When points look like degrees, or the lattice would have too many squares.

    Notes
    -----
    A square belongs to the borough that holds most of it. Attendances of one incident count once (``incident_m``,
    ``incident_hours``); a point of class ``street`` is shared out within its radius, so that a street's middle is no
    stack. What is of the area's boroughs but in no square is counted in ``left_out``.
    """
    return _scene.scene(events, area, period, rules, source=source, segments=segments, prior=prior)


def squares(what: Scene, base: Baseline, rules: Mapping) -> pd.DataFrame:
    """Test each square of an area for more incidents in it and the eight about it than expected.

    Parameters
    ----------
    what : Scene
        Of :func:`scene`.
    base : Baseline
        :func:`flat` (the same on each square metre), :func:`layer` (a supplied share) or :func:`counted` (the counts
        of another source).
    rules : mapping
        ``hot_false_rate``.

    Returns
    -------
    DataFrame
        A row a square of the area: ``cell``, ``x``, ``y`` (its middle), ``incidents``, ``around`` (with the eight about
        it; broken where streets are spread), ``expected`` (of ``around``), ``p``, ``q``, ``hot``, ``one_place``,
        ``one_street`` and, for comparison, ``gi_star``, ``gi_p``, ``gi_q``.

    Notes
    -----
    p is the binomial tail of ``around`` out of all incidents of the area and the squares that touch it; with a
    baseline of counts the two-sample conditional form with mid-p. q is Benjamini and Hochberg's over all squares of the
    area. Neighbours across the border are in sum and expectation. A square that meets the rate only because several
    incidents share one point (a venue, a station, a snap point of police data) is ``one_place`` and not hot: with that
    point counted once it no longer meets it. Incidents on one named street are spread instead and can make a square
    hot; where it would not be hot with its largest street counted once, it is ``one_street``.

    How it can mislead: against a flat baseline almost any town centre is hot, which says concentration and not excess;
    a hot square may hold no incident itself but touch those that do; squares where the baseline expects nothing are
    not tested. Below some 165 incidents most truly raised squares are missed.
    """
    return _scene.squares(what, base, rules)


def study(
    what: Scene,
    base: Baseline,
    rules: Mapping,
    rng: np.random.Generator,
    candidates: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return :func:`squares` with what is sure about them: ``p_hot``, and of the largest ``rank`` and ``kept``.

    Parameters
    ----------
    what, base, rules
        As for :func:`squares`; also ``hot_draws``, ``top_places``, ``map_points_least``.
    rng : numpy Generator
        Draws places and incidents.
    candidates : DataFrame, optional
        Other places that a text may have meant: ``event_id``, ``x``, ``y``, ``p``.

    Returns
    -------
    DataFrame
        ``p_hot``: share of draws of the true places in which the square is hot. ``rank``, ``rank_low``, ``rank_high``,
        ``kept``: of the ``top_places`` largest by ``around``, how their rank varies when incidents are drawn anew, and
        the share of draws that keep them among so many; missing for others. ``attrs``: ``chance`` (squares hot on
        average, and share of draws with any, if incidents followed the baseline).

    Notes
    -----
    With fewer than ``map_points_least`` incidents nothing is drawn or called hot. How it can mislead: ``p_hot`` knows
    of wrong places what ``location_p`` says, and nothing of incidents that nobody recorded.
    """
    out = _scene.squares(what, base, rules)
    enough = what.n >= rules["map_points_least"] and base.kind != "empty"
    if not enough:
        out = out.assign(
            hot=False, one_place=False, one_street=False, p_hot=np.nan, rank=np.nan, rank_low=np.nan, rank_high=np.nan
        )
        out["kept"], out.attrs["chance"] = np.nan, (np.nan, np.nan)
        return out
    out["p_hot"] = _uncertain.probability_hot(what, base, rules, rng, candidates)
    stable = _uncertain.ranks(what, rules, rng).drop(columns="around")
    out = out.merge(stable, on="cell", how="left")
    out.attrs["chance"] = _scene.chance(what, base, rules, rng)
    return out


def findings(studied: pd.DataFrame, what: Scene, base: Baseline, rules: Mapping, *, of: int) -> pd.DataFrame:
    """Return a study as findings: what was tested and found, and each square that is hot, one place or among the top.

    Parameters
    ----------
    studied : DataFrame
        Of :func:`study`.
    what, base, rules
        As there; ``map_points_least``, ``hot_points_full``, ``extract_k_least``: of squares with fewer incidents
        about them nothing is told.
    of : int
        All attendances (or offences) of the area and period, mapped or not.

    Returns
    -------
    DataFrame
        ``hot_squares``: the squares called hot, of ``denominator`` tested; ``expected`` is how many there would be if
        incidents followed the baseline, ``share_used`` the share mapped, ``flags`` the kind of baseline and
        "indicative", or why there is no map: "few" or "empty_baseline" ("no data" then). ``hot_by_chance``: how often
        any square would be hot. ``gi_squares``: how many Gi* with the same correction would call hot. By ``cell``:
        ``incidents_around`` (to whole numbers, with ``expected``; ``flags`` "hot", "one_place", "one_street", "top"),
        ``p_hot``, ``kept`` and ``gi_star``.
    """
    few, empty = what.n < rules["map_points_least"], base.kind == "empty"
    told = [base.kind, *(["few"] if few else []), *(["empty_baseline"] if empty else [])]
    told += ["indicative"] if not (few or empty) and what.n < rules["hot_points_full"] else []
    mean, any_ = studied.attrs["chance"]
    tested, draws = float(len(studied)), float(rules["hot_draws"])
    used = float(what.incidents.loc[what.incidents["inside"], "victims"].sum()) / of if of else 0.0
    gi = float(((studied["gi_q"] <= rules["hot_false_rate"]) & (studied["gi_star"] > 0)).sum())
    whole = pd.DataFrame([
        {"measure": "hot_squares", "unit": "square", "value": float(studied["hot"].sum()), "expected": mean},
        {"measure": "hot_by_chance", "unit": "share", "value": any_},
        {"measure": "gi_squares", "unit": "square", "value": gi},
    ])  # fmt: skip
    whole = whole.assign(denominator=[tested, draws, tested], share_used=used, flags=";".join(told), stratum_dim="")
    if few or empty:
        whole = whole.assign(value=np.nan, status="no_data")
    out = pd.concat([whole, *_by_square(studied, draws, rules["extract_k_least"])], ignore_index=True).assign(
        n=float(what.n), source=what.source
    )
    out["status"] = out["status"].fillna("final") if "status" in out else "final"
    return tally.as_findings(out, None, what.place, synthetic=what.synthetic, method=TEST, period=what.period)


def _by_square(studied: pd.DataFrame, draws: float, least: float) -> list[pd.DataFrame]:
    shown = studied[studied["hot"] | studied["one_place"] | studied["rank"].notna()]
    shown = shown[shown["around"] > least - 0.5]
    marks = {
        "hot": shown["hot"],
        "one_place": shown["one_place"],
        "one_street": shown["one_street"],
        "top": shown["rank"].notna(),
    }
    flags = [";".join(word for word, on in marks.items() if on[i]) for i in shown.index]
    base = pd.DataFrame({"stratum": shown["cell"], "stratum_dim": "cell", "flags": flags})
    around = base.assign(measure="incidents_around", unit="incident", value=shown["around"].round())
    ratio = base.assign(measure="gi_star", unit="rate", value=shown["gi_star"])
    shares = [base.assign(measure=m, unit="share", value=shown[m], denominator=draws) for m in ("p_hot", "kept")]
    shares[1] = shares[1].assign(lower=shown["rank_low"], upper=shown["rank_high"])[shown["rank"].notna()]
    return [around.assign(expected=shown["expected"]), *shares, ratio]


def sensitivity(
    events: pd.DataFrame,
    area: places.Area,
    period: tuple[str, str],
    rules: Mapping,
    base: Callable[[Scene], Baseline] = flat,
) -> pd.DataFrame:
    """Return which squares are hot with, and which without, the records between whose places the hospital decided.

    Parameters
    ----------
    events : DataFrame
        All ED events of London, mapped or not: as for :func:`scene` and :func:`mappable`.
    area, period, rules
        As for :func:`scene`.
    base : callable
        Makes the baseline of a scene; default :func:`flat`.

    Returns
    -------
    DataFrame
        Findings ``prior_hot`` by ``cell``: ``value`` the incidents about the square with those records, ``expected``
        without them, ``flags`` "both", "only_with" or "only_without"; and ``prior_added``, the incidents that those
        records add, of ``n``.

    Notes
    -----
    The map never uses such records: texts that fit several places gather at the one nearest the hospital. A square
    that is hot only with them must not be acted on.
    """
    why = _fit.reason(events, rules["map_p_least"])
    without = scene(events[why == ""], area, period, rules)
    full = scene(events[why.isin(["", "prior"])], area, period, rules, prior=True)
    tests = [_scene.squares(part, base(part), rules) for part in (without, full)]
    enough = [part.n >= rules["map_points_least"] for part in (without, full)]
    hot = [test["hot"].to_numpy() & ok for test, ok in zip(tests, enough, strict=True)]
    flags = np.select([hot[0] & hot[1], hot[1], hot[0]], ["both", "only_with", "only_without"], default="")
    cells = pd.DataFrame({"stratum": tests[0]["cell"], "value": tests[1]["around"].round(), "flags": flags})
    cells["expected"] = tests[0]["around"]
    cells = cells[cells["flags"] != ""].assign(measure="prior_hot", stratum_dim="cell")
    added = {"measure": "prior_added", "value": float(max(full.n - without.n, 0)), "stratum_dim": "", "flags": ""}
    out = pd.concat([pd.DataFrame([added]), cells], ignore_index=True).assign(unit="incident", n=float(full.n))
    return tally.as_findings(out, None, area.code, synthetic=full.synthetic, method=TEST, period=period)


def density(what: Scene, rules: Mapping, bandwidth_m: float | None = None) -> pd.DataFrame:
    """Return incidents per square kilometre over the area, by a quartic kernel; for partners alone.

    Parameters
    ----------
    what : Scene
        Of :func:`scene`; incidents across the border count.
    rules : mapping
        ``kernel_m``, ``kernel_lattice_m``, ``lattice_cells_most``.
    bandwidth_m : float, optional
        Radius in metres; default ``kernel_m``.

    Returns
    -------
    DataFrame
        ``cell``, ``x``, ``y`` (middle, metres, EPSG:27700), ``density`` (incidents per km2 over the period) of each
        square of ``kernel_lattice_m`` of the area. ``attrs["bandwidth_m"]`` must be printed with it.

    Notes
    -----
    Where part of the kernel lies outside London, which has no incidents, the density is divided by the part inside.
    How it can mislead: it is smooth by its making and tests nothing; another radius gives another picture. The public
    sees classes of another density only (:mod:`istv_lib._density`). Source: Silverman, Density Estimation, 1986.
    """
    radius = float(bandwidth_m or rules["kernel_m"])
    boroughs = places.find_area(what.place).boroughs
    frame = _lattice.frame(boroughs, int(rules["kernel_lattice_m"]), int(rules["lattice_cells_most"]))
    cells = np.flatnonzero(frame.own)
    x, y = frame.middles(cells)
    at = np.column_stack([x, y])
    points = what.incidents[["x", "y"]].to_numpy()
    value = _kernel.density(points, at, radius) / _kernel.inside(at, radius).clip(0.25)
    out = pd.DataFrame({"cell": frame.names(cells), "x": x, "y": y, "density": value})
    out.attrs["bandwidth_m"] = radius
    return out


def surface(what: Scene, rules: Mapping) -> pd.DataFrame:
    """Return :func:`density` as findings ``density`` by ``cell``; "no data" under ``map_points_least`` incidents.

    ``expected`` holds the radius of the kernel in metres; squares without any density have no row.
    """
    found = density(what, rules)
    found = found[found["density"] > 0] if what.n >= rules["map_points_least"] else found.head(0)
    out = pd.DataFrame({"stratum": found["cell"], "value": found["density"], "status": "final"})
    out = out if len(out) else pd.DataFrame([{"stratum": "", "value": np.nan, "status": "no_data"}])
    out = out.assign(measure="density", unit="rate", stratum_dim="cell", n=float(what.n), source=what.source)
    out["expected"] = float(rules["kernel_m"])
    return tally.as_findings(out, None, what.place, synthetic=what.synthetic, method=DENSITY, period=what.period)
