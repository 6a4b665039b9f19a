"""Before any page is made: everything the release plan would publish is attacked, and coarsened until it holds.

:func:`decide` makes the plan's tables from the store, attacks them together with the ledger of earlier releases and
takes the steps of ``parameters/disclosure.yml`` wherever a small count could be narrowed too far. Its decisions stay
in force from then on; :func:`istv_lib.disclosure.release` follows them. :func:`verify` attacks once more what is
really about to leave.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from istv_lib import _coarsen, _density, attack, disclosure, errors, months, params, places, schema, store, tally

_ROUNDS = 40  # of attack and coarsening; each takes at least one step, and there are four


def planned(events: pd.DataFrame, plan: Iterable[Mapping[str, Any]], until: str) -> pd.DataFrame:
    """Return every count of people that the release plan lets a month's pages publish, as findings.

    Parameters
    ----------
    events : DataFrame
        ED events; those after ``until`` are left out.
    plan : iterable of mapping
        Lines of ``release_plan``; those of other sources, or not counts, are left out.
    until : str
        Reported month.

    Returns
    -------
    DataFrame
        True counts. At least as much as the pages show: a page leaves out old months and shows a silent hospital's
        borough as not available.
    """
    events = tally.strata(events[events["month"] <= until])
    held = sorted(events["month"].unique())
    years = [y for y in sorted({m[:4] for m in held}) if set(months.span(f"{y}-01", f"{y}-12")) <= set(held)]
    asked = [line for line in plan if line["measure"] == "attendances" and line["source"] == "ed"]
    parts = [
        tally.cube(events, line["stratum_dim"], line["place_type"], held if line["period"] == "month" else years)
        for line in asked
    ]
    return pd.concat(parts, ignore_index=True) if parts else schema.empty("finding")


def coarsened(
    findings: pd.DataFrame,
    rules: Mapping[str, Any],
    *,
    earlier: pd.DataFrame | None = None,
    decisions: Iterable[Mapping[str, str]] = (),
    editions: Mapping[str, str] | None = None,
    sums: Mapping[str, list[str]] | None = None,
) -> tuple[list[dict[str, str]], pd.DataFrame, attack.Outcome]:
    """Attack findings as they would be released, and coarsen them step by step until no small count can be narrowed.

    Parameters
    ----------
    findings : DataFrame
        True counts.
    rules : mapping
        Content of ``parameters/disclosure.yml``.
    earlier : DataFrame, optional
        What was published before, as :func:`istv_lib.disclosure.published` returns.
    decisions : iterable of mapping, optional
        Steps already taken.
    editions : mapping, optional
        Edition of the data by month.
    sums : mapping, optional
        Which places add up to which.

    Returns
    -------
    decisions : list of dict
        All steps, old and new: the columns of a group, ``step`` and ``why``.
    log : DataFrame
        Counts that could be narrowed, with the ``round`` and the group that was coarsened for each. Restricted.
    outcome : attack.Outcome
        The last attack; with breaches where no further step would help, see :func:`demand`.
    """
    steps = {tuple(d[k] for k in _coarsen.GROUP): dict(d) for d in decisions}
    log = []
    for number in range(_ROUNDS):
        shown = disclosure.shown(findings, rules, steps.values())
        new = disclosure.published(shown, rules, editions)
        everything = new if earlier is None else pd.concat([earlier, new], ignore_index=True)
        outcome = attack.attack(everything, width=rules["protection_width"], small=_small(rules), sums=sums)
        if outcome.breaches.empty:
            return list(steps.values()), _log(log), outcome
        taken = set()
        for breach in outcome.breaches.to_dict("records"):
            group = _next(breach, everything, steps, rules)
            log.append({k: breach[k] for k in _LOG} | {"round": number + 1, "coarsened": " ".join(group or ())})
            taken |= {group} if group else set()
        if not taken:
            return list(steps.values()), _log(log), outcome
        for group in taken:
            steps[group] = dict(zip(_coarsen.GROUP, group, strict=True)) | _step(steps.get(group), group, rules)
    return list(steps.values()), _log(log), outcome


def demand(outcome: attack.Outcome) -> attack.Outcome:
    """Return an outcome without breaches; refuse any other.

    Raises
    ------
    errors.DisclosureError
        A small count can be narrowed.
    """
    if len(outcome.breaches):
        msg = (
            f"{len(outcome.breaches)} small counts can be worked out from this release and the earlier ones, and no "
            "step of coarsening helps; clearance.csv of the month, which is restricted, names them. Take tables out of "
            "the release plan, or wait for more data."
        )
        raise errors.DisclosureError(msg)
    return outcome


_LOG = ["measure", "source", "place", "start", "end", "dim", "stratum", "low", "high", "exact"]


def _log(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*_LOG, "round", "coarsened"])


def _small(rules: Mapping[str, Any]) -> int:
    return rules["rules"][rules["audiences"]["public"]]["hide_to"]


def _next(
    breach: Mapping[str, Any], published: pd.DataFrame, steps: Mapping[tuple, Mapping], rules: Mapping[str, Any]
) -> tuple[str, ...] | None:
    """Return the group to coarsen for a breach: its own, else the most detailed that shares a sum with it."""
    near = published.iloc[breach["near"]]
    near = near.assign(detail=(near["place"] == places.LONDON) * 2 + (near["dim"] == ""))
    own = (near["place"] == breach["place"]) & (near["dim"] == breach["dim"])
    near = near.assign(own=~own).sort_values(["own", "detail"], kind="stable")
    names = {"start": "period_start", "end": "period_end", "dim": "stratum_dim"}
    for group in dict.fromkeys(_coarsen.groups(near.rename(columns=names)).itertuples(index=False, name=None)):
        if _step(steps.get(tuple(group)), tuple(group), rules):
            return tuple(group)
    return None


def _step(before: Mapping[str, str] | None, group: tuple[str, ...], rules: Mapping[str, Any]) -> dict[str, str]:
    """Return a group's next step with its reason; empty when none is left."""
    ladder = _coarsen.ladder(dict(zip(_coarsen.GROUP, group, strict=True)), rules)
    left = ladder[ladder.index(before["step"]) + 1 :] if before else ladder
    return {"step": left[0], "why": "a small count could be narrowed by sums"} if left else {}


def decide(where: store.Root, month: str) -> dict[str, Any]:
    """Attack what a month's pages would publish, write down what must be coarsened, and return a summary.

    Writes ``store/clearance.json`` (decisions in force), ``restricted/<month>/clearance.csv`` (every count that
    could have been narrowed: a restricted file) and ``gate.json`` beside it (the summary: counts only). Where nothing
    changed since the month was decided (counts, ledger, rules, decisions, code), the summary that is there is returned.
    """
    rules, editions = params.file("disclosure"), store.editions(where, month)
    rests = json.dumps([month, editions, rules, store.ledger(where), store.clearance(where), params.code_version()])
    held = _summary(where, month)
    if held.get("rests_on") == store.sha256(rests.encode()) and held["result"] == "passed":
        return held
    events = store.load("events", source="ed", where=where)
    findings = planned(events, rules["release_plan"]["public"], month)
    decisions, log, outcome = coarsened(
        findings, rules, earlier=known(where, rules), decisions=store.clearance(where), editions=editions
    )
    done = summary(findings, decisions, outcome) | {"rests_on": store.sha256(rests.encode())}
    _record(where, month, log, done)
    demand(outcome)
    content = json.dumps(sorted(decisions, key=lambda d: [d[k] for k in _coarsen.GROUP]), indent=1) + "\n"
    store.write(where.store / "clearance.json", content)
    return done


def _record(where: store.Root, month: str, log: pd.DataFrame, done: Mapping[str, Any]) -> None:
    """Add to the month's restricted log, and write the summary beside it."""
    folder = where.restricted / month
    path = folder / "clearance.csv"
    lines = log.to_csv(index=False, lineterminator="\n").splitlines()
    before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    store.write(path, "".join(f"{line}\n" for line in dict.fromkeys([*before, *lines])))
    store.write(folder / "gate.json", json.dumps(done, indent=1) + "\n")


def _summary(where: store.Root, month: str) -> dict[str, Any]:
    path = where.restricted / month / "gate.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def told(where: store.Root, month: str) -> str:
    """Return in a sentence what the gate decided for a month; empty where it was not asked."""
    if not (done := _summary(where, month)):
        return ""
    steps = ", ".join(f"{count} by {step}" for step, count in done["coarsened"].items())
    return (
        f"Gate {done['result']}: {done['groups']:,} groups of public figures attacked, {done['small_counts']:,} small "
        f"counts, {done['narrowed']:,} of them narrowed; coarsened: {steps or 'none'}."
    )


def summary(findings: pd.DataFrame, decisions: list[dict[str, str]], outcome: attack.Outcome) -> dict[str, Any]:
    """Return in counts what the gate did: groups in the plan, coarsened by step, and small counts that held."""
    groups = set(_coarsen.groups(findings).itertuples(index=False, name=None))
    steps = [d["step"] for d in decisions if tuple(d[k] for k in _coarsen.GROUP) in groups]
    return {
        "result": "refused" if len(outcome.breaches) else "passed",
        "narrowed": len(outcome.breaches),
        "groups": len(groups),
        "coarsened": {step: steps.count(step) for step in dict.fromkeys(steps)},
        "small_counts": outcome.hidden,
        "counts": outcome.cells,
        "sums": outcome.sums,
    }


def known(where: store.Root, rules: Mapping[str, Any], audiences: Iterable[str] = ("public",)) -> pd.DataFrame | None:
    """Return what the ledger says was published for these audiences, in order; None for nothing."""
    lines = [line for line in store.ledger(where) if line.get("audience", "public") in set(audiences)]
    return _published(lines, rules)


def _published(lines: Iterable[Mapping[str, Any]], rules: Mapping[str, Any]) -> pd.DataFrame | None:
    """Turn ledger lines back into ranges; what was said twice of the same edition is kept once."""
    parts = []
    told = [line for line in lines if line["values"] and "unit" in line["values"][0]]
    for editions, same in itertools.groupby(told, lambda line: line.get("editions")):
        table = pd.DataFrame([{"rule": line["rule"]} | row for line in same for row in line["values"]])
        numbers = ["value", "n", "share_used"]
        table[numbers] = table[numbers].apply(pd.to_numeric)
        parts.append(disclosure.published(table, rules, editions))
    return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True) if parts else None


def verify(where: store.Root, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Attack what is about to leave, with everything that left before.

    Parameters
    ----------
    where : store.Root
        Root whose ledger holds the earlier releases.
    lines : list of dict
        Ledger lines about to be added: ``audience``, ``editions`` and ``values`` (rows of the published CSV).

    Returns
    -------
    dict
        For the release form: ``result``, ``small_counts``, ``counts``, ``sums``, ``protection_width`` and
        ``coarsened`` (decisions in force, by step).

    Raises
    ------
    errors.DisclosureError
        A small count could be narrowed too far, the figures contradict each other, or a density map differs from one
        of the same place and time.
    """
    rules, out = params.file("disclosure"), store.maps_out(where)
    for new in (tuple(line["map"]) for line in lines if "map" in line):
        _density.refuse_overlap(new, out)
        out.append(new)
    everything = _published([*store.ledger(where), *(x for x in lines if x["audience"] == "public")], rules)
    if everything is None:
        return {"result": "passed", "small_counts": 0, "counts": 0, "sums": 0}
    outcome = attack.attack(everything, width=rules["protection_width"], small=_small(rules))
    if len(outcome.breaches):
        msg = (
            f"{len(outcome.breaches)} small counts could be worked out from these pages and the earlier ones; "
            "use `istv run` again, which coarsens them."
        )
        raise errors.DisclosureError(msg)
    steps = [decision["step"] for decision in store.clearance(where)]
    return {
        "result": "passed",
        "small_counts": outcome.hidden,
        "counts": outcome.cells,
        "sums": outcome.sums,
        "protection_width": rules["protection_width"],
        "coarsened": {step: steps.count(step) for step in dict.fromkeys(steps)},
    }
