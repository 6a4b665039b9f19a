"""How well and how fast the gate holds: the attack on tables of four sizes, under three rules, in one run.

Run from the project's folder: .venv/bin/python benchmarks/gate.py
"""

import time

from istv_lib import attack, clearance, disclosure, params, places
from tests.unit import tables

RULES = params.file("disclosure")
SUMS = {"london": list(places.boroughs()["gss"])}


def under(rule):
    """The rules with another public one; "naive" hides 1 to 7 and shows everything else as it is."""
    more = RULES["rules"] | {"naive": {"hide_from": 1, "hide_to": 7, "base": 1, "share_base": 0.01}}
    return RULES | {"rules": more, "audiences": RULES["audiences"] | {"public": rule}}


def attacked(true, rule):
    rules = under(rule)
    start = time.perf_counter()
    published = disclosure.published(disclosure.shown(true, rules, ()), rules)
    outcome = attack.attack(published, width=RULES["protection_width"], small=7, sums=SUMS)
    exact, narrow = int(outcome.breaches["exact"].sum()), len(outcome.breaches)
    took = time.perf_counter() - start
    print(f"  {rule:13}{outcome.hidden:6} small  {exact:5} exact  {narrow:5} under the width  {took:7.1f} s")


def main():
    inner = tables.counts()
    sizes = {
        "33 x 6, a month": inner[:, :1],
        "33 x 6, a year": inner.sum(1)[:, None],
        "33 x 6 x 6": inner[:, :6],
        "33 x 12 x 6": inner,
    }
    for name, part in sizes.items():
        true = tables.findings(part)
        print(f"{name}: {len(true)} cells with all totals")
        for rule in ("naive", "nhs_hes"):
            attacked(true, rule)
        start = time.perf_counter()
        decisions, _, outcome = clearance.coarsened(true, RULES, sums=SUMS)
        counts = clearance.summary(true, decisions, outcome)
        took = time.perf_counter() - start
        print(f"  the gate     {outcome.hidden:6} small  {0:5} exact  {0:5} under the width  {took:7.1f} s", end="")
        print(f"  {counts['groups']} groups, coarsened {counts['coarsened'] or 'none'}")


if __name__ == "__main__":
    main()
