"""Roots, atomic tables, lineage and the release ledger."""

import pandas as pd
import pytest

from istv_lib import errors, params, places, schema, store
from tests.conftest import CAMDEN, HACKNEY, make_events


def test_a_root_inside_the_checkout_is_refused():
    with pytest.raises(errors.StoreError, match="lies inside the checkout"):
        store.root(params.home() / "data")
    assert store.root(params.home() / "outputs").is_demo


def test_a_missing_table_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(errors.StoreError, match="run `istv intake` first"):
        store.load("site_months", where=store.root(tmp_path))
    with pytest.raises(errors.StoreError, match="istv events import btp"):
        store.load("events", source="btp", where=store.root(tmp_path))


def test_events_come_back_by_area_month_and_source(tmp_path):
    where = store.root(tmp_path)
    events = make_events({("A", "2023-12", CAMDEN): 2, ("A", "2024-01", HACKNEY): 3, ("A", "2024-01", ""): 1})
    store.save(where, "events", events, source="ed")
    assert len(store.load("events", where=where)) == 6
    assert len(store.load("events", area=places.find_area("hackney"), where=where)) == 3
    assert len(store.load("events", months=("2023-12", "2023-12"), where=where)) == 2
    store.save(where, "events", events[events["month"] == "2024-01"], source="ed")
    assert set(store.load("events", where=where)["month"]) == {"2024-01"}
    assert store.sources(where) == ["ed"]
    assert store.kind(where) == "synthetic"


def test_a_root_with_real_and_synthetic_rows_is_mixed(tmp_path):
    where = store.root(tmp_path)
    events = make_events({("A", "2024-01", CAMDEN): 2})
    store.save(where, "events", events, source="ed")
    store.save(where, "events", events.assign(source="btp", synthetic=False), source="btp")
    assert store.kind(where) == "mixed"


def test_a_frame_that_is_not_its_table_is_refused_with_counts_only(tmp_path):
    events = make_events({("A", "2024-01", CAMDEN): 2}).assign(method="SECRET TEXT")
    with pytest.raises(errors.StoreError, match="method: 2 not on the code list") as caught:
        store.save(store.root(tmp_path), "events", events, source="ed")
    assert "SECRET" not in str(caught.value)


def test_conform_fills_casts_and_refuses_unknown_columns():
    frame = schema.conform(
        pd.DataFrame(
            {
                "measure": ["m"],
                "unit": ["site"],
                "source": ["ed"],
                "place_type": ["london"],
                "place": ["london"],
                "period_start": ["2024-01"],
                "period_end": ["2024-01"],
                "status": ["final"],
                "method": ["x"],
                "synthetic": [True],
            }
        ),
        "finding",
    )
    assert list(frame.columns) == schema.FINDING.names
    with pytest.raises(errors.StoreError, match="no column 'colour'"):
        schema.conform(frame.assign(colour=1), "finding")


def test_the_ledger_only_grows_and_repeats_nothing(tmp_path):
    where = store.root(tmp_path)
    store.append_ledger(where, [{"a": 1}, {"a": 2}])
    store.append_ledger(where, [{"a": 2}, {"a": 3}])
    assert [line["a"] for line in store.ledger(where)] == [1, 2, 3]


def test_a_write_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x" / "table.txt"
    store.write(path, "one")
    with pytest.raises(AttributeError):
        store.write(path, None)
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["table.txt"]


def test_what_is_read_is_recorded_once(tmp_path):
    where = store.root(tmp_path)
    store.save(where, "events", make_events({("A", "2024-01", CAMDEN): 2}), source="ed")
    store._reads.clear()
    for _ in range(2):
        store.load("events", source="ed", months=("2024-01", "2024-01"), where=where)
    assert store.lineage() == [{"table": "events", "source": "ed", "area": "", "months": "2024-01 to 2024-01"}]
