"""Figures, maps and tables: only from released findings, with alternative text, the same bytes each time."""

import base64
import csv
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from istv_lib import _marks, disclosure, errors, figures, maps, monitor, places, tables, tally
from istv_lib._block import digest
from tests.conftest import CAMDEN
from tests.unit.test_coverage import RULES, cover_of, world
from tests.unit.test_disclosure import finding

YEAR = {"period_start": "2024-01", "period_end": "2024-12"}


@pytest.fixture(scope="module")
def trend():
    cover = cover_of(*world(np.random.default_rng(3), away={("A", "2024-05")}))
    return disclosure.release(monitor.monthly(cover, CAMDEN, "2024-12", RULES), "public")


def strata(dim, values):
    parts = [finding(v, stratum_dim=dim, stratum=s, **YEAR) for s, v in zip(tally.order(dim), values, strict=True)]
    return disclosure.release(pd.concat(parts, ignore_index=True), "public")


def blocks(trend):
    weapons = strata("weapon_group", [300, 60, 44, 5, 0, 38])
    week = strata("time_band_12", range(0, 120, 10))
    boroughs = pd.concat(
        [finding(20.0 * i, place=g, **YEAR) for i, g in enumerate(places.boroughs()["gss"])], ignore_index=True
    )
    yield figures.trend(trend, title="T", event=("2024-03", "start"))
    yield figures.bars(weapons, title="T", name="w", labels=figures.stratum_labels("weapon_group"))
    yield figures.week(week, title="T")
    yield figures.lines(trend, by="source", title="T", name="l")
    yield maps.boroughs(disclosure.release(boroughs, "public"), title="T")
    yield tables.by_month(trend, title="T")
    yield tables.by_stratum(weapons, title="T", name="w", head="Method")


def test_each_block_is_stamped_and_says_synthetic(trend):
    for block in blocks(trend):
        data, meta = block._repr_mimebundle_()
        assert meta["istv"]["digest"] == digest(data)
        assert meta["istv"]["audience"] == "public"
        assert "SYNTHETIC" in meta["istv"]["title"]
        if "image/png" in data:
            assert meta["image/png"]["alt"].startswith("SYNTHETIC")
            assert 20 <= len(meta["image/png"]["alt"]) <= 600
            picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
            assert picture.size[0] > 800
            assert {"heading", "note"} <= set(meta["istv"])
            assert not picture.info.get("Software")


def test_the_same_findings_give_the_same_bytes(trend):
    assert [b.data for b in blocks(trend)] == [b.data for b in blocks(trend)]


def test_a_withheld_figure_is_in_no_byte_of_the_block():
    block = tables.by_stratum(strata("weapon_group", [300, 60, 44, 5, 0, 38]), title="T", name="w", head="Method")
    glass = next(line for line in block.data["text/csv"].splitlines() if ",glass," in line)
    assert "[c]" in glass
    assert ",5," not in glass.replace("2024-01,2024-12", "")
    assert ">5<" not in block.data["text/html"]


def test_tables_have_caption_scopes_and_a_key(trend):
    html = tables.by_month(trend, title="Months").data["text/html"]
    assert html.count("<caption>") == 1
    assert 'scope="col"' in html
    assert html.count('scope="row"') == 36
    assert "rounded to the nearest 5" in html


@pytest.mark.parametrize("draw", [figures.trend, tables.by_month])
def test_what_has_not_passed_the_gate_cannot_be_drawn(draw):
    with pytest.raises(errors.DisclosureError, match="Only released findings"):
        draw(finding(50), title="T")


def test_nothing_to_draw_is_told_not_raised():
    empty = disclosure.release(finding(np.nan, status="no_data", coverage=0.0), "public")
    assert "No month can be shown" in figures.trend(empty, title="T").alt
    assert (
        "No series"
        in figures.lines(disclosure.release(finding(50).iloc[:0], "public"), by="source", title="T", name="x").alt
    )


def test_a_map_leaves_small_boroughs_without_colour():
    small = disclosure.release(finding(5, **YEAR), "public")
    alt = maps.boroughs(small, title="T").alt
    assert "No borough can be shown. Not coloured: 1 with fewer than 10 or a withheld figure." in alt


def month(value, at, **more):
    return finding(value, period_start=at, period_end=at, **more)


SIX = [
    month(50, "2024-01", flags="break"),
    month(40, "2024-02", flags="revised"),
    month(4, "2024-03"),
    month(np.nan, "2024-04", status="no_data", coverage=0.0),
    month(30, "2024-05", status="gated", coverage=0.5),
    month(45, "2024-06", status="provisional", flags="tested;revised;break", limit_low=30, limit_high=60, expected=45),
]
QUARTER = {"measure": "attendances", "source": "ed", "place": CAMDEN, "stratum_dim": "", "step": "quarter"}


def test_every_symbol_stands_in_chart_table_and_csv_and_only_those_used_are_explained():
    trend = disclosure.release(pd.concat(SIX, ignore_index=True), "public")
    drawn, table = figures.trend(trend, title="T"), tables.by_month(trend, title="T")
    symbols = ["[c]", "[x]", "[i]", "[p]", "[r]", "[b]"]
    for told in (drawn.stamp["note"], table.data["text/html"].split("<thead>")[0]):
        assert [s for s in symbols if f"{s} " not in told] == []
    assert "45 [p] [r] [b]" in table.data["text/html"]
    assert 'class="number">45 [p] [r] [b]<' in table.data["text/html"]
    rows = list(csv.DictReader(io.StringIO(table.data["text/csv"])))
    assert [row["symbol"] for row in rows] == ["[b]", "[r]", "[c]", "[x]", "[i]", "[p] [r] [b]"]
    assert "drawn hollow" in drawn.alt
    assert "1 month is withheld" in drawn.alt
    plain = disclosure.release(pd.concat([month(50, f"2024-0{m}") for m in (1, 2)], ignore_index=True), "public")
    assert "[" not in figures.trend(plain, title="T").stamp["note"]
    assert "[" not in tables.by_month(plain, title="T").data["text/html"]


def test_a_quarter_stands_in_the_table_and_the_chart_leaves_it_out():
    year = pd.concat([month(9 + 9 * m, f"2024-0{m}") for m in range(1, 7)], ignore_index=True)
    trend = disclosure.release(year, "public", decisions=[QUARTER | {"period": "2024-Q1"}])
    html = tables.by_month(trend, title="T").data["text/html"]
    heads = [line.split("</th>")[0].split('">')[-1] for line in html.splitlines() if 'scope="row"' in line]
    assert heads == [
        "June 2024", "May 2024", "April 2024", "March 2024", "Jan 2024 to Mar 2024", "February 2024", "January 2024",
    ]  # fmt: skip
    drawn = figures.trend(trend, title="T")
    assert "of 6 months" in drawn.alt
    assert "3 months are withheld" in drawn.alt
    wide = tables.wide(trend, title="T", name="w", head="Month", down="period_start", across="source")
    assert "Jan 2024 to Mar 2024" in wide.data["text/html"]
    assert figures.lines(trend, by="source", title="T", name="l").stamp["note"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"limit_low": 30, "limit_high": 60, "flags": "tested"}, "No clear change in June 2024"),
        ({"limit_low": 30, "limit_high": 40, "flags": "tested;above_limit"}, "Higher than expected in June 2024"),
        ({"limit_low": 60, "limit_high": 70, "flags": "tested;below_limit"}, "Lower than expected in June 2024"),
        ({"limit_high": 40, "flags": "tested;above_limit", "status": "gated"}, "June 2024 is incomplete"),
        ({"flags": "no_baseline"}, "50 in June 2024, and nothing yet to compare with"),
        ({"value": 5.0}, "June 2024 is withheld to protect people"),
        ({"value": np.nan, "status": "no_data"}, "No data can be shown for June 2024"),
    ],
)
def test_the_heading_of_a_chart_says_what_it_comes_to(more, said):
    trend = disclosure.release(month(50, "2024-06").assign(**more), "public")
    block = figures.trend(trend, title="Attendances per month in Camden")
    assert block.stamp["heading"].startswith(said)
    assert said in block.alt or np.isnan(more.get("value", 50)) or more.get("value") == 5


def test_boroughs_of_a_size_share_a_scale():
    trends = [disclosure.release(month(v, "2024-06"), "public") for v in (30, 45, 80, 1500)]
    ends = [figures.trend(t, title="T").stamp["note"] for t in trends]
    assert ["ends at 50," in end for end in ends] == [True, True, False, False]
    assert "ends at 100," in ends[2]
    assert "scale" not in ends[3]


def test_a_week_has_its_table_and_merged_bands_a_row_of_their_own():
    released = strata("time_band_12", range(10, 130, 10))
    html = tables.week(released, title="T").data["text/html"]
    assert [part for part in ("Mon-Thu", "Fri-Sat", "Sun", "06:00-11:59") if part not in html] == []
    bands = [f"{day} 06:00-11:59" for day in ("Mon-Thu", "Fri-Sat", "Sun")]
    decision = QUARTER | {"stratum_dim": "time_band_12", "period": "2024", "step": "merge"}
    parts = [finding(20.0, stratum_dim="time_band_12", stratum=s, **YEAR) for s in bands]
    findings = pd.concat(parts, ignore_index=True).assign(n=60.0)
    merged = disclosure.release(findings, "public", decisions=[decision])
    assert "Mon-Thu, Fri-Sat, or Sun" in tables.week(merged, title="T").data["text/html"]
    assert figures.week(merged, title="T").stamp["heading"] == "No time can be shown"


@pytest.mark.parametrize(
    ("stratum", "said"),
    [
        ("knife", "Knife or sharp object"),
        ("knife+blunt", "Knife or sharp object, or blunt object"),
        ("blunt+body", "Blunt object or body part (fist, foot, head)"),
        ("new", "new"),
    ],
)
def test_merged_strata_are_joined_by_or(stratum, said):
    assert _marks.label(stratum, figures.stratum_labels("weapon_group")) == said
    assert _marks.label("a+b", {"a": "Ash", "b": "Birch"}) == "Ash or birch"
    assert _marks.label("65+", {"a": "Ash"}) == "65 and over"
