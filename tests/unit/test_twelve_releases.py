"""A year of monthly releases with two revisions: addresses stay, and the whole of it survives the attack."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from nbformat import v4

from istv_lib import attack, clearance, disclosure, months, params, places, publish, releases, store, tables
from tests.unit.made_pages import cell, headline, notebook, put, root, run
from tests.unit.test_clearance import events

MONTHS = months.span("2024-01", "2024-12")
AREAS = ["london", "camden", "city-of-london"]
REVISED = {"2024-04": "2024-02", "2024-09": "2024-08"}  # a late file comes in before the first month's release


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    """Publish twelve months; return the root, every public file ever seen, and the results."""
    made = pytest.MonkeyPatch()
    made.setattr(publish.scan, "check", lambda *_: [])  # the made root has no texts to look for
    where = root(tmp_path_factory.mktemp("year"))
    held, seen, results = events(span=("2024-01", "2024-12"), monthly=300), {}, []
    rng = np.random.default_rng(5)
    for month in MONTHS:
        if month in REVISED:
            late = held[held["month"] == REVISED[month]].sample(9, random_state=1).assign(method="knife")
            late["borough_gss"] = rng.choice(["E09000001", "E09000007"], len(late))
            held = pd.concat([held, late], ignore_index=True)
        write(where, held[held["month"] <= month])
        clearance.decide(where, month)
        asked = [month] + ([REVISED[month]] if month in REVISED else [])
        for each in asked:
            results += release(where, held[held["month"] <= each], each)
            seen |= content(where.hub)
    made.undo()
    return where, seen, results


def write(where, held):
    for path in (where.store / "events" / "source=ed").glob("*.parquet"):
        path.unlink()
    for name, part in held.groupby(held["month"].str[:4]):
        part.to_parquet(where.store / "events" / "source=ed" / f"year={name}.parquet")


def release(where, held, month):
    """Make each area's page of the month from released findings, and publish."""
    plan = params.file("disclosure")["release_plan"]["public"]
    found = clearance.planned(held, plan, month)
    runs = []
    for slug in AREAS:
        area = places.find_area(slug)
        mine = found[(found["place"] == area.code)]
        name = "30_london_monitor" if slug == "london" else "40_borough_profile"
        job = run(name, slug, area.name, title="London monitor" if slug == "london" else "Borough profile")
        runs.append((job, notebook(*page(where, mine), lead=headline("**SYNTHETIC.** One. Two. Three. Four."))))
    put(where, month, runs)
    now = releases.at(max(held["month"].max(), month)) + dt.timedelta(days=40)
    return publish.publish(where, month, ["public"], now=now, reason="A hospital sent a late file.")


def page(where, mine):
    decided = store.clearance(where)
    parts = {
        "months": mine[(mine["stratum_dim"] == "") & (mine["period_start"] == mine["period_end"])],
        "years": mine[(mine["stratum_dim"] == "") & (mine["period_start"] < mine["period_end"])],
        "methods": mine[(mine["stratum_dim"] == "weapon_group") & (mine["period_start"] < mine["period_end"])],
    }
    for name, part in parts.items():
        if len(part):
            shown = disclosure.release(part, "public", decisions=decided)
            block = tables.by_month(shown, title=f"Table {name}", name=name)
            data, meta = block._repr_mimebundle_()
            yield cell(v4.new_output("display_data", data=data, metadata=meta))


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("v*/*")) if p.is_file()}


def test_every_month_and_both_revisions_are_out(year):
    where, _, results = year
    assert [r["faults"] for r in results if r["status"] == "refused"] == []
    for slug in AREAS:
        assert {p.name for p in (where.hub / slug).iterdir()} == {*MONTHS, "latest"}
    assert (where.hub / "london" / "2024-02" / "v2" / "index.html").exists()
    assert (where.hub / "london" / "2024-08" / "v2" / "index.html").exists()


def test_no_address_was_lost_and_no_published_byte_changed(year):
    where, seen, _ = year
    now = content(where.hub)
    assert set(seen) <= set(now)
    assert [way for way in seen if seen[way] != now[way]] == []


def test_everything_published_together_survives_the_attack(year):
    where, *_ = year
    rules = params.file("disclosure")
    everything = clearance.known(where, rules)
    assert everything["edition"].nunique() > 12
    outcome = attack.attack(everything, width=rules["protection_width"], small=7)
    assert outcome.breaches.empty
    assert outcome.hidden > 50


def test_the_same_year_under_the_naive_rule_would_not(year):
    where, *_ = year
    held = store.load("events", source="ed", where=where)
    rules = params.file("disclosure")
    bare = rules | {"rules": rules["rules"] | {"naive": {"hide_from": 1, "hide_to": 7, "base": 1, "share_base": 0.01}}}
    bare["audiences"] = rules["audiences"] | {"public": "naive"}
    found = clearance.planned(held, rules["release_plan"]["public"], "2024-12")
    outcome = attack.attack(disclosure.published(disclosure.shown(found, bare, ()), bare), width=3, small=7)
    assert outcome.breaches["exact"].any()
