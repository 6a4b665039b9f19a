"""Intake over a root: duplicates, refusals and what makes them good."""

import pandas as pd
import pytest

from istv_lib import pipeline, schema, store


@pytest.fixture
def where(tmp_path, monkeypatch):
    root = store.root(tmp_path / "root")
    (root.incoming / "SYN02").mkdir(parents=True)
    (root.reference).mkdir()
    roster = "site_code,name,dept_type,easting,northing,valid_from,valid_to,successors,synthetic\n"
    (root.reference / "sites.csv").write_text(roster + "SYN02,Synthetic hospital 02,type1,533000,176000,,,,yes\n")
    return root


def test_two_copies_of_a_refused_file_stay_refused_and_are_tried_again(where):
    for name in ("a.csv", "b.csv"):
        (where.incoming / "SYN02" / name).write_bytes(b"")
    for _ in range(2):
        found = pipeline.take_in(where)
        assert found["status"].tolist() == ["refused", "refused"]
        assert len(pipeline.open_refusals(found)) == 2


def test_a_refusal_is_made_good_only_by_a_file_received_no_earlier():
    rows = [
        ("SYN02", "2024-01", "2024-02-10", "refused"),
        ("SYN02", "2024-01", "2024-02-12", "accepted"),
        ("SYN02", "2024-02", "2024-03-10", "accepted"),
        ("SYN02", "2024-02", "2024-03-20", "refused"),
    ]
    frame = pd.DataFrame(rows, columns=["site_code", "month", "received", "status"])
    frame = schema.conform(
        frame.assign(submission_id="x", synthetic=True, file="f", zero_declared=False), "submissions"
    )
    assert pipeline.open_refusals(frame)["month"].tolist() == ["2024-02"]


def test_of_several_files_for_a_month_the_last_received_is_in_use():
    rows = [("2024-02-10", "first.csv"), ("2024-03-01", "second.csv")]
    frame = pd.DataFrame(rows, columns=["received", "file"]).assign(
        site_code="SYN02", month="2024-01", status="accepted"
    )
    frame = schema.conform(frame.assign(submission_id="x", synthetic=True, zero_declared=False), "submissions")
    found = pipeline._supersede(frame).set_index("file")["status"]
    assert found.to_dict() == {"first.csv": "superseded", "second.csv": "accepted"}
