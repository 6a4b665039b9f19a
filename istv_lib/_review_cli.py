"""The verb ``istv review``; a helper of :mod:`istv_lib.cli`."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from istv_lib import (
    _csv,
    _placing,
    _show,
    errors,
    gazetteer,
    geocode,
    months,
    params,
    pipeline,
    releases,
    review,
    store,
)

HOW = (
    "In a spreadsheet, fill `reviewer` and `decision`: place, home, mobile, outside, hospital (none named), none, or "
    "right (the answer stands). For a place, fill `place` too: a name of the place list, a postcode, or easting and "
    "northing; `radius_m` and `reason` if you like. Save it as CSV and run `istv review FILE`. Answer every audit row: "
    "they measure accuracy."
)
RESTATED = "All months were placed again with them: the series is restated, and pages made from now on say so."


def review_(
    file: Annotated[Path | None, typer.Argument(help="A filled queue; without it, a queue is made.")] = None,
    size: Annotated[int, typer.Option(min=2, help="About so many texts to ask about.")] = 40,
    month: Annotated[str, typer.Option(help='Only this month, YYYY-MM; "latest": the last year.')] = "latest",
    date: Annotated[str | None, typer.Option(help="Date of the decisions, YYYY-MM-DD; default today.")] = None,
) -> None:
    """Ask people about frequent uncertain texts and a random sample, or take in what they decided."""
    where = store.root()
    if file is None:
        _ask(where, size, month)
    elif file.is_file():
        _take(where, file, releases.day(date, datetime.now(UTC)))
    else:
        raise errors.ParameterError(f"No file at {_show.short(file)}; check the path.")


def _ask(where: store.Root, size: int, month: str) -> None:
    newest = store.load("site_months", where=where)["month"].max()
    last = params.defaults()["review_months"]
    span = store.history(newest, last) if month == "latest" else (months.parse(month),) * 2
    texts, decided = _placing.texts(where, span), _placing.decisions(where)
    rng = np.random.default_rng(_number(f"{span} {review.version(decided)}"))
    made = review.queue(texts, size=size, rng=rng, decisions=decided, explain=geocode.explain)
    if made.empty:
        _show.say(f"From {span[0]} to {span[1]} there is no text to ask about.")
        return
    path = where.restricted / "review" / f"queue-{span[0]}-{span[1]}-{_number(''.join(made['id'])) % 10**6:06d}.csv"
    if path.exists():
        _show.say(f"{_show.short(path)} is there already and was left as it is. {HOW}")
        return
    _private(path.parent)
    store.write_table(path.with_name("asked.parquet"), pd.concat([_asked(where), made]).drop_duplicates("id"))
    store.write(path, _csv.to_csv(made[review.SHOWN]).encode("utf-8-sig"))
    _private(path.parent)
    audit, drawn = int((made["sample"] == "audit").sum()), int(made["drawn"].sum())
    _show.say(
        f"{len(made)} texts are in {_show.short(path)}: {len(made) - audit} frequent and uncertain, {audit} that stand "
        f"for {drawn} attendances drawn at random. They are restricted. {HOW}"
    )


def _number(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def _asked(where: store.Root) -> pd.DataFrame:
    path = where.restricted / "review" / "asked.parquet"
    return pd.read_parquet(path) if path.exists() else pd.DataFrame(columns=review.SHOWN)


def _private(folder: Path) -> None:
    """Keep the texts in a folder from other users of the computer."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for path in (p for p in folder.iterdir() if p.is_file()):
        path.chmod(0o600)


def _take(where: store.Root, file: Path, on: str) -> None:
    names, held, asked = _placing.names(where), _placing.decisions(where), _asked(where)
    rules, version = params.defaults(), gazetteer.version(names)
    filled = review.sheet(file.read_bytes(), filename=file.name)
    after = review.take(filled, asked, held, names, on=on, gazetteer_version=version, rules=rules)
    audit = filled["id"].isin(asked.loc[asked["sample"] == "audit", "id"])
    left = int((audit & (filled["decision"] == "")).sum())
    if left:
        _show.say(f"{left} audit rows are not filled; left empty, hard ones make the answers look better.")
    if len(after) == len(held):
        _show.say("No new decision; nothing was changed.")
        return
    _restate(where, after)
    kinds = review.current(after)["decision"].value_counts().sort_index()
    told = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
    _show.say(f"{len(after) - len(held)} new decisions and no conflict; {told} now, version {review.version(after)}.")
    for r in review.accuracy(after, rules).query("measure == 'right' and stratum == ''").itertuples():
        _show.say(f"Audit: {r.value:.0%} of {r.n:.0f} answers right (95 % interval {r.lower:.0%} to {r.upper:.0%}).")
    _show.say(RESTATED)


def _restate(where: store.Root, decisions: pd.DataFrame) -> None:
    """Keep decisions and place all months with them; where that fails, all is as it was."""
    path = where.reference / "place_decisions.csv"
    before = path.read_bytes() if path.exists() else review.write(review.empty())
    store.write(path, review.write(decisions))
    path.chmod(0o600)
    try:
        pipeline.derive(where)
    except BaseException:
        store.write(path, before)
        raise
