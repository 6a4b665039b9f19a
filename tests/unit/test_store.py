"""Roots, atomic tables, commits, what was known on a day, lineage and the release ledger."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import textwrap
import threading
import time

import pandas as pd
import pytest

from istv_lib import _commit, errors, params, places, schema, store
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


def digests(folder):
    """Return the sha256 of every file below a folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def script(text, folder):
    """Run a script in a process of its own, with ``root`` at hand, and return what it prints as JSON."""
    head = """
        import errno, hashlib, json, os, sys
        from pathlib import Path
        from istv_lib import _commit, errors, store
        root = store.root(sys.argv[1])
        def digests():
            files = sorted(p for p in root.path.rglob("*") if p.is_file())
            return {p.relative_to(root.path).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(head) + textwrap.dedent(text), str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestTogether:
    """Writes inside ``together`` take effect together or not at all."""

    @pytest.fixture
    def where(self, tmp_path):
        where = store.root(tmp_path / "root")
        for name in ("a", "b", "old"):
            store.write(where.store / name, f"before {name}")
        return where

    def change(self, where):
        store.write(where.store / "a", "after a")
        store.write(where.store / "new" / "deep" / "c", "after c")
        store.write(where.partner / "b", "after b")
        store.remove(where.store / "old")

    def change_and(self, where, error):
        with store.together(where):
            self.change(where)
        raise error

    def test_nothing_is_seen_before_the_end_and_all_after_it(self, where):
        before = digests(where.path)
        with store.together(where):
            self.change(where)
            kept = {k: v for k, v in digests(where.path).items() if "/.commit/" not in k}
            assert kept == before
        assert (where.store / "a").read_text() == "after a"
        assert (where.partner / "b").read_text() == "after b"
        assert set(digests(where.path)) == {"store/a", "store/b", "store/new/deep/c", "partner/b"}

    def test_an_exception_leaves_everything_as_it_was(self, where):
        before = digests(where.path)
        with pytest.raises(ZeroDivisionError), store.together(where):
            self.change_and(where, ZeroDivisionError)
        assert digests(where.path) == before
        with store.together(where):
            self.change(where)
        assert digests(where.path) != before

    def test_a_block_inside_a_block_joins_it(self, where):
        before = digests(where.path)
        with pytest.raises(KeyboardInterrupt), store.together(where), store.together(where):
            self.change_and(where, KeyboardInterrupt)
        assert digests(where.path) == before

    def test_the_last_word_about_a_file_counts(self, where):
        with store.together(where):
            store.remove(where.store / "a")
            store.write(where.store / "a", "one")
            store.write(where.store / "a", "two")
            store.write(where.store / "b", "gone in a moment")
            store.remove(where.store / "b")
        assert (where.store / "a").read_text() == "two"
        assert not (where.store / "b").exists()

    def test_two_roots_can_be_written_at_a_time_and_stay_apart(self, where, tmp_path):
        other = store.root(tmp_path / "other")
        with store.together(other):
            with store.together(where):
                store.write(other.store / "x", "x")
                store.write(where.store / "y", "y")
            assert (where.store / "y").exists()
            assert not (other.store / "x").exists()
        assert (other.store / "x").exists()

    def test_another_command_is_told_to_wait_and_readers_go_on(self, where):
        text = """
            with store.together(root):
                store.write(root.store / "a", "after")
                print(json.dumps("ready"), flush=True)
                sys.stdin.read()
        """
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER.format(body=textwrap.dedent(text)), str(where.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert json.loads(process.stdout.readline()) == "ready"
        with pytest.raises(errors.StoreError, match="Another command is writing to the store of 'root'; wait"):
            store.together(where).__enter__()
        assert (store.root(where.path).store / "a").read_text() == "before a"
        process.communicate("")
        assert (where.store / "a").read_text() == "after"

    def test_a_reader_waits_for_a_command_that_is_moving_its_files(self, where, monkeypatch):
        moving = threading.Event()

        def slowly(step):
            if step == "move":
                moving.set()
                time.sleep(0.1)

        monkeypatch.setattr(_commit, "reached", slowly)
        writer = threading.Thread(target=lambda: _write_all(where))
        writer.start()
        moving.wait(5)
        store.root(where.path)
        seen = {k: v for k, v in digests(where.path).items() if "/.commit/" not in k}
        writer.join()
        assert seen == digests(where.path)

    @pytest.mark.skipif(os.name == "nt", reason="needs a limit on the size of files")
    @pytest.mark.parametrize("inside", [True, False], ids=["together", "alone"])
    def test_a_full_disk_changes_nothing_and_is_told_in_a_sentence(self, where, inside):
        before = digests(where.path)
        told = script(
            f"""
            import contextlib, resource, signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
            try:
                with store.together(root) if {inside} else contextlib.nullcontext():
                    if {inside}:
                        store.write(root.store / "small", b"x" * 4000)
                    store.write(root.store / "a", b"x" * 6000)
                said = "nothing"
            except errors.StoreError as error:
                said = str(error)
            print(json.dumps([said, digests()]))
            """,
            where.path,
        )
        name = "root" if inside else "a"
        sentence = f"The disk of '{name}' is full; nothing was changed; free some space and run the command again."
        assert told == [sentence, before]

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
    def test_every_word_of_the_system_for_a_full_disk_is_understood(self, where, monkeypatch, number):
        before = digests(where.path)

        def full(*_):
            raise OSError(number, "full")

        with pytest.raises(errors.StoreError, match="is full; nothing was changed"), store.together(where):
            monkeypatch.setattr(_commit, "_write", full) or self.change(where)
        assert digests(where.path) == before

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_process_that_is_killed_at_any_step_leaves_before_or_after(self, where):
        told = script(
            """
            import shutil
            home = root.path.with_name("saved")
            shutil.copytree(root.path, home)
            def change(die):
                count = [0]
                def reached(step):
                    count[0] += 1
                    if count[0] == die:
                        os._exit(9)
                _commit.reached = reached
                with store.together(root):
                    store.write(root.store / "a", "after a")
                    store.write(root.store / "new" / "deep" / "c", "after c")
                    store.write(root.partner / "b", "after b")
                    store.remove(root.store / "old")
                    store.remove(root.store / "b")
                os._exit(0)
            ends = []
            for die in range(1, 50):
                shutil.rmtree(root.path)
                shutil.copytree(home, root.path)
                child = os.fork() or change(die)
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                store.root(root.path)
                ends.append(digests())
                if code == 0:
                    break
            print(json.dumps(ends))
            """,
            where.path,
        )
        before, after = digests(where.path.with_name("saved")), told[-1]
        assert set(after) == {"store/a", "store/new/deep/c", "partner/b"}
        assert [end in (before, after) for end in told] == [True] * len(told)
        assert told.count(before) == 4  # three parts, and the moment before the journal
        assert told.count(after) == len(told) - 4 >= 8

    def test_a_file_that_cannot_be_moved_is_told_and_completed_later(self, where, monkeypatch):
        real = type(where.path).replace

        def stuck(self, target):
            if target.name == "b":
                raise PermissionError(13, "it is open elsewhere")
            return real(self, target)

        monkeypatch.setattr(type(where.path), "replace", stuck)
        with pytest.raises(errors.StoreError, match="could not be moved into place"), store.together(where):
            self.change(where)
        with pytest.raises(errors.StoreError, match="could not be moved into place"):
            store.root(where.path)
        monkeypatch.undo()
        store.root(where.path)
        assert (where.partner / "b").read_text() == "after b"
        assert not (where.store / ".commit").exists()


HOLDER = """
import json, sys
from istv_lib import store
root = store.root(sys.argv[1])
{body}
"""


def _write_all(where):
    with store.together(where):
        for name in ("a", "b", "c"):
            store.write(where.store / name, "after")


# ---- what was known on a day ------------------------------------------------------------------------------


@pytest.fixture
def dated(tmp_path):
    """A store in which 'one' was replaced by 'two' in March, and that by 'three' in May."""
    where = store.root(tmp_path / "dated")
    rows = [
        ("one", "2024-02-10", "superseded"),
        ("two", "2024-03-05", "superseded"),
        ("three", "2024-05-01", "accepted"),
    ]
    base = {"site_code": "SYN02", "month": "2024-01", "synthetic": True}
    files = pd.DataFrame(rows, columns=["submission_id", "received", "status"])
    files = files.assign(**base, file=files["submission_id"] + ".csv", zero_declared=False)
    store.save(where, "submissions", schema.conform(files, "submissions"))
    counts = dict.fromkeys("rows_before rows_after same added removed changed".split(), 1)
    later = pd.DataFrame(
        [("two", "one", "2024-03-05"), ("three", "two", "2024-05-01")],
        columns=["submission_id", "supersedes", "received"],
    )
    store.save(where, "revisions", schema.conform(later.assign(**base, **counts), "revisions"))
    for table, more in (
        ("quarantine", {"reason": "not_assault", "severity": "info"}),
        ("changes", {"field": "method", "rule": "unmapped_method"}),
        ("reconciliation", {"fate": "header", "rows": 1, "month": "2024-01"}),
    ):
        columns = {k: v for k, v in {**base, "row_no": 2, **more}.items() if k in schema.TABLES[table].names}
        store.save(where, table, schema.conform(files[["submission_id"]].assign(**columns), table))
    record = {"row_no": 2, "shape": "trust", "location_type": "street", "method": "fist"}
    for row in files.to_dict("records"):
        frame = pd.DataFrame([{**base, **record, "submission_id": row["submission_id"], "record_id": row["file"]}])
        store.save_conformed(where, {row["submission_id"]: schema.conform(frame, "conformed")}, files)
    return where


@pytest.mark.parametrize(
    ("day", "status", "used"),
    [
        ("2024-02-09", [], []),
        ("2024-02-10", ["accepted"], ["one"]),
        ("2024-03-04", ["accepted"], ["one"]),
        ("2024-03-05", ["superseded", "accepted"], ["two"]),
        ("2024-05-01", ["superseded", "superseded", "accepted"], ["three"]),
        ("2031-01-01", ["superseded", "superseded", "accepted"], ["three"]),
    ],
)
def test_the_tables_of_a_day_hold_what_was_received_by_its_end(dated, day, status, used):
    assert store.load("submissions", as_of=day, where=dated)["status"].tolist() == status
    assert store.load("conformed", as_of=day, where=dated)["submission_id"].tolist() == used
    for table in ("quarantine", "changes", "reconciliation"):
        assert len(store.load(table, as_of=day, where=dated)) == len(status)
    assert len(store.load("revisions", as_of=day, where=dated)) == max(len(status) - 1, 0)


def test_a_day_that_shows_all_is_the_same_as_no_day(dated):
    store.save(dated, "conformed", store.load("conformed", as_of="2024-05-01", where=dated))
    for table in store.BY_DATE:
        now, then = store.load(table, where=dated), store.load(table, as_of="2024-05-01", where=dated)
        pd.testing.assert_frame_equal(now, then)


def test_a_table_that_is_not_kept_by_date_and_a_day_that_is_none_are_refused(dated):
    with pytest.raises(
        errors.StoreError, match=r"'events' is not kept by date; make .* `istv as-of 2024-05-01 FOLDER`"
    ):
        store.load("events", as_of="2024-05-01", where=dated)
    for day in ("01/05/2024", "2024-02-30", "20240501"):
        with pytest.raises(errors.ParameterError, match=f"'{day}' is not a date"):
            store.load("submissions", as_of=day, where=dated)


def test_the_day_is_part_of_what_was_read(dated):
    store._reads.clear()
    store.load("submissions", as_of="2024-05-01", where=dated)
    assert store.lineage() == [{"table": "submissions", "source": "", "area": "", "months": "", "as_of": "2024-05-01"}]


def test_records_that_are_lost_are_told(dated):
    next((dated.store / "conformed").rglob("three.parquet")).unlink()
    with pytest.raises(errors.StoreError, match="'three' are missing from the store; run `istv intake --again`"):
        store.load("conformed", as_of="2024-05-01", where=dated)
