"""Control charts of counts, rates, shares, measurements and times between rare events, and runs about a line.

Every chart is a table in the rows of what was given: ``value`` (what is drawn), ``centre``, ``lower``, ``upper`` and
``signal`` ("above" or "below" the limits, else empty). What is missing, or has no denominator above zero, has no value
and no signal and takes no part in centre and limits; where limits cannot be known they are missing, never guessed:
draw them only where they are not. All zeros give limits of zero and no signal. ``sigmas`` is the distance
of the limits, 3 by Shewhart's convention (a warning line: 2). None of the charts knows season or coverage. Source of
all: Montgomery, Introduction to Statistical Quality Control; checked against the R package qicharts2 0.8.1.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from istv_lib import errors
from istv_lib._xmr import mean_moving_range

D2 = 1.128  # mean range of two normal values, in standard deviations
NELSON = 3.6  # power that makes times between random events nearly normal
SIGMAS = 3.0
CROSSINGS_TAIL = 0.05  # of Anhoej and Olesen


def i(values: pd.Series, *, sigmas: float = SIGMAS, screen: bool = False) -> pd.DataFrame:
    """Return a chart of individual measurements: mean and limits by the mean moving range.

    Two neighbouring values are needed for limits. ``screen`` leaves out moving ranges of 3.267 means or more, once.
    It can mislead for small counts, whose lower limit lies below zero.
    """
    values = _finite(values, below_zero=True)
    sigma = mean_moving_range(values, screen=screen) / D2
    return _chart(values, values.mean(), values.mean(), _like(sigma, values), sigmas)


def c(counts: pd.Series, *, sigmas: float = SIGMAS) -> pd.DataFrame:
    """Return a chart of counts of equal exposure: variance equals the mean.

    It can mislead where exposure varies (days, population, hospitals that sent) or counts spread more than by
    chance: then it signals too often.
    """
    counts = _finite(counts)
    centre = counts.mean()
    return _chart(counts, centre, centre, _like(np.sqrt(centre), counts), sigmas, floor=0.0)


def u(counts: pd.Series, exposure: pd.Series, *, sigmas: float = SIGMAS) -> pd.DataFrame:
    """Return a chart of counts over their exposure, such as attendances per day: Poisson variance.

    It can mislead where counts spread more than by chance; see :func:`u_prime`.
    """
    rate, exposure, centre = _rate(counts, exposure)
    return _chart(rate, centre, centre, np.sqrt(centre / exposure), sigmas, floor=0.0)


def u_prime(
    counts: pd.Series, exposure: pd.Series, *, sigmas: float = SIGMAS, floor: float = 1.0, screen: bool = False
) -> pd.DataFrame:
    """Return Laney's u' chart: limits of the u chart times the spread seen between neighbours (sigma_z).

    Parameters
    ----------
    counts, exposure : Series
        In the same rows, in time order.
    sigmas : float, default 3
    floor : float, default 1
        Least sigma_z. Counts cannot spread less than by chance for a reason that lasts; in a short series of small
        counts sigma_z falls below 1 by luck, and limits narrower than chance signal falsely. 0: as published.
    screen : bool, default False
        Leave out moving ranges of 3.267 means or more, once.

    Returns
    -------
    DataFrame
        A chart. Without two neighbouring values sigma_z is ``floor``; where that is 0, limits are missing.

    Notes
    -----
    How it can mislead: a shift that lasts hardly widens sigma_z, but season does, and then real signals are lost.
    Source: Laney, Quality Engineering 2002.
    """
    rate, exposure, centre = _rate(counts, exposure)
    sigma = np.sqrt(centre / exposure)
    wide = _widened(rate, centre, sigma, floor, screen=screen)
    return _chart(rate, centre, centre, wide, sigmas, floor=0.0)


def p(hits: pd.Series, n: pd.Series, *, sigmas: float = SIGMAS) -> pd.DataFrame:
    """Return a chart of shares: binomial variance. More hits than records is an error.

    It can mislead in tens of thousands of records, where every point signals; see :func:`p_prime`.
    """
    share, n, centre = _rate(hits, n, share=True)
    sigma = np.sqrt(centre * (1 - centre) / n)
    return _chart(share, centre, centre, sigma, sigmas, floor=0.0, ceiling=1.0)


def p_prime(
    hits: pd.Series, n: pd.Series, *, sigmas: float = SIGMAS, floor: float = 1.0, screen: bool = False
) -> pd.DataFrame:
    """Return Laney's p' chart: limits of the p chart times sigma_z. ``floor`` and ``screen`` as in :func:`u_prime`."""
    share, n, centre = _rate(hits, n, share=True)
    sigma = np.sqrt(centre * (1 - centre) / n)
    wide = _widened(share, centre, sigma, floor, screen=screen)
    return _chart(share, centre, centre, wide, sigmas, floor=0.0, ceiling=1.0)


def g(gaps: pd.Series, *, sigmas: float = SIGMAS) -> pd.DataFrame:
    """Return a chart of the number of cases between rare ones: geometric variance about the mean.

    ``centre`` is the median, because the distribution is skew; limits are about the mean. The lower limit is nearly
    always zero: it shows that events became rarer, hardly ever that they became more frequent.
    """
    gaps = _finite(gaps)
    mean = gaps.mean()
    return _chart(gaps, gaps.median(), mean, _like(np.sqrt(mean * (mean + 1)), gaps), sigmas, floor=0.0)


def t(days: pd.Series, *, sigmas: float = SIGMAS) -> pd.DataFrame:
    """Return a chart of times between rare events: an i chart of days ** (1 / 3.6), in days again.

    A value above the upper limit means rarer, one below the lower means closer together. Take the days from
    :func:`days_between`. How it can mislead: the time since the last event is not on it, so a long quiet spell
    shows only after it ended. Source: Nelson, Journal of Quality Technology 1994.
    """
    days = _finite(days)
    chart = i(days ** (1 / NELSON), sigmas=sigmas)
    back = chart[["centre", "lower", "upper"]].clip(lower=0.0) ** NELSON
    return chart.assign(value=days, **back)


def days_between(dates: pd.Series) -> pd.DataFrame:
    """Return the days between dates with an event, for :func:`t`, in the order of time.

    Parameters
    ----------
    dates : Series of datetime
        One per event, in any order. The time of day is not used; missing dates are left out.

    Returns
    -------
    DataFrame
        One row per date with an event, from the second on: ``date``, ``events`` on that date and ``days`` since the
        date before. Several events on one date are one row, because two people hurt in one incident are no sign of a
        higher rate, and a time of zero is none; ``events`` shows them. Fewer than two such dates: no rows.

    Notes
    -----
    How it can mislead: two incidents on one day count once. Months that a hospital did not send look like a quiet
    spell: give dates from complete months, and make a chart for each stretch without a gap.
    """
    days = pd.to_datetime(dates).dropna().dt.normalize()
    events = days.value_counts().sort_index()
    out = pd.DataFrame({"date": events.index, "events": events.to_numpy(), "days": _gaps(events.index)})
    return out.iloc[1:].reset_index(drop=True)


def _gaps(dates: pd.DatetimeIndex) -> np.ndarray:
    return dates.to_series().diff().dt.days.to_numpy(dtype=float)


def runs(values: pd.Series, centre: pd.Series | float | None = None) -> pd.DataFrame:
    """Return the runs analysis of Anhoej and Olesen: longest run and crossings about a line.

    Parameters
    ----------
    values : Series
        In time order. A missing value breaks runs, and no crossing is counted across it.
    centre : Series or float, optional
        The line; the median if not given. Points on it are passed over.

    Returns
    -------
    DataFrame
        One row: ``n_obs``, ``n_useful`` (not on the line), ``longest_run``, ``longest_run_max``
        (round(log2(n_useful)) + 3), ``n_crossings``, ``n_crossings_min`` (5 % point of a binomial of the neighbouring
        pairs and one half) and ``signal``: a longer run or fewer crossings. Without useful points all are 0 and
        there is no signal.

    Notes
    -----
    How it can mislead: it says that the series is not random, not when or by how much it changed; season alone
    does it. Without change about one series in 20 signals. Source: Anhoej and Olesen, PLoS ONE 2014.
    """
    values = _finite(values, below_zero=True)
    stretch = values.isna().cumsum()
    away = values - (values.median() if centre is None else centre)
    side, stretch = np.sign(away[away.abs() > 1e-9 * values.abs()]), stretch[away.abs() > 1e-9 * values.abs()]
    near = stretch == stretch.shift()
    crossed = near & (side != side.shift())
    useful, pairs = len(side), int(near.sum())
    longest = 0 if side.empty else int(side.groupby((crossed | ~near).cumsum()).size().max())
    most = 0 if side.empty else round(np.log2(useful)) + 3
    least = int(stats.binom.ppf(CROSSINGS_TAIL, pairs, 0.5))
    counted = {"n_obs": int(values.notna().sum()), "n_useful": useful, "longest_run": longest, "longest_run_max": most}
    crossings = int(crossed.sum())
    found = longest > most or crossings < least
    return pd.DataFrame([{**counted, "n_crossings": crossings, "n_crossings_min": least, "signal": found}])


# ---- shared ----------------------------------------------------------------------------------------------


def _finite(values: pd.Series, *, below_zero: bool = False) -> pd.Series:
    values = values.astype(float)
    if np.isinf(values).any() or not (below_zero or (values.fillna(0) >= 0).all()):
        msg = "A control chart was given a value that is below zero or infinite; give counts, days or exposures."
        raise errors.ParameterError(msg)
    return values


def _like(number: float, values: pd.Series) -> pd.Series:
    return pd.Series(number, index=values.index, dtype=float)


def _rate(hits: pd.Series, n: pd.Series, *, share: bool = False) -> tuple[pd.Series, pd.Series, float]:
    """Return value, denominator (missing where it is not above zero) and centre."""
    if not hits.index.equals(n.index):
        msg = f"{len(hits)} values and {len(n)} denominators do not stand in the same rows; give them one index."
        raise errors.ParameterError(msg)
    hits, n = _finite(hits), _finite(n)
    if share and (hits > n).any():
        msg = "A chart of shares was given more hits than records; give the records that the hits are part of."
        raise errors.ParameterError(msg)
    n = n.where(n > 0)
    use = hits.notna() & n.notna()
    centre = hits[use].sum() / n[use].sum() if use.any() else np.nan
    return hits / n, n, centre


def _widened(rate: pd.Series, centre: float, sigma: pd.Series, floor: float, *, screen: bool) -> pd.Series:
    """Return sigma times sigma_z, which is at least ``floor``; 0 where there is no chance at all."""
    z = (rate - centre) / sigma.where(sigma > 0)
    found = mean_moving_range(z, screen=screen) / D2
    return (sigma * (found if found > floor or not floor else floor)).mask(sigma == 0, 0.0)


def _chart(
    value: pd.Series,
    centre: float,
    mean: float,
    sigma: pd.Series,
    sigmas: float,
    *,
    floor: float = -np.inf,
    ceiling: float = np.inf,
) -> pd.DataFrame:
    lower, upper = (mean - sigmas * sigma).clip(lower=floor), (mean + sigmas * sigma).clip(upper=ceiling)
    slack = 1e-9 * abs(mean)  # the mean of equal values can miss them by a bit
    signal = np.select([value > upper + slack, value < lower - slack], ["above", "below"], "")
    out = pd.DataFrame({"value": value, "centre": centre, "lower": lower, "upper": upper}, dtype=float)
    return out.assign(signal=signal)
