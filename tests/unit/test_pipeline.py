"""Intake over a root: order, repeats, refusals, corrections, months in parts, past days, and all or nothing."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from istv_lib import (
    _commit,
    _filing,
    _placing,
    _taking,
    agreements,
    errors,
    extract,
    intake,
    params,
    pipeline,
    places,
    schema,
    store,
)

ROSTER = "site_code,name,dept_type,easting,northing,valid_from,valid_to,successors,synthetic\n"
ROSTER += (
    "SYN02,Synthetic hospital 02,type1,533000,176000,,,,yes\nSYN05,Synthetic hospital 05,type1,529000,180000,,,,yes\n"
)
AGREED = {"fields": [], "purposes": ["monitoring"], "contact": "g@syn.example", "reference": "ISA"}


def take_plain(content, *, filename, site, guide, received, synthetic, earlier=frozenset()):
    """Stand in for intake.take: a line "month", then lines "number,method,text" or "!reason"."""
    lines = content.decode().split("\n")
    month, ident = lines[0], intake.submission_id(content)
    if "refuse" in content.decode():
        raise errors.IntakeError(f"'{filename}' is not one that we read.")
    if "trip" in content.decode():
        raise IndexError("a fault")
    base = {"submission_id": ident, "site_code": site, "month": month, "synthetic": synthetic}
    good, aside, known = [], [], 0
    for number, line in enumerate(lines[1:], 2):
        key, *rest = line.split(",")
        if line.startswith("!"):
            aside.append({**base, "row_no": number, "reason": line[1:], "severity": "info"})
        elif key and key in earlier:
            known += 1
        else:
            at = pd.Timestamp(f"{month}-{1 + number % 28:02d} 21:30")
            row = {**base, "row_no": number, "source_key": key, "method": rest[0], "location_text": rest[1]}
            row |= {"record_id": f"{ident}{number}", "shape": "trust", "arrival_at": at, "incident_at": at}
            good.append(row | {"incident_quality": "exact", "location_type": "street"})
    fates = [("header", "", 1), ("accepted", "", len(good)), ("duplicate", "repeated_in_earlier_file", known)]
    account = [{**base, "fate": fate, "reason": reason, "rows": n} for fate, reason, n in fates]
    counts = {"rows_physical": len(lines), "rows_header": 1, "rows_accepted": len(good), "rows_duplicate": known}
    counts |= {"rows_quarantined": len(aside), "columns_dropped": 2, "dropped": "NHS number; Name", "rows_total": 0}
    edits = [{**base, "row_no": 2, "field": "method", "rule": "unmapped_method", "before": received}]
    submission = {**base, **counts, "file": filename, "received": received, "shape": "trust", "layout": "plain"}
    submission |= {"status": "accepted", "reason": "", "zero_declared": False, "rows_blank": 0, "pid_redacted": 0}
    return intake.Taken(submission, *(_table(*t) for t in (
        ("conformed", good), ("quarantine", aside), ("changes", edits), ("reconciliation", account))))  # fmt: skip


def _table(name, rows):
    wanted = [{k: v for k, v in row.items() if k in schema.TABLES[name].names} for row in rows]
    return schema.conform(pd.DataFrame(wanted), name) if wanted else schema.empty(name)


REAL, PLACED = params.file, _placing.placed


def settings(changed):
    """Return a params.file that gives made-up settings for some names."""
    given = {f"hospitals/{site}": {"site": site} for site in ("SYN02", "SYN05")}
    sites = {site: {**AGREED, "starts": "2020-01-01", "expires": "2030-12-31"} for site in ("SYN02", "SYN05")}
    given |= {"agreements": {"core": list(agreements.CORE), "purposes": {"monitoring": "monitoring"}, "sites": sites}}
    given |= {"aliases": {}, "checks": {}, "layouts": {}}
    return lambda name: changed[name] if name in changed else given[name] if name in given else REAL(name)


def nowhere(_, conformed):
    """Stand in for the place finder, quickly: no place is found."""
    columns = ["record_id", "submission_id", "site_code", "month", "synthetic"]
    found = conformed[columns].assign(precision_class="none", prior_decided=False, place_version="none")
    return _placing.Placed(schema.conform(found, "located"), schema.empty("place_accuracy"), 0)


@pytest.fixture
def given(monkeypatch):
    """Settings of the two hospitals, to be changed by a test."""
    changed = {}
    monkeypatch.setattr(_placing, "placed", nowhere)
    monkeypatch.setattr(params, "file", settings(changed))
    monkeypatch.setattr(params, "names", lambda folder: ["SYN02", "SYN05"] if folder == "hospitals" else [])
    monkeypatch.setattr(intake, "take", take_plain)
    monkeypatch.setattr(intake, "month_in_name", lambda *_: "")
    return changed


def make_root(folder):
    root = store.root(folder)
    for name in ("SYN02", "SYN05"):
        (root.incoming / name).mkdir(parents=True)
    root.reference.mkdir()
    (root.reference / "sites.csv").write_text(ROSTER)
    return root


@pytest.fixture
def where(tmp_path, given):
    return make_root(tmp_path / "root")


def put(where, name, received, month, *lines, site="SYN02"):
    """Put a file into a drop folder, with its date received."""
    (where.incoming / site / name).write_text("\n".join([month, *lines]))
    log = where.incoming / "received.csv"
    old = log.read_text() if log.exists() else "file,received\n"
    log.write_text(old + f"{site}/{name},{received}\n")


def digests(folder, *left_out):
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder).parts[0] not in left_out)
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def statuses(where):
    return store.load("submissions", where=where).set_index("file")["status"].to_dict()


FIRST = ("first.csv", "2024-02-10", "2024-01", "k1,fist,at Streatham", "k2,knife,in Brixton", "!not_assault")
SECOND = ("second.csv", "2024-03-01", "2024-01", "k1,glass,at Streatham", "k3,fist,unknown")
OTHER = ("other.csv", "2024-02-12", "2024-02", "k7,fist,at Stockwell")


class TestTakingIn:
    """Which file is in use, and what the tables then hold."""

    def test_every_file_has_its_rows_in_every_table(self, where, monkeypatch):
        monkeypatch.setattr(_placing, "placed", PLACED)
        put(where, *FIRST)
        done = pipeline.take_in(where)
        assert (done.counts["conformed"], done.counts["located"]) == (2, 2)
        row = done.new.iloc[0]
        assert (row["rows_physical"], row["rows_accepted"], row["rows_quarantined"], row["rows_total"]) == (4, 2, 1, 0)
        assert (row["columns_dropped"], row["dropped"]) == (2, "NHS number; Name")
        for table, rows in {"quarantine": 1, "changes": 1, "reconciliation": 3, "located": 2, "revisions": 0}.items():
            assert len(store.load(table, where=where)) == rows
        for table in ("conformed", *_filing.KEPT, "located", "site_months"):
            schema.check(store.load(table, where=where), table)

    def test_the_last_received_of_a_month_is_in_use_and_the_other_kept(self, where):
        put(where, *SECOND)
        put(where, *FIRST)
        put(where, *OTHER)
        pipeline.take_in(where)
        assert statuses(where) == {"first.csv": "superseded", "second.csv": "accepted", "other.csv": "accepted"}
        assert store.load("conformed", where=where)["source_key"].tolist() == ["k1", "k3", "k7"]
        assert len(store.load("quarantine", where=where)) == 1
        assert len(list((where.store / "conformed").rglob("*.parquet"))) == 3
        told = store.load("revisions", where=where).iloc[0]
        assert told[["received", "rows_before", "rows_after", "same", "added", "removed", "changed"]].tolist() == [
            "2024-03-01", 2, 2, 0, 1, 1, 1
        ]  # fmt: skip
        assert told["fields"] == "method 1"

    def test_the_same_intake_again_changes_no_byte(self, where):
        for file in (FIRST, SECOND, OTHER):
            put(where, *file)
        pipeline.take_in(where)
        before = digests(where.path)
        done = pipeline.take_in(where)
        assert digests(where.path) == before
        assert done.new.empty

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
    @pytest.mark.parametrize("mode", ["replace_month", "append"])
    def test_files_that_come_one_by_one_give_the_same_bytes_as_all_at_once(self, where, tmp_path, given, order, mode):
        given["hospitals/SYN02"] = {"submission": {"mode": mode}}
        copy = ("copy.csv", "2024-02-01", *FIRST[2:])
        files = [FIRST, SECOND, copy]
        for i in order:
            put(where, *files[i])
            pipeline.take_in(where)
        other = make_root(tmp_path / "other")
        for file in files:
            put(other, *file)
        pipeline.take_in(other)
        assert digests(where.store) == digests(other.store)

    def test_parts_of_a_month_count_together_without_what_an_earlier_part_holds(self, where, given):
        given["hospitals/SYN02"] = {"submission": {"mode": "append"}}
        put(where, *FIRST)
        pipeline.take_in(where)
        put(where, *SECOND)
        pipeline.take_in(where)
        assert statuses(where) == {"first.csv": "accepted", "second.csv": "accepted"}
        assert store.load("conformed", where=where)["source_key"].tolist() == ["k1", "k2", "k3"]
        assert store.load("revisions", where=where).empty
        states = store.load("site_months", where=where).set_index(["site_code", "month"])
        assert states.loc[("SYN02", "2024-01"), "rows"] == 3

    def test_the_same_bytes_are_read_once(self, where):
        put(where, *FIRST)
        put(where, "copy.csv", "2024-02-11", *FIRST[2:])
        put(where, "copy.csv", "2024-02-12", *FIRST[2:], site="SYN05")
        pipeline.take_in(where)
        found = store.load("submissions", where=where)
        assert found.groupby("status").size().to_dict() == {"accepted": 1, "duplicate_file": 2}
        assert found.loc[found["status"] == "accepted", "file"].tolist() == ["first.csv"]

    def test_a_file_replaced_under_its_own_name_is_a_new_file(self, where):
        put(where, *FIRST)
        pipeline.take_in(where)
        (where.incoming / "SYN02" / "first.csv").write_text("\n".join(SECOND[2:]))
        pipeline.take_in(where)
        assert store.load("submissions", where=where)["status"].tolist() == ["superseded", "accepted"]
        assert store.load("conformed", where=where)["source_key"].tolist() == ["k1", "k3"]

    def test_the_date_received_is_that_of_the_list_else_of_the_file(self, where):
        put(where, *FIRST)
        put(where, "late.csv", "", "2024-02", "k9,fist,x")
        os.utime(where.incoming / "SYN02" / "late.csv", (1_710_000_000, 1_710_000_000))
        found = pipeline.take_in(where).submissions.set_index("file")["received"]
        assert found.to_dict() == {"first.csv": "2024-02-10", "late.csv": "2024-03-09"}

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("name,when\na,b\n", "needs the columns file and received"),
            ("file,received\nSYN02/a.csv,\nSYN02/b.csv,10/02/2024\n", "row 3, has no date"),
            ("file,received\nSYN02/a.csv,2024-02-31\n", "row 2, has no date"),
        ],
    )
    def test_a_list_of_dates_that_cannot_be_used_stops_intake(self, where, text, told):
        (where.incoming / "received.csv").write_text(text)
        with pytest.raises(errors.StoreError, match=told):
            pipeline.take_in(where)

    def test_hidden_and_lock_files_are_left_alone(self, where):
        for name in (".DS_Store", "~$first.xlsx"):
            (where.incoming / "SYN02" / name).write_text("x")
        assert pipeline.files_waiting(where) == 0


class TestRefusals:
    """A file that cannot be taken in stops only itself, and is tried again."""

    def test_two_copies_of_a_refused_file_stay_refused_and_are_tried_again(self, where):
        put(where, "a.csv", "2024-02-10", "refuse")
        put(where, "b.csv", "2024-02-10", "refuse")
        for _ in range(2):
            found = pipeline.take_in(where)
            assert found.submissions["status"].tolist() == ["refused", "refused"]
            assert len(found.new) == len(pipeline.open_refusals(found.submissions)) == 2
            assert found.counts == {"conformed": 0, "located": 0, "names": 0}

    def test_a_refusal_is_made_good_only_by_a_file_received_no_earlier(self):
        rows = [
            ("SYN02", "2024-01", "2024-02-10", "refused"),
            ("SYN02", "2024-01", "2024-02-12", "accepted"),
            ("SYN02", "2024-02", "2024-03-10", "accepted"),
            ("SYN02", "2024-02", "2024-03-20", "refused"),
        ]
        frame = pd.DataFrame(rows, columns=["site_code", "month", "received", "status"])
        frame = frame.assign(submission_id="x", synthetic=True, file="f", zero_declared=False)
        assert pipeline.open_refusals(schema.conform(frame, "submissions"))["month"].tolist() == ["2024-02"]

    def test_the_others_are_taken_in(self, where):
        put(where, *FIRST)
        put(where, "a.csv", "2024-02-10", "refuse")
        put(where, "b.csv", "2024-02-10", "trip")
        found = pipeline.take_in(where).submissions.set_index("file")
        assert found["status"].to_dict() == {"a.csv": "refused", "b.csv": "refused", "first.csv": "accepted"}
        assert found.loc["b.csv", "reason"].startswith("'b.csv' trips a fault of the code (IndexError); report it")

    def test_a_site_off_the_roster_or_without_a_profile_is_refused(self, where, monkeypatch):
        (where.incoming / "RYJ99").mkdir()
        put(where, "x.csv", "2024-02-10", "2024-01", "k1,fist,x", site="RYJ99")
        put(where, *FIRST)
        monkeypatch.setattr(params, "names", lambda _: ["SYN05"])
        reasons = pipeline.take_in(where).submissions.set_index("site_code")["reason"]
        assert reasons["RYJ99"].startswith("'RYJ99', the folder of 'x.csv', is not on the roster")

    def test_a_real_file_is_not_taken_into_the_demo(self, where, monkeypatch):
        put(where, *FIRST)
        monkeypatch.setattr(store.Root, "is_demo", True)
        reason = pipeline.take_in(where).submissions["reason"].iloc[0]
        assert "is not one of the files that the synthetic London wrote; the demo takes no real files" in reason

    def test_a_file_that_cannot_be_opened_or_changes_is_refused(self, where, monkeypatch):
        put(where, *FIRST)
        path = where.incoming / "SYN02" / "first.csv"
        desk = _taking.Desk(where)
        file = _taking.waiting(where)[0]
        path.write_text("2024-01\nother")
        row = desk.row(file)
        assert desk.take(file, row) is None
        assert "changed while it was read; run `istv intake` again" in row["reason"]
        path.unlink()
        row = desk.row(file)
        assert desk.take(file, row) is None
        assert row["reason"].startswith("'first.csv' cannot be opened (No such file or directory)")

    def test_a_month_mode_that_is_none_stops_intake(self, where, given):
        put(where, *FIRST)
        given["hospitals/SYN02"] = {"submission": {"mode": "sometimes"}}
        with pytest.raises(
            errors.ParameterError, match="the submission mode 'sometimes'; choose replace_month or append"
        ):
            pipeline.take_in(where)

    def test_the_agreement_reaches_the_reader(self, where, given, monkeypatch):
        put(where, *FIRST)
        given["agreements"] = {"core": list(agreements.CORE), "purposes": {"monitoring": "x"}, "sites": {}}
        seen = []
        monkeypatch.setattr(
            intake, "take", lambda *a, guide, **k: seen.append(guide) or take_plain(*a, guide=guide, **k)
        )
        pipeline.take_in(where)
        assert seen[0].agreement == {}
        given["agreements"]["sites"]["SYN02"] = {**AGREED, "starts": "2020-01-01", "expires": "2030-12-31"}
        put(where, *SECOND)
        pipeline.take_in(where)
        assert seen[1].agreement["expires"] == "2030-12-31"


class TestAgain:
    """``--again`` reads every file anew and replaces the tables in one go."""

    def test_it_gives_the_same_bytes_when_nothing_changed(self, where):
        for file in (FIRST, SECOND, OTHER):
            put(where, *file)
        pipeline.take_in(where)
        before = digests(where.store)
        done = pipeline.take_in(where, again=True)
        assert digests(where.store) == before
        assert (len(done.new), done.gone) == (3, 0)

    def test_it_applies_a_changed_reading_and_lets_go_of_what_is_no_longer_there(self, where, monkeypatch):
        for file in (FIRST, SECOND, OTHER):
            put(where, *file)
        pipeline.take_in(where)
        monkeypatch.setattr(intake, "take", lambda content, **k: take_plain(content.replace(b"knife", b"blunt"), **k))
        assert set(store.load("conformed", as_of="2024-02-11", where=where)["method"]) == {"fist", "knife"}
        (where.incoming / "SYN02" / "second.csv").unlink()
        done = pipeline.take_in(where, again=True)
        assert done.gone == 2  # the file removed, and the one whose stand-in reading has another id
        assert statuses(where) == {"first.csv": "accepted", "other.csv": "accepted"}
        assert set(store.load("conformed", where=where)["method"]) == {"fist", "blunt"}
        assert len(list((where.store / "conformed").rglob("*.parquet"))) == 2

    def test_tables_of_an_earlier_version_ask_for_it(self, where):
        put(where, *FIRST)
        pipeline.take_in(where)
        before = digests(where.store)
        (where.store / "changes.parquet").unlink()
        with pytest.raises(errors.StoreError, match="made by another version of the code; run `istv intake --again`"):
            pipeline.take_in(where)
        pipeline.take_in(where, again=True)
        assert digests(where.store) == before

    def test_when_no_file_can_be_used_the_derived_tables_go_too(self, where, monkeypatch):
        put(where, *FIRST)
        pipeline.take_in(where)
        (where.incoming / "SYN02" / "first.csv").write_text("refuse")
        pipeline.take_in(where, again=True)
        assert statuses(where) == {"first.csv": "refused"}
        assert store.sources(where) == []
        with pytest.raises(errors.StoreError, match="holds no 'site_months' yet"):
            store.load("site_months", where=where)


class TestAllOrNothing:
    """An intake that ends early leaves the store as it was."""

    @pytest.fixture
    def half(self, where):
        put(where, *FIRST)
        pipeline.take_in(where)
        put(where, *SECOND)
        put(where, *OTHER)
        return where

    def test_an_error_at_any_step_before_the_journal_changes_nothing(self, half, monkeypatch):
        before, steps = digests(half.path), []
        for stop in range(1, 99):
            steps.clear()

            def reached(step, stop=stop):
                steps.append(step)
                if len(steps) == stop:
                    raise KeyboardInterrupt

            monkeypatch.setattr(_commit, "reached", reached)
            with pytest.raises(KeyboardInterrupt):
                pipeline.take_in(half)
            assert digests(half.path) == before
            if steps[-1] == "before the journal":
                break
        assert len(steps) >= 10
        monkeypatch.setattr(_commit, "reached", lambda _: None)
        pipeline.take_in(half)
        assert statuses(half) == {"first.csv": "superseded", "second.csv": "accepted", "other.csv": "accepted"}

    def test_an_error_while_deriving_changes_nothing(self, half, monkeypatch):
        before = digests(half.path)
        monkeypatch.setattr(pipeline.quality, "site_months", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pipeline.take_in(half)
        assert digests(half.path) == before

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_killed_intake_leaves_before_or_after(self, half):
        (half.incoming / "SYN02" / "other.csv").unlink()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", KILLER, str(half.path)],
            capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        ends = json.loads(done.stdout)
        before, after = digests(half.path.with_name("saved")), ends[-1]
        assert before != after
        assert [end in (before, after) for end in ends] == [True] * len(ends)
        assert 0 < ends.count(before) < len(ends) - 1


KILLER = """
import json, os, shutil, sys
from istv_lib import _commit, intake, params, pipeline, schema, store
from tests.unit import test_pipeline as t
params.file, params.names = t.settings({}), lambda folder: ["SYN02", "SYN05"]
intake.take, intake.month_in_name = t.take_plain, lambda *_: ""
root = store.root(sys.argv[1])
home = root.path.with_name("saved")
shutil.copytree(root.path, home)
pipeline._derive = lambda where, *_: store.save(where, "located", schema.empty("located")) or {}
def intake_until(die):
    count = [0]
    def reached(step):
        count[0] += 1
        if count[0] == die:
            os._exit(9)
    _commit.reached = reached
    pipeline.take_in(root)
    os._exit(0)
ends = []
for die in range(1, 99, 3):
    shutil.rmtree(root.path)
    shutil.copytree(home, root.path)
    child = os.fork() or intake_until(die)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    store.root(root.path)
    ends.append(t.digests(root.path))
    if code == 0:
        break
print(json.dumps(ends))
"""


class TestAsOf:
    """A past day can be looked at, and made into a root of its own."""

    def test_a_correction_received_later_is_not_yet_known(self, where, tmp_path):
        put(where, *FIRST)
        put(where, *OTHER)
        pipeline.take_in(where)
        then = {table: store.load(table, where=where) for table in store.BY_DATE}
        put(where, *SECOND)
        pipeline.take_in(where)
        for table in store.BY_DATE:
            pd.testing.assert_frame_equal(store.load(table, as_of="2024-02-29", where=where), then[table])
        only = make_root(tmp_path / "only")
        put(only, *FIRST)
        put(only, *OTHER)
        pipeline.take_in(only)
        counts = pipeline.as_of(where, "2024-02-29", tmp_path / "then")
        assert (counts["files"], counts["conformed"]) == (2, 3)
        target = store.root(tmp_path / "then")
        assert digests(target.path, "incoming") == digests(only.path, "incoming") | {
            "store/as_of.txt": digests(target.store)["as_of.txt"]
        }
        assert "As it was known on 2024-02-29. Events of other agencies" in (target.store / "as_of.txt").read_text()

    def test_only_what_hospitals_had_said_by_then_counts(self, where, tmp_path, given):
        given["hospitals/SYN05"] = {"said": [{"month": "2024-01", "state": "zero", True: "2024-03-15", "by": "x"}]}
        put(where, *FIRST)
        put(where, *OTHER)
        pipeline.take_in(where)

        def state(root):
            held = store.load("site_months", where=root).set_index(["site_code", "month"])["status"]
            return held["SYN05", "2024-01"]

        assert state(where) == "zero"
        for day, told in (("2024-03-14", "not_joined"), ("2024-03-15", "zero")):
            pipeline.as_of(where, day, tmp_path / day)
            assert state(store.root(tmp_path / day)) == told

    def test_other_agencies_and_reference_come_along(self, where, tmp_path):
        put(where, *FIRST)
        pipeline.take_in(where)
        store.write(where.store / "events" / "source=btp" / "year=2024.parquet", b"as it is")
        (where.reference / "own").mkdir()
        (where.reference / "own" / "map.csv").write_text("x")
        pipeline.as_of(where, "2024-02-10", tmp_path / "then")
        assert (tmp_path / "then" / "store" / "events" / "source=btp" / "year=2024.parquet").read_bytes() == b"as it is"
        assert (tmp_path / "then" / "reference" / "own" / "map.csv").read_text() == "x"

    def test_a_past_day_that_failed_can_be_made_again_into_the_same_folder(self, where, tmp_path, monkeypatch):
        put(where, *FIRST)
        pipeline.take_in(where)
        states = pipeline.quality.site_months
        monkeypatch.setattr(pipeline.quality, "site_months", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pipeline.as_of(where, "2024-02-10", tmp_path / "then")
        monkeypatch.setattr(pipeline.quality, "site_months", states)
        pipeline.as_of(where, "2024-02-10", tmp_path / "then")
        assert len(store.load("conformed", where=store.root(tmp_path / "then"))) == 2

    def test_a_day_before_all_files_and_a_folder_in_use_are_refused(self, where, tmp_path):
        put(where, *FIRST)
        pipeline.take_in(where)
        with pytest.raises(errors.StoreError, match="by 2024-02-09; the first was received on 2024-02-10"):
            pipeline.as_of(where, "2024-02-09", tmp_path / "then")
        assert not (tmp_path / "then").exists()
        for folder in (where.path, where.path / "then", where.path.parent):
            with pytest.raises(errors.StoreError, match="is not an empty folder apart from the root"):
                pipeline.as_of(where, "2024-02-10", folder)
        with pytest.raises(errors.ParameterError, match="'yesterday' is not a date"):
            pipeline.as_of(where, "yesterday", tmp_path / "then")


class TestSettings:
    """What profiles say reaches the tables."""

    @pytest.mark.parametrize(
        "entry",
        [{"state": "zero", "on": "2024-01-01"}, {"month": "2024-01", "state": "fine", "on": "2024-01-01"},
         {"month": "2024-01", "state": "zero"}],
    )  # fmt: skip
    def test_a_word_that_cannot_be_used_is_told(self, given, entry):
        given["hospitals/SYN02"] = {"said": [entry]}
        with pytest.raises(
            errors.ParameterError, match="An entry of 'said' in the profile of SYN02 needs month, state"
        ):
            _taking.said()

    def test_words_and_contacts_are_collected(self, given):
        word = {"month": "2024-06", "state": "partial", "days": 18, "on": "2024-07-04", "by": "ED", "words": "..."}
        given["hospitals/SYN02"] = {"said": [word], "contact": "ed@syn02.example"}
        assert _taking.said().to_dict("records") == [
            {"site_code": "SYN02", **{k: word[k] for k in ("month", "state", "days", "on", "by")}}
        ]
        assert _taking.said("2024-07-03").empty
        assert _taking.contacts() == {"SYN02": "ed@syn02.example"}


def test_the_shipped_profiles_hold_words_and_contacts_that_can_be_used():
    found = _taking.said()
    assert set(found["state"]) <= set(_taking.SAID_STATES)
    assert len(_taking.contacts()) == len(params.names("hospitals"))


def test_an_extract_is_written_whole_with_its_account(where, monkeypatch):
    put(where, *FIRST)
    pipeline.take_in(where)
    frame = pd.DataFrame({"month": ["2024-01"]})
    account = pd.DataFrame({"item": ["rows_in", "share"], "value": [2.0, float("nan")]})
    made = extract.Extract(frame, frame, frame, account, "partner", "partner_extract", "abc", "synthetic", {})
    seen = {}
    monkeypatch.setattr(extract, "table", lambda *tables, **given: seen.update(given, rows=len(tables[1])) or made)
    found, folder = pipeline.hand_out(
        where, area=places.find_area("lambeth"), month="latest", purpose="monitoring", on="2024-06-01"
    )
    assert found is made
    assert (seen["month"], seen["purpose"], seen["on"], seen["rows"]) == ("2024-01", "monitoring", "2024-06-01", 2)
    assert folder == where.partner / "2024-01" / "lambeth"
    assert sorted(p.name for p in folder.iterdir()) == [
        "extract.csv", "extract_account.json", "extract_dictionary.csv", "extract_people.csv"
    ]  # fmt: skip
    told = json.loads((folder / "extract_account.json").read_text())
    assert told["agreements_in_force_on"] == "2024-06-01"
    assert told["lines"][1]["value"] is None


def test_the_sites_to_chase_come_with_their_contacts(where, given):
    given["hospitals/SYN05"] = {"contact": "ed@syn05.example"}
    put(where, "a.csv", "2024-02-10", "2024-01", "k1,fist,x", site="SYN05")
    put(where, "b.csv", "2024-03-10", "2024-02", "k1,fist,x")
    put(where, "c.csv", "2024-02-10", "2024-01", "k2,fist,x")
    pipeline.take_in(where)
    found = pipeline.to_chase(where)
    assert found[["site_code", "state", "since", "contact"]].to_numpy().tolist() == [
        ["SYN05", "late", "2024-02", "ed@syn05.example"]
    ]
