"""What people are asked, what their answers become, and that accuracy is measured without bias."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import errors, params, review

RULES = params.defaults()
DAY = "2024-03-05"
MATCH = {"x": np.nan, "y": np.nan, "precision_class": "none", "radius_m": np.nan, "location_p": 0.0, "matched": ""}
MATCH |= {"prior_decided": False, "borough_gss": "", "matched_kind": "", "gap": np.nan, "faults": ""}
CAMDEN = (529500.0, 184000.0)


def texts(*groups):
    """Return records from (words, site, number, what was found)."""
    rows = [{**MATCH, "words": words, "site_code": site, **found} for words, site, n, found in groups for _ in range(n)]
    return pd.DataFrame(rows).assign(record_id=[f"r{i:06d}" for i in range(len(rows))])


def street(x=CAMDEN[0], p=0.6, **more):
    found = {"x": x, "y": CAMDEN[1], "precision_class": "street", "radius_m": 120.0, "location_p": p}
    return found | {"matched": "Heron Lane", "borough_gss": "E09000007"} | more


HOME, NONE = {"precision_class": "home"}, {}
WORLD = texts(
    ("heron lane", "A", 30, street()), ("heron lane", "B", 10, street()),
    ("kettle road", "A", 9, street()), ("kettle road", "B", 8, street(x=530500.0)),
    ("gilded otter", "A", 20, NONE), ("at home", "A", 60, HOME), ("unknown", "B", 25, NONE), ("", "B", 50, NONE),
    *((f"place{chr(97 + i)} road", "A", 1, street(p=0.9)) for i in range(26)),
)  # fmt: skip


def asked(world=WORLD, size=12, seed=1, decisions=None):
    held = review.empty() if decisions is None else decisions
    return review.queue(world, size=size, rng=np.random.default_rng(seed), decisions=held)


class TestQueue:
    def test_the_costliest_texts_come_first_and_homes_are_not_asked(self):
        for seed in range(20):
            every = asked(size=24, seed=seed)
            found, audit = every[every["sample"] == "queue"], every[every["sample"] == "audit"]
            assert (np.diff(found["n"] * (1 - found["p"])) <= 1e-9).all()
            assert not set(found["text"]) & {"at home", "unknown", ""}
            assert {"gilded otter", "heron lane"} <= set(every["text"])
            assert set(audit["drawn"] > 0) == {True}
            assert every["answer"].isin(["no place found", "Heron Lane (street)", "home"]).all()

    def test_where_sites_differ_each_is_asked_for_itself(self):
        found = asked(size=200).set_index("text")
        assert sorted(found.loc["kettle road", "scope"]) == ["A", "B"]
        assert found.loc["heron lane", "scope"] == "all"

    def test_columns_ids_and_half(self):
        found = asked()
        assert list(found.columns[: len(review.SHOWN)]) == review.SHOWN
        assert found["id"].is_unique
        assert (found[review.FILL] == "").all(axis=None)
        sizes = [(asked(seed=s)["sample"] == "audit").sum() for s in range(25)]
        assert 5 <= np.mean(sizes) <= 7
        assert len(found) == 12

    @settings(max_examples=15)
    @given(seed=st.integers(0, 99), order=st.randoms())
    def test_the_order_of_records_is_nothing_and_the_seed_is_all(self, seed, order):
        rows = list(range(len(WORLD)))
        order.shuffle(rows)
        pd.testing.assert_frame_equal(asked(seed=seed), asked(WORLD.iloc[rows], seed=seed))

    def test_an_area_that_is_named_alone_is_not_asked_but_a_doubtful_one_is(self):
        area = street(p=0.2) | {"precision_class": "area"}
        more = texts(("camden town", "A", 90, area), ("camden lane", "A", 5, area | {"faults": "WORDS.left"}))
        for seed in range(9):
            found = asked(pd.concat([WORLD, more]).assign(record_id=range(len(WORLD) + 95)), size=40, seed=seed)
            assert "camden town" not in set(found.loc[found["sample"] == "queue", "text"])
            assert "camden lane" in set(found["text"])

    def test_what_is_decided_is_not_asked_again(self):
        held = decided(("gilded otter", "all", "none"), ("kettle road", "A", "home"))
        found = asked(size=200, decisions=held)
        assert "gilded otter" not in set(found["text"])
        assert found.loc[found["text"] == "kettle road", "scope"].tolist() == ["B"]

    def test_nothing_to_ask(self):
        assert asked(WORLD[WORLD["words"] == ""]).empty
        assert len(asked(size=10_000)) == 32


def decided(*rows, **more):
    frame = pd.DataFrame(rows, columns=["text", "scope", "decision"]).assign(
        precision_class=lambda f: f["decision"], reviewer="ab", decided_on="2024-01-01", superseded_on=""
    )
    return review.read(review.write(frame.assign(**more).reindex(columns=review.empty().columns)))


def entry(name, kind, x, *, gss="E09000007", place="", alias="official", y=CAMDEN[1], radius=100.0):
    row = {"name": name, "display": name.title(), "alias": alias, "kind": kind, "type": "", "place": place or name}
    return row | {"x": x, "y": y, "radius_m": radius, "borough_gss": gss, "source": "made", "licence": "MIT"}


NAMES = pd.DataFrame(
    [
        entry("gilded otter", "venue", 529500.0), entry("nw5 2ab", "postcode", 529000.0),
        entry("high street", "street", 529000.0, place="s1"), entry("high street", "street", 529200.0, place="s1"),
        entry("high street", "street", 534500.0, gss="E09000012", place="s2"), entry("mill lane", "street", 529300.0),
        entry("camden", "borough", np.nan, y=np.nan, radius=np.nan), entry("camden", "area", 529100.0, place="a"),
        entry("compass", "station", 529000.0, alias="bare", place="c"), entry("compass", "area", 529900.0, place="d"),
    ]
)  # fmt: skip


def fill(queue, **given):
    """Return the sheet with {text: (decision, place, radius)} filled in, as a spreadsheet saves it."""
    sheet = queue[review.SHOWN].copy()
    for text, (decision, place, radius) in given.items():
        at = sheet["text"] == text.replace("_", " ")
        sheet.loc[at, ["decision", "place", "radius_m", "reviewer"]] = [decision, place, radius, "ab"]
    return review.sheet(("\ufeff" + sheet.to_csv(index=False)).encode(), filename="q.csv")


QUEUE = asked(size=200)


def take(filled, held=None, on=DAY):
    decisions = review.empty() if held is None else held
    return review.take(filled, QUEUE, decisions, NAMES, on=on, gazetteer_version="v", rules=RULES)


class TestTake:
    @pytest.mark.parametrize(
        ("place", "radius", "x", "fine", "radius_m"),
        [
            ("Gilded Otter", "", 529500, "point", 100),
            ("NW5 2AB", "60", 529000, "point", 60),
            ("529123, 184056", "", 529123, "point", 100),
            ("529123184056", "400", 529123, "area", 400),
            ("High Street, Camden", "", 529100, "street", 100),
            ("High Street / Mill Lane", "", 529250, "junction", 100),
            ("High Street, Camden / Mill Lane", "", 529250, "junction", 100),
            ("Compass", "", 529900, "area", 100),
            ("High Street", "", None, None, None),
            ("Nowhere Row", "", None, None, None),
            ("High Street, Narnia", "", None, None, None),
            ("100000 100000", "", None, None, None),
            ("Gilded Otter", "-3", None, None, None),
        ],
    )
    def test_places(self, place, radius, x, fine, radius_m):
        filled = fill(QUEUE, gilded_otter=("place", place, radius))
        if x is None:
            with pytest.raises(errors.IntakeError, match=r"row \d+, (place|radius_m): ") as caught:
                take(filled)
            assert "otter" not in str(caught.value).lower()
            return
        line = take(filled).iloc[0]
        assert (line["x"], line["precision_class"], line["radius_m"]) == (x, fine, radius_m)
        assert (line["decision"], line["reviewer"], line["decided_on"]) == ("place", "ab", DAY)

    def test_a_borough_goes_before_an_area_and_has_a_point_in_it(self):
        line = take(fill(QUEUE, gilded_otter=("place", "Camden", "5000"))).iloc[0]
        assert (line["precision_class"], line["name"], line["x"] > 0) == ("borough", "Camden", True)

    def test_right_means_that_the_answer_stands(self):
        found = take(fill(QUEUE, heron_lane=("Right", "", ""), at_home=("right", "", ""), unknown=("RIGHT ", "", "")))
        found = found.set_index("text")
        assert found["decision"].to_dict() == {"at home": "home", "heron lane": "place", "unknown": "none"}
        assert found.loc["heron lane", ["x", "asked_x", "name"]].tolist() == [CAMDEN[0], CAMDEN[0], "Heron Lane"]
        assert found.loc["at home", ["x", "y"]].isna().all()

    @pytest.mark.parametrize(
        ("given", "column"),
        [({"decision": "maybe"}, "decision"), ({"reviewer": ""}, "reviewer"), ({"id": "q12"}, "id"),
         ({"decision": "place", "place": ""}, "place"), ({"decision": "", "place": "x"}, "decision")],
    )  # fmt: skip
    def test_faults_name_row_and_column_and_no_text(self, given, column):
        filled = fill(QUEUE, gilded_otter=("home", "", ""))
        at = filled["decision"] == "home"
        row = filled.loc[at, "row"].iloc[0]
        filled.loc[at, list(given)] = list(given.values())
        with pytest.raises(errors.IntakeError, match=rf"row {row}, {column}: ") as caught:
            take(filled)
        assert "otter" not in str(caught.value)

    def test_two_decisions_of_one_day_are_a_conflict_and_later_ones_win(self):
        one, two = (fill(QUEUE, gilded_otter=(kind, "", "")) for kind in ("home", "none"))
        both = pd.concat([one, two.assign(row=two["row"] + 100)])
        with pytest.raises(errors.IntakeError, match="decided otherwise by another row"):
            take(both)
        held = take(one)
        with pytest.raises(errors.IntakeError, match="another reviewer on the same day"):
            take(two.assign(reviewer=two["reviewer"].replace("ab", "cd")), held)
        after = take(two.assign(reviewer="cd"), held, on="2024-03-06")
        assert after[["decision", "decided_on", "superseded_on"]].to_numpy().tolist() == [
            ["home", DAY, "2024-03-06"], ["none", "2024-03-06", ""]
        ]  # fmt: skip
        assert review.current(after)["decision"].tolist() == ["none"]
        with pytest.raises(errors.IntakeError, match="or later"):
            take(one, after, on=DAY)
        assert review.version(after) != review.version(held)
        assert review.version(after) == review.version(after.iloc[::-1])

    def test_taken_in_twice_is_taken_in_once_and_the_file_reads_as_written(self):
        filled = fill(QUEUE, gilded_otter=("place", "Gilded Otter", ""), heron_lane=("right", "", ""))
        once = take(filled.assign(reason="=1+1"))
        again = take(filled, once, on="2024-04-01")
        pd.testing.assert_frame_equal(once, again)
        pd.testing.assert_frame_equal(review.read(review.write(once)), once)
        assert b"'=1+1" in review.write(once)

    def test_files_that_are_none(self):
        for content in (b"", b"a,b\n1,2", b"\xff\xfe\x00\x01\x02"):
            with pytest.raises(errors.IntakeError, match="lacks the column"):
                review.sheet(content, filename="q.csv")
        semicolons = b"id;decision;place;radius_m;reviewer;reason;text\nq1;home;;;ab;;x\n"
        assert review.sheet(semicolons, filename="q.csv").loc[0, ["decision", "row"]].tolist() == ["home", 2]
        with pytest.raises(errors.StoreError, match="row 2: column decision"):
            review.read(review.write(decided(("x", "all", "home"))).replace(b"home", b"hoam"))
        with pytest.raises(errors.StoreError, match="lacks the column scope"):
            review.read(b"text,decision\nx,home\n")


def audit(*rows):
    """Return decisions from (class asked, p, x asked, decision, x decided, drawn)."""
    names = ["asked_class", "asked_p", "asked_x", "decision", "x", "drawn"]
    frame = pd.DataFrame(rows, columns=names).assign(
        asked_y=CAMDEN[1], y=CAMDEN[1], precision_class="street", sample="audit", superseded_on="", scope="all",
        text=[f"t{i}" for i in range(len(rows))],
    )  # fmt: skip
    return frame.reindex(columns=review.empty().columns)


class TestAccuracy:
    def test_shares_intervals_and_false_matches(self):
        at = CAMDEN[0]
        held = audit(
            ("street", 0.8, at, "place", at + 250, 3), ("street", 0.8, at, "place", at + 251, 1),
            ("street", 0.55, at, "home", np.nan, 2), ("home", 0, np.nan, "home", np.nan, 4),
            ("none", 0, np.nan, "none", np.nan, 2), ("none", 0, np.nan, "place", at, 1),
        )  # fmt: skip
        unused = pd.concat([held.assign(sample="queue"), held.assign(superseded_on=DAY)])
        found = review.accuracy(pd.concat([held, unused]), RULES.replaced(map_p_least=0.6))
        shares = found.set_index(["measure", "stratum"])
        get = lambda m, s: shares.loc[(m, s), ["numerator", "n"]].tolist()  # noqa: E731
        assert get("right", "") == [9, 13]
        assert get("right", "street") == [3, 6]
        assert get("right", "home") == [4, 4]
        assert get("right", "none") == [2, 3]
        assert get("false_match", "given") == [2, 8]
        assert get("false_match", "map") == [0, 8]
        assert get("calibration", "0.8") == [3, 4]
        assert shares.loc[("calibration", "0.5"), "expected"] == pytest.approx(0.55)
        assert shares["value"].between(shares["lower"] - 1e-9, shares["upper"] + 1e-9).all()

    def test_without_an_audit_there_is_no_share(self):
        assert review.accuracy(review.empty(), RULES).empty

    def test_the_estimate_is_unbiased_over_many_audits(self):
        truth = WORLD["words"].isin(["at home", "unknown", "heron lane"])
        share = truth[WORLD["words"] != ""].mean()
        got = []
        for seed in range(60):
            queue = asked(seed=seed).query("sample == 'audit'")
            good = queue["text"].isin(["at home", "unknown", "heron lane"])
            got.append((queue["drawn"] * good).sum() / queue["drawn"].sum())
        assert np.mean(got) == pytest.approx(share, abs=0.03)
