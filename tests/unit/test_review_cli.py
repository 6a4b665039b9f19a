"""The verb `istv review` over a root: a private file to fill, and decisions that place all months again."""

import os
import stat

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from istv_lib import _placing, cli, errors, pipeline, review, store
from tests.unit.test_review import NAMES, WORLD


class Finder:
    """Stands in for the place finder: every text is Heron Lane."""

    def match(self, texts, sites):
        return pd.DataFrame({"matched": "Heron Lane", "x": np.nan}, index=texts.index).loc[sites.index]


@pytest.fixture
def where(tmp_path, monkeypatch):
    root = store.root(tmp_path / "root")
    monkeypatch.setenv("ISTV_DATA", str(root.path))
    monkeypatch.setenv("COLUMNS", "1000")
    base = WORLD.rename(columns={"words": "location_text"}).assign(month="2024-01", location_type="street")
    base.loc[base["location_text"] == "at home", "location_type"] = "home"
    kept = ["record_id", "site_code", "month", "location_text", "location_type"]
    store.write_table(root.store / "conformed.parquet", base[kept])
    store.write_table(root.store / "located.parquet", base.drop(columns=["matched", *kept[3:]]))
    store.write_table(root.store / "site_months.parquet", pd.DataFrame({"month": ["2024-01"]}))
    monkeypatch.setattr(_placing, "names", lambda _: NAMES)
    monkeypatch.setattr(_placing, "finder", lambda *_: Finder())
    return root


def istv(*words):
    done = CliRunner().invoke(cli.app, ["review", *words])
    if isinstance(done.exception, Exception) and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def refuse(_):
    raise errors.StoreError("The disk is full.")


def test_from_queue_to_decisions(where, monkeypatch):
    derived = []
    monkeypatch.setattr(pipeline, "derive", lambda root: derived.append(root.path))
    told = istv("--size", "10")
    (path,) = (where.restricted / "review").glob("*.csv")
    assert path.name in told
    assert "otter" not in told
    if os.name == "posix":
        assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    queue = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert list(queue) == review.SHOWN
    assert "at home" not in set(queue["text"])
    assert "is there already" in istv("--size", "10")
    at = queue["text"] == "gilded otter"
    queue.loc[at, ["decision", "place", "reviewer"]] = ["place", "Gilded Otter", "ab"]
    queue.loc[queue["sample"] == "audit", ["decision", "place", "reviewer"]] = ["right", "", "ab"]
    queue.to_csv(path, index=False)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "derive", refuse)
        with pytest.raises(errors.StoreError):
            istv(str(path), "--date", "2024-03-05")
    assert _placing.decisions(where).empty
    told = istv(str(path), "--date", "2024-03-05")
    assert "no conflict" in told
    assert "Audit: 100% of" in told
    assert "restated" in told
    assert derived == [where.path]
    held = _placing.decisions(where)
    assert set(held["decided_on"]) == {"2024-03-05"}
    assert "No new decision" in istv(str(path), "--date", "2024-03-06")
    queue.loc[queue["sample"] == "audit", "decision"] = ""
    queue.to_csv(path, index=False)
    assert "audit rows are not filled" in istv(str(path))
    assert derived == [where.path]


def test_a_month_without_texts_and_a_file_that_is_not_there(where):
    assert "no text to ask about" in istv("--month", "2023-05")
    with pytest.raises(Exception, match="No file at"):
        istv("nothing.csv")
