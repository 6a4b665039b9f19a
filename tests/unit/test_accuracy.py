"""Labelled texts: what is counted of them, with which intervals, and where they come from."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istv_lib import (
    _intervals,
    _labelled,
    accuracy,
    disclosure,
    errors,
    figures,
    places,
    review,
    schema,
    store,
    tables,
    words,
)
from tests.conftest import CAMDEN

AT, PERIOD = (529_100.0, 184_100.0), ("2024-12", "2024-12")


class Stub:
    """Finds every text that names metres so far east of the truth, with the probability that it names."""

    version = "a-b-c"

    def match(self, texts, sites=None):
        parts = texts.str.split(" ", expand=True).reindex(columns=range(3)).astype("object")
        away, p = pd.to_numeric(parts[0], errors="coerce"), pd.to_numeric(parts[1], errors="coerce")
        out = pd.DataFrame({"x": AT[0] + away, "y": AT[1] + 0 * away, "radius_m": 100.0, "location_p": p.fillna(0)})
        out["precision_class"] = parts[2].where(away.notna(), "none").fillna("street")
        out["borough_gss"] = places.borough_of(out["x"], out["y"])
        return out.assign(
            prior_decided=parts[2] == "prior", precision_class=out["precision_class"].replace("prior", "street")
        )


def label(rows):
    """Return judged labels from (text, kind, further labels)."""
    frame = pd.DataFrame([{"text": t, "kind": k, **more} for t, k, more in rows])
    frame[["x_true", "y_true"]] = np.where((frame["kind"] == "place").to_numpy()[:, None], AT, np.nan)
    frame = frame.assign(sample="labelled", synthetic=True)
    return accuracy.judge(_labelled._typed(frame), Stub())


@pytest.fixture
def rules(rules):
    return rules.replaced(map_p_least=0.5)


@pytest.fixture
def judged():
    rows = [("0 0.9", "place", {"style": "street", "site_code": "A", "typos": 0})] * 6
    rows += [("300 0.6", "place", {"style": "junction", "site_code": "B", "typos": 10})] * 2
    rows += [("unk", "place", {"style": "street", "typos": 2}), ("600 0.9 area", "place", {"style": "area"})]
    rows += [("unk", "none", {})] * 3 + [("0 0.9", "none", {})] + [("0 0.9 prior", "home", {})]
    return label(rows)


def of(found, measure, stratum=""):
    return found[(found["measure"] == measure) & (found["stratum"] == stratum)].iloc[0]


def test_no_text_is_kept(judged):
    assert list(judged) == schema.TABLES["place_accuracy"].names
    assert not judged.astype(str).isin(["unk", "0 0.9"]).any().any()
    assert set(judged["place_version"]) == {"a-b-c"}
    assert set(judged.loc[judged["kind"] == "place", "borough_true"]) == {CAMDEN}


def test_shares_are_of_what_they_say(judged, rules):
    found = accuracy.rates(judged, PERIOD, rules)
    shares = {"placed": (9, 10), "within_250": (6, 10), "within_500": (8, 10), "placed_within_250": (6, 9)}
    shares |= {"mapped": (8, 10), "false_any": (2, 5), "false_mapped": (1, 5), "mapped_right": (6, 9)}
    for measure, (hits, n) in shares.items():
        row = of(found, measure)
        assert (row["numerator"], row["n"]) == (hits, n), measure
        assert row["lower"] < row["value"] < row["upper"]
    assert np.isnan(of(found, "lsoa_right")["value"])
    assert of(found, "lsoa_right")["status"] == "no_data"


def test_distances_are_of_the_texts_that_were_placed(judged):
    found = accuracy.distances(judged, PERIOD)
    assert [of(found, m)["value"] for m in ("error_p50", "error_p90")] == pytest.approx([0, 360])
    assert of(found, "error_p95")["n"] == 9


def test_strata_stand_in_order_and_unknown_last(judged, rules):
    assert list(dict.fromkeys(accuracy.rates(judged, PERIOD, rules, by="typos")["stratum"])) == [
        "0",
        "2",
        "10",
        "unknown",
    ]
    kinds = accuracy.rates(judged, PERIOD, rules, by="precision_class")
    assert list(dict.fromkeys(kinds["stratum"])) == ["street", "area", "none"]
    assert of(kinds, "answered", "none")["value"] == 0.1
    assert of(kinds, "nameless", "street")["value"] == pytest.approx(2 / 10)
    sites = accuracy.rates(judged, PERIOD, rules, by="site_code")
    assert set(sites["place_type"]) == {"site"}
    assert set(sites["place"]) == {"A", "B", "unknown"}


def test_reliability_counts_points_for_nothing_as_wrong(judged, rules):
    found = accuracy.reliability(judged, PERIOD, rules)
    row = of(found, "reliability", "0.9 to 1.0")
    assert (row["value"], row["n"], row["expected"]) == (pytest.approx(6 / 9), 9, pytest.approx(0.9))
    assert of(found, "reliability", "0.6 to 0.7")["flags"] == ""
    score = (6 * 0.01 + 2 * 0.36 + 3 * 0.81) / 11
    assert of(found, "brier", "placed")["value"] == pytest.approx(score)
    assert of(found, "brier", "all")["value"] == pytest.approx(score * 11 / 15)


def test_the_threshold_is_the_least_that_reaches_the_aim(rules):
    rows = [(f"{0 if p > 55 else 900} 0.{p}", "place", {}) for p in range(40, 99)]
    found = accuracy.thresholds(label(rows), PERIOD, rules.replaced(map_p_least=0.7))
    assert of(found, "threshold_reached")["value"] == pytest.approx(0.54)
    assert of(found, "precision", "0.60")["value"] == 1
    assert of(found, "accepted", "0.70")["flags"] == "maps"
    none = accuracy.thresholds(label([("900 0.9", "place", {})]), PERIOD, rules)
    assert of(none, "threshold_reached")["status"] == "no_data"


def test_without_labels_everything_is_no_data_and_of_the_kind_told(judged, rules):
    none = judged.head(0)
    parts = [accuracy.rates(none, PERIOD, rules, by=by) for by in ("", "style", "site_code", "precision_class")]
    parts += [accuracy.reliability(none, PERIOD, rules), accuracy.thresholds(none, PERIOD, rules)]
    assert all(set(part["status"]) == {"no_data"} and not part["synthetic"].any() for part in parts)
    every, *_, sure, steps = (disclosure.release(part, "internal") for part in parts)
    assert "No text has been labelled" in words.accuracy(every, steps, rules).data["text/markdown"]
    assert "No text" in words.calibrated(sure).data["text/markdown"]
    assert "No text" in words.labelled(disclosure.release(parts[1], "internal")).data["text/markdown"]
    assert figures.reliability(sure, title="T").alt
    columns = {"placed": "Given a point"}
    assert "n\u00a0=\u00a00" in tables.rates(every, title="T", name="t", head="H", measures=columns).data["text/html"]


@pytest.mark.parametrize(("right", "told"), [(300, "better than"), (95, "agrees with"), (10, "falls short of")])
def test_the_headline_says_whether_maps_keep_their_promise(rules, right, told):
    judged = label([("0 0.9", "place", {})] * right + [("900 0.9", "place", {})] * (5 if right < 300 else 1))
    every, steps = (
        disclosure.release(f(judged, PERIOD, rules), "partner") for f in (accuracy.rates, accuracy.thresholds)
    )
    text = words.accuracy(every, steps, rules).data["text/markdown"]
    assert text.startswith("**SYNTHETIC:** Of ")
    assert told in text


def test_nothing_of_it_is_for_the_public(judged, rules):
    with pytest.raises(errors.DisclosureError, match="release plan"):
        disclosure.release(accuracy.rates(judged, PERIOD, rules), "public")


@given(st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_hold_the_share_and_lie_between_0_and_1(pair):
    hits, n = pair
    low, high = _intervals.wilson([hits], [n])
    assert np.isnan(low[0]) if n == 0 else 0 <= low[0] <= hits / n <= high[0] <= 1


def test_intervals_are_those_of_the_books():
    assert np.concatenate(_intervals.wilson([81], [263])) == pytest.approx([0.2553, 0.3662], abs=1e-4)
    assert np.concatenate(_intervals.difference([56], [70], [48], [80])) == pytest.approx([0.0524, 0.3339], abs=1e-4)


# ---- where labels come from --------------------------------------------------------------------------------------


@pytest.fixture
def where(tmp_path):
    for name in ("reference", "truth"):
        (tmp_path / "r" / name).mkdir(parents=True)
    return store.root(tmp_path / "r")


def test_an_audited_text_counts_as_often_as_it_was_drawn(where, rules):
    one = {"scope": "all", "x": 534_500.0, "y": 184_300.0, "sample": "audit", "drawn": 3, "decided_on": "2025-01-01"}
    rows = [
        one | {"text": "mare street", "decision": "place"},
        one | {"text": "unknown", "decision": "none", "drawn": 1},
    ]
    rows += [one | {"text": "well street", "decision": "place", "sample": "queue"}]
    held = pd.DataFrame(rows).assign(precision_class="street", reviewer="r").reindex(columns=list(review.empty()))
    (where.reference / "place_decisions.csv").write_bytes(review.write(held.astype("object").where(held.notna(), "")))
    found = _labelled.read(where, RECORDS, rules)
    assert found["text"].tolist() == ["mare street"] * 3 + ["unknown"]
    assert set(found["site_code"]) == {""}
    assert found["x_true"].isna().tolist() == [False] * 3 + [True]


def test_the_small_area_is_told_where_a_layer_is_there(where):
    assert _labelled.lsoa_of(where) is None
    square = {"type": "Polygon", "coordinates": [[[-0.2, 51.4], [0.0, 51.4], [0.0, 51.6], [-0.2, 51.6], [-0.2, 51.4]]]}
    feature = {"type": "Feature", "properties": {"LSOA21CD": "E01000001"}, "geometry": square}
    layer = json.dumps({"type": "FeatureCollection", "features": [feature]})
    (where.reference / "lsoa.geojson").write_text(layer, encoding="utf-8")
    find = _labelled.lsoa_of(where)
    assert find(pd.Series([529_100.0, 600_000.0, np.nan]), pd.Series([184_100.0] * 3)).tolist() == ["E01000001", "", ""]


RECORDS = pd.DataFrame({"record_id": ["b", "a", "c"], "location_text": ["home", "mare st", "x"], "synthetic": True})
TRUTH = "record_id,style,site_code,x,y,borough_gss,typos\na,street,S,530000,180000,E1,1\nb,home,S,530000,180000,E1,0\n"


def test_the_truth_of_a_synthetic_london_is_sampled_by_id(where, rules):
    (where.path / "truth" / "truth.csv").write_text(TRUTH, encoding="utf-8")
    found = _labelled.read(where, RECORDS, rules)
    assert found[["text", "kind", "sample"]].to_numpy().tolist() == [
        ["mare st", "place", "synthetic"], ["home", "home", "synthetic"],
    ]  # fmt: skip
    assert found["x_true"].isna().tolist() == [False, True]
    assert _labelled.read(where, RECORDS, {"accuracy_records_most": 1})["text"].tolist() == ["mare st"]


def test_a_users_labels_come_before_the_truth(where, rules):
    (where.path / "truth" / "truth.csv").write_text(TRUTH, encoding="utf-8")
    own = "\ufeffText,Easting,Northing,kind\nmare st,534500,184300,\nunk,,,\nbus,,,mobile\n"
    (where.reference / "labelled_texts.csv").write_text(own, encoding="utf-8")
    found = _labelled.read(where, RECORDS.assign(synthetic=False), rules)
    assert found[["text", "kind"]].to_numpy().tolist() == [["mare st", "place"], ["unk", "none"], ["bus", "mobile"]]
    assert not found["synthetic"].any()
    assert len(_labelled.read(where, RECORDS.head(0), rules)) == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("text,easting\nmare st,1\n", "lacks the column northing"),
        ("text,easting,northing\nmare st,534500,184300\nmare st,51.5,-0.1\n", "in 1 rows, first in row 3"),
        ("text,easting,northing,kind\nmare st,,,place\n", "a place without coordinates"),
        ("text,easting,northing,kind\nmare st,,,pub\n", "a kind that is not"),
        ("", "no comma-separated file"),
    ],
)
def test_a_file_of_labels_that_cannot_be_used_is_refused_without_its_texts(where, rules, content, told):
    (where.reference / "labelled_texts.csv").write_text(content, encoding="utf-8")
    with pytest.raises(errors.IntakeError, match=told) as refused:
        _labelled.read(where, RECORDS, rules)
    assert "mare" not in str(refused.value)
