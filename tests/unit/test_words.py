"""Sentences for every state the numbers can be in, and the words that are never used."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from lxml import html as lxml_html

from istv_lib import _clean, _lint, _page, disclosure, errors, figures, tables, words
from tests.unit import made_pages
from tests.unit.test_disclosure import finding

FORBIDDEN = re.compile(
    r"\b(hidden|unreported|over-policed|caused|crime|record high|hot.?spot|rose|fell|increased?|decreased?)\b",
    re.IGNORECASE,
)
WAYS = re.compile(r"\b(higher|lower)\b")
TESTED = {"flags": "tested", "limit_low": 30, "limit_high": 60, "expected": 45, "coverage": 1.0}
ABOVE, BELOW = (TESTED | {"flags": f"tested;{way}_limit"} for way in ("above", "below"))
GATED = {"status": "gated", "coverage": 0.6}
NO_DATA = {"status": "no_data", "coverage": 0.0}
NEWEST = TESTED | {"status": "provisional"}
CASES = [
    (50, TESTED, "public", "about 50", "no clear change"),
    (53, TESTED, "partner", "had 53 ", "expected range of 30 to 60"),
    (80, ABOVE, "public", "about 80", "higher than the expected range of 30 to 60,"),
    (
        62,
        ABOVE | {"limit_high": 61},
        "public",
        "about 60",
        "higher than the expected range of 30 to 60 before rounding",
    ),
    (20, BELOW, "public", "about 20", "lower than the expected range of 30 to 60,"),
    (4, TESTED, "public", "withheld", "not compared"),
    (4, ABOVE, "public", "withheld", "not compared"),
    (0, TESTED, "public", "no attendance", "no clear change"),
    (1, TESTED | {"limit_low": 0}, "partner", "had 1 attendance at", "no clear change"),
    (25, GATED | {"flags": "tested"}, "public", "about 25", "60% of the data usually received"),
    (25, ABOVE | GATED, "public", "about 25", "more attendances were counted than is usual for that part"),
    (3, GATED, "public", "withheld", "60% of the data usually received"),
    (np.nan, NO_DATA, "public", "No data can be shown", "gap in the data"),
    (50, {"flags": "no_baseline", "coverage": 1.0}, "public", "about 50", "not yet enough earlier months"),
    (50, {"coverage": 1.0}, "public", "about 50", "no expected range"),
    (50, NEWEST | {"flags": "tested;revised;break"}, "public", "about 50", "no clear change"),
]


@pytest.mark.parametrize(("value", "more", "audience", "counted", "compared"), CASES)
def test_each_state_has_its_sentence(value, more, audience, counted, compared):
    released = disclosure.release(finding(value, **more), audience)
    row = released.table.iloc[0]
    said = words.count(row, "Camden", rounded=audience == "public")
    against = words.compared(row)
    assert counted in said
    assert compared in against
    assert len(_clean.sentences(against)) == 1
    assert not FORBIDDEN.search(said + against)
    outside = "_limit" in more.get("flags", "") and "status" not in more and "withheld" not in counted
    assert bool(WAYS.search(against)) == outside


def test_a_withheld_number_is_never_printed():
    row = disclosure.release(finding(4, **TESTED), "public").table.iloc[0]
    assert "4" not in words.count(row, "Camden").replace("2024", "")


def sites_row(sent, expected, audience="public"):
    return disclosure.release(finding(sent, measure="sites_sent", unit="site", denominator=expected), audience)


@pytest.mark.parametrize(
    ("sent", "expected", "said"),
    [
        (3, 4, "3 of the 4 hospitals that usually supply Camden sent data"),
        (4, 4, "All 4 hospitals that usually supply Camden sent data"),
        (0, 4, "None of the 4 hospitals that usually supply Camden sent data"),
        (1, 1, "The one hospital that usually supplies Camden sent data"),
        (0, 1, "The one hospital that usually supplies Camden did not send data"),
        (0, 0, "It is not yet known which hospitals supply Camden"),
    ],
)
def test_hospitals_that_sent_data_are_counted(sent, expected, said):
    assert words.sent(sites_row(sent, expected).table.iloc[0], "Camden") == said


def opening(trend, sites=None, place="Camden"):
    settings = SimpleNamespace(area=SimpleNamespace(name=place))
    return words.headline(settings, trend, sites or sites_row(4, 4)).data["text/markdown"]


FIVE = [
    (50, TESTED, ["in March 2024", "happened in Camden", "About 50 were recorded.", "no clear change", "about 100%"]),
    (50, NEWEST, ["were recorded so far.", "no clear change", "late files can still change the figure"]),
    (0, TESTED | {"limit_low": 0}, ["No such visit was recorded."]),
    (80, ABOVE, ["About 80 were recorded.", "higher than the expected range"]),
    (20, BELOW, ["lower than the expected range"]),
    (4, TESTED, ["The number is withheld to protect people.", "A withheld number is not compared", "All 4 hospitals"]),
    (4, NEWEST, ["The number is withheld", "late files can still change"]),
    (25, GATED, ["About 25 were recorded.", "so this month is incomplete"]),
    (np.nan, NO_DATA, ["No number can be shown", "a gap in the data, not an absence"]),
    (50, {"flags": "no_baseline", "coverage": np.nan}, ["not yet enough earlier months"]),
    (50, TESTED | {"flags": "tested;revised;break"}, ["sent the month again", "one joined, closed or merged"]),
]


@pytest.mark.parametrize(("value", "more", "parts"), FIVE)
def test_a_public_page_opens_with_five_sentences_in_every_state(value, more, parts):
    text = opening(disclosure.release(finding(value, **more), "public"))
    assert len(_clean.sentences(text)) == 5, text
    assert text.startswith("**SYNTHETIC:** These are visits to London's emergency departments")
    assert [part for part in parts if part not in text] == []
    assert "Methods and limits" in text
    assert not FORBIDDEN.search(text)
    assert not WAYS.search(text) or "_limit" in more["flags"]
    page = _page.render(made_pages.notebook(lead=made_pages.headline(text)), made_pages.page())
    shown = lxml_html.document_fromstring(page).find_class("headline")[0].findall("p")
    assert len(shown) == 5
    assert _lint.check_page(page) == []


def test_a_month_withheld_for_a_quarter_is_told_with_the_quarter():
    year = [
        finding(v, period_start=m, period_end=m)
        for v, m in zip((9, 12, 30), ("2024-01", "2024-02", "2024-03"), strict=True)
    ]
    decision = {"measure": "attendances", "source": "ed", "place": "E09000007", "stratum_dim": "", "period": "2024-Q1"}
    trend = disclosure.release(pd.concat(year, ignore_index=True), "public", decisions=[decision | {"step": "quarter"}])
    text = opening(trend)
    assert "withheld to protect people; for January 2024 to March 2024 together there were about 50.**" in text
    assert len(_clean.sentences(text)) == 5
    assert "in March 2024" in text


def test_places_read_well_and_a_lone_visit_too():
    trend = disclosure.release(finding(1, **TESTED | {"limit_low": 0}), "partner")
    assert "had 1 attendance at" in opening(trend)
    released = disclosure.release(finding(50, **TESTED), "public")
    assert "happened in the City of London." in opening(released, place="City of London")
    assert "because of an assault.\n" in opening(released, place="London")


def test_partners_read_the_exact_figure_in_one_paragraph():
    text = opening(disclosure.release(finding(53, **NEWEST), "partner"), sites_row(3, 4, "partner"))
    assert "Camden had 53 attendances" in text
    assert "3 of the 4 hospitals" in text
    assert "provisional: late files can still change it." in text
    assert "\n" not in text


def test_words_refuse_what_has_not_passed_the_gate():
    with pytest.raises(errors.DisclosureError, match="Only released findings"):
        words.say(finding(50), "something")


def test_the_largest_stratum_leaves_not_known_aside_and_says_n():
    parts = [
        finding(90, stratum_dim="weapon_group", stratum="unknown"),
        finding(60, stratum_dim="weapon_group", stratum="body"),
        finding(3, stratum_dim="weapon_group", stratum="knife"),
    ]
    year = {"period_start": "2024-01", "period_end": "2024-12", "n": 153.0, "share_used": 0.9}
    released = disclosure.release(pd.concat(parts, ignore_index=True).assign(**year), "public")
    drawn = figures.bars(released, title="T", name="w", labels={"body": "Body part"}).stamp
    assert drawn["heading"] == "Most often: body part"
    assert "n = 155, 90% of all" in drawn["note"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([270, 35, 40], "Most often: body"),
        ([40, 40, 20], "Most often: body and Knife"),
        ([5, 3, 2], ""),
        ([0, 0, 0], ""),
    ],
)
def test_the_most_frequent_is_said_only_as_far_as_released_figures_tell(values, said):
    year = {"stratum_dim": "weapon_group", "period_start": "2024-01", "period_end": "2024-12"}
    parts = [finding(v, stratum=s, **year) for v, s in zip(values, ("body", "knife", "blunt"), strict=True)]
    released = disclosure.release(pd.concat(parts, ignore_index=True), "public")
    drawn = figures.bars(released, title="T", name="w", labels={"body": "Body", "knife": "Knife"})
    assert drawn.stamp["heading"] == said


def test_merged_classes_are_named_and_what_they_keep_back_is_not_forgotten():
    year = {"stratum_dim": "weapon_group", "period_start": "2024-01", "period_end": "2024-12"}
    names = ["body", "knife", "blunt", "glass", "other", "unknown"]
    parts = [finding(v, stratum=s, **year) for v, s in zip((30, 25, 9, 9, 9, 9), names, strict=True)]
    decision = {"measure": "attendances", "source": "ed", "place": "E09000007", "stratum_dim": "weapon_group"}
    decision |= {"period": "2024", "step": "merge"}
    released = disclosure.release(pd.concat(parts, ignore_index=True), "public", decisions=[decision])
    labels = figures.stratum_labels("weapon_group")
    text = figures.bars(released, title="T", name="w", labels=labels).stamp["heading"]
    assert text.startswith("Of those shown, most often: knife or sharp object, blunt object, glass")
    assert (
        "Knife or sharp object, blunt object, glass or bottle, or other"
        in tables.by_stratum(released, title="T", name="w", head="Method", labels=labels).data["text/html"]
    )
    assert (
        figures.bars(released, title="T", name="w", labels=labels)
        .stamp["heading"]
        .startswith("Of those shown, most often")
    )


def ratio(value, lower, upper):
    return finding(
        value, measure="ratio_of_ratios", unit="rate", lower=lower, upper=upper, period_start="2022-10",
        period_end="2024-09", flags="placebo_rank 1 of 33", n=600.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "lower", "upper", "said", "not_said"),
    [
        (0.9, 0.7, 1.1, "no clear change", "fell|rose"),
        (0.7, 0.6, 0.8, "fell by 30% (95% interval -40% to -20%)", "rose|no clear"),
        (1.4, 1.2, 1.6, "rose by 40% (95% interval +20% to +60%)", "fell|no clear"),
        (np.nan, np.nan, np.nan, "cannot be shown", "fell|rose|nan"),
    ],
)
def test_a_change_is_said_only_where_the_interval_leaves_out_no_change(value, lower, upper, said, not_said):
    result = disclosure.release(ratio(value, lower, upper), "public")
    trend = disclosure.release(finding(50, **TESTED), "public")
    told = {"action": "the programme", "start": "2023-10", "length": 12, "summary": "It began."}
    one = words.assessment(result, action="the programme").data["text/markdown"]
    two = words.case(result, trend, told, "Camden").data["text/markdown"]
    assert said in one
    assert said in two
    assert not re.search(not_said, one + two)
    assert len(_clean.sentences(two)) == 5
    assert ("1 of 33" in two) == (not np.isnan(value))
    partner = words.case(disclosure.release(ratio(0.9, 0.7, 1.1), "partner"), trend, told, "Camden")
    assert partner.data["text/markdown"].startswith("**SYNTHETIC:** It began. After the programme")


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        (
            {"Mon-Thu 18:00-23:59": 60, "Fri-Sat 00:00-05:59": 40, "Sun 18:00-23:59": 12},
            "Most per night: Fri-Sat 00:00-05:59 (40)",
        ),
        (
            {"Mon-Thu 18:00-23:59": 60, "Fri-Sat 18:00-23:59": 65, "Sun 18:00-23:59": 35},
            "Most per night: Fri-Sat 18:00-23:59 (65) or Sun 18:00-23:59 (35)",
        ),
        ({"Mon-Thu 18:00-23:59": 20, "Sun 18:00-23:59": 4}, "Of those shown, most per night: Mon-Thu 18:00-23:59 (20)"),
        ({"Mon-Thu 18:00-23:59": 3, "Sun 18:00-23:59": 4}, "No time can be shown"),
    ],
)
def test_the_busiest_band_is_counted_per_night_and_no_closer_than_rounding_allows(bands, said):
    year = {"stratum_dim": "time_band_12", "period_start": "2024-01", "period_end": "2024-12"}
    parts = [finding(v, stratum=s, **year) for s, v in bands.items()]
    findings = pd.concat(parts, ignore_index=True).assign(n=float(sum(bands.values())), share_used=0.8)
    assert figures.week(disclosure.release(findings, "public"), title="T").stamp["heading"] == said


def test_the_page_says_what_places_were_found_with_and_what_a_change_means():
    trend = disclosure.release(finding(50, **TESTED), "partner")
    told = words.limits(trend, version="0a1b2c-0-2").data["text/markdown"]
    assert "The version of the place list is 0a1b2c-0-2; whenever it changes" in told
    assert "place list" not in words.limits(trend).data["text/markdown"]
