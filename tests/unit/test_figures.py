"""Figures, maps and tables: only from released findings, with alternative text, the same bytes each time."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from istv_lib import disclosure, errors, figures, maps, monitor, places, tables, tally
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
    assert "no borough can be shown" in maps.boroughs(small, title="T").alt
