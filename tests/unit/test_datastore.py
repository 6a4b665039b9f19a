"""Releases to a DataPress site: against a server on this machine that speaks its calls and can misbehave."""

import hashlib
import json
import re
import ssl
import threading
import time
import traceback
import urllib.error
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from istv_lib import _datapress, _datastore_cli, datastore, errors, params, store

SECRET = "11111111-2222-3333-4444-555555555555"
NAMES = ["months.csv", "weapons.csv", "index.html", "datapackage.json"]


# ---- a site that can misbehave ---------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    """A DataPress site, as far as we know it; `server.faults` are met in order, by method."""

    timeout = 5

    def log_message(self, *args):
        """Say nothing."""

    def fault(self):
        found = next((f for f in self.server.faults if f[0] == self.command), None)
        if found:
            self.server.faults.remove(found)
        return found[1:] if found else ("",)

    def do_GET(self):
        self.do_any()

    do_POST = do_PATCH = do_GET  # noqa: N815 - names that the base class looks for

    def do_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.calls.append((self.command, self.path, self.headers.get("Authorization")))
        kind, *more = self.fault()
        if kind == "hang":
            time.sleep(0.4)
        if kind in {"hang", "drop"}:
            self.close_connection = True
            return
        if isinstance(kind, int):
            self.answer(kind, {"error": f"you sent {self.headers.get('Authorization')}"}, more[0] if more else {})
            return
        code, document = self.act(body, kind)
        if kind == "drop after":
            self.close_connection = True
        elif kind == "not json":
            self.answer(200, None, {})
        else:
            self.answer(code, document, {})

    def act(self, body, kind):
        _, _, _, name, *rest = self.path.split("/")
        if self.headers.get("Authorization") not in {SECRET, None}:
            return 401, {}
        there = self.server.datasets.get(name)
        if there is None:
            return 404, {}
        if self.command != "GET" and self.headers.get("Authorization") is None:
            return 403, {}
        if self.command == "PATCH":
            for change in json.loads(body):
                *way, last = change["path"].strip("/").split("/")
                spot = there
                for part in way:
                    spot = spot[part]
                assert (change["op"] == "replace") == (last in spot)
                spot[last] = change["value"]
        if self.command == "POST":
            form = BytesParser().parsebytes(f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode() + body)
            parts = {p.get_param("name", header="content-disposition"): p for p in form.get_payload()}
            content = parts["file"].get_payload(decode=True)
            stored = b"other" if kind == "corrupt" else content
            key = rest[1] or f"r{len(there['resources'])}"
            old = {"description": "", "order": 0} | there["resources"].get(key, {})
            checked = {self.server.checksum: hashlib.md5(stored).hexdigest()} if self.server.checksum else {}
            there["resources"][key] = old | {"title": parts["title"].get_payload(), "size": len(stored)} | checked
            self.server.contents[parts["title"].get_payload()] = stored
        return 200, there

    def answer(self, code, document, headers):
        content = b"<html>" if document is None else json.dumps(document).encode()
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.daemon_threads = made.block_on_close = True
        made.datasets = {"camden": fresh("camden"), "london": fresh("london")}
        made.contents, made.calls, made.faults, made.checksum = {}, [], [], "hash"
        made.address = f"http://127.0.0.1:{made.server_address[1]}"
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def fresh(name):
    """A dataset as the London Datastore gives it in 2026."""
    empty = {"licence": None, "contact": None, "custom": {}, "tags": [], "topics": [], "resources": {}}
    return empty | {"id": name, "title": "New", "description": "<p></p>", "team": "t1", "readonly": {"updates": []}}


def old_dataset(name):
    return {"id": "3f74", "slug": name, "title": "New", "licence": "ogl-v3", "tags": [], "resources": {}}


@pytest.fixture
def waits():
    return []


@pytest.fixture
def site(server, waits, monkeypatch):
    monkeypatch.setenv("DATASTORE_API", SECRET)
    return connect(server.address, waits)


def connect(address, waits=None, sending=True, **changed):
    rules = params.Rules(params.file("datastore")).replaced(**{"timeout": 0.2, **changed})
    sleep = (waits if waits is not None else []).append
    return datastore.connect(address, np.random.default_rng(1), sending=sending, rules=rules, sleep=sleep)


# ---- a hub with releases ---------------------------------------------------------------------------------


def publish(where, slug="camden", month="2024-12", version=1, value=60, ledger=True, **over):
    """Write a release as `istv publish` does; `over` changes its `istv` part."""
    folder = where.hub / slug / month / f"v{version}"
    files = {
        "months.csv": f"period_start,value\n{month},{value}\n".encode(),
        "weapons.csv": f"stratum,value\nknife,{value - 40}\n".encode(),
        "index.html": f"<p>{value}</p>".encode(),
    }
    for name, content in files.items():
        store.write(folder / name, content)
    tables = [name for name in files if name.endswith(".csv")]
    about = {
        "name": f"istv-{slug}-{month}-v{version}",
        "title": f"Camden assault attendances, {month}: Information Sharing to Tackle Violence (ISTV)",
        "description": "60 people came to an emergency department after an assault in Camden & nearby.",
        "keywords": ["violence", "London"],
        "temporal": {"start": "2023-01", "end": month},
        "resources": [
            {"path": n, "title": f"Table {n}", "hash": f"sha256:{store.sha256(files[n])}"} for n in tables
        ],
        "istv": {
            "slug": slug, "month": month, "month_label": "December 2024", "version": version, "area_name": "Camden",
            "kind": "real", "synthetic": False, "audience": "public", "withdrawn": None,
            "coverage_note": "28 of 29 hospitals sent data.", "rule_note": "", "standing": "Management information.",
            "form": {"attack": {"result": "passed"}},
            "page": {"name": "index.html", "sha256": store.sha256(files["index.html"])},
        } | over,
    }  # fmt: skip
    store.write(folder / "datapackage.json", json.dumps(about))
    if ledger:
        line = {"page": slug, "month": month, "version": version, "audience": "public"}
        store.append_ledger(where, [line | {"table": n, "csv_sha256": store.sha256(files[n])} for n in tables])
    return folder


def withdraw(where, folder):
    about = json.loads((folder / "datapackage.json").read_text())
    about["istv"]["withdrawn"] = {"date": "2025-02-01", "reason": "wrong"}
    about["resources"] = []
    for path in folder.glob("*.csv"):
        path.unlink()
    store.write(folder / "datapackage.json", json.dumps(about))


@pytest.fixture
def where(tmp_path):
    made = store.root(tmp_path / "real")
    publish(made)
    return made


def actions(steps):
    return {step.name.removeprefix("istv-camden-2024-12-"): step.state or step.action for step in steps}


def sent(server, method="POST"):
    return [path for called, path, _ in server.calls if called == method]


# ---- what may go -----------------------------------------------------------------------------------------


def test_a_dry_run_sends_only_gets_and_says_what_would_be_created(where, site, server):
    steps = datastore.plan(where, site)
    assert actions(steps) == dict.fromkeys(NAMES, "create") | {"camden": "describe"}
    assert {called for called, _, _ in server.calls} == {"GET"}
    assert server.datasets["camden"] == fresh("camden")


def test_sending_puts_the_files_there_byte_for_byte_and_describes_them(where, site, server):
    steps = datastore.send(site, datastore.plan(where, site))
    assert {step.state for step in steps} == {"done"}
    folder = where.hub / "camden" / "2024-12" / "v1"
    assert server.contents == {f"istv-camden-2024-12-{n}": (folder / n).read_bytes() for n in NAMES}
    there = server.datasets["camden"]
    assert there["licence"]["url"].endswith("open-government-licence/version/3/")
    assert there["custom"] == {"geo": "Borough", "update_frequency": "Monthly"}
    assert there["team"] == "t1"
    about = {r["title"]: (r["description"], r["timeframe"]) for r in there["resources"].values()}
    assert about["istv-camden-2024-12-months.csv"] == ("Table months.csv", {"from": "2023-01", "to": "2024-12"})


def test_a_second_run_sends_nothing(where, site, server):
    datastore.send(site, datastore.plan(where, site))
    server.calls.clear()
    steps = datastore.send(site, datastore.plan(where, site))
    assert actions(steps) == dict.fromkeys(NAMES, "skip")
    assert {called for called, _, _ in server.calls} == {"GET"}


def test_a_revision_replaces_under_the_same_key_and_leaves_what_is_not_ours(where, site, server):
    datastore.send(site, datastore.plan(where, site))
    there = server.datasets["camden"]["resources"]
    there["x"] = {"title": "strategy.pdf", "hash": "0"}
    keys = {held["title"]: key for key, held in there.items()}
    publish(where, version=2, value=65)
    steps = datastore.plan(where, site)
    assert actions(steps) == dict.fromkeys(NAMES, "replace") | {"strategy.pdf": "left"}
    datastore.send(site, steps)
    assert keys == {held["title"]: key for key, held in server.datasets["camden"]["resources"].items()}
    assert b"65" in server.contents["istv-camden-2024-12-months.csv"]


@pytest.mark.parametrize("field", ["check_hash", "hash"])
@pytest.mark.parametrize("how", ["md5", "one part", "sha256"])
def test_each_way_of_giving_the_checksum_is_understood(where, site, server, field, how):
    content = (where.hub / "camden/2024-12/v1/months.csv").read_bytes()
    plain = hashlib.md5(content)
    told = {"md5": plain.hexdigest().upper(), "one part": hashlib.md5(plain.digest()).hexdigest() + "-1"}
    held = {"title": "istv-camden-2024-12-months.csv", field: told.get(how) or store.sha256(content)}
    server.datasets["camden"]["resources"]["a"] = held
    assert actions(datastore.plan(where, site))["months.csv"] == "skip"


def test_a_file_without_a_checksum_is_sent_again(where, site, server):
    server.checksum = ""
    server.datasets["camden"]["resources"]["a"] = {"title": "istv-camden-2024-12-months.csv"}
    steps = datastore.plan(where, site)
    assert actions(steps)["months.csv"] == "replace"
    assert {step.state for step in datastore.send(site, steps)} == {"done"}


def test_a_site_before_datapress_4_gets_its_own_field_names(where, site, server):
    server.datasets["camden"], server.checksum = old_dataset("camden"), "check_hash"
    datastore.send(site, datastore.plan(where, site))
    there = server.datasets["camden"]
    assert (there["licence"], there["update_frequency"]) == ("ogl-v3", "Monthly")
    assert there["london_smallest_geography"] == "Borough"
    assert {r["temporal_coverage_to"] for r in there["resources"].values()} == {"2024-12"}
    assert {step.action for step in datastore.plan(where, site)} == {"skip"}


def test_an_earlier_month_does_not_change_what_the_dataset_says_of_itself(where, site, server):
    publish(where, month="2024-11")
    datastore.send(site, datastore.plan(where, site, month="2024-11"))
    assert server.datasets["camden"]["title"] == "New"
    assert {r["timeframe"]["to"] for r in server.datasets["camden"]["resources"].values()} == {"2024-11"}


# ---- the gate --------------------------------------------------------------------------------------------


def refused(where, site):
    steps = datastore.plan(where, site)
    assert [step.action for step in steps] == ["refuse"]
    assert datastore.send(site, steps)[0].state == ""
    return steps[0].why


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"form": {"attack": {"result": "refused"}}}, "attack was passed"),
        ({"form": {}}, "attack was passed"),
        ({"form": None}, "attack was passed"),
        ({"audience": "partner"}, "not for the public"),
        ({"kind": "mixed"}, "not real"),
        ({"kind": None}, "not real"),
        ({"page": {}}, "lacks something"),
        ({"page": {"name": "months.csv", "sha256": "0"}}, "index.html is not the file"),
    ],
)
def test_a_release_that_the_gate_has_not_passed_is_refused(where, site, server, over, why):
    publish(where, **over)
    assert why in refused(where, site)
    assert {called for called, _, _ in server.calls} == {"GET"}


def test_a_package_of_another_release_is_refused(where, site):
    (where.hub / "camden/2024-12/v1").rename(where.hub / "camden/2024-12/v2")
    assert "of another release" in refused(where, site)


def test_a_table_outside_the_ledger_is_refused(where, site):
    publish(where, version=2, value=61, ledger=False)
    assert "months.csv does not stand in the release ledger" in refused(where, site)


def test_a_table_released_to_partners_only_is_refused(where, site):
    (where.store / "ledger.jsonl").write_text((where.store / "ledger.jsonl").read_text().replace("public", "partner"))
    assert "does not stand in the release ledger" in refused(where, site)


@pytest.mark.parametrize("name", NAMES[:3])
def test_a_file_changed_since_is_refused(where, site, name):
    (where.hub / "camden/2024-12/v1" / name).write_text("changed")
    assert f"{name} is not the file that was released" in refused(where, site)


@pytest.mark.parametrize("name", ["../v1/months.csv", "/etc/hosts", "..", "datapackage.json", "gone.csv", 7, None])
def test_a_listed_name_that_is_no_file_of_the_release_is_refused(where, site, name):
    path = where.hub / "camden/2024-12/v1/datapackage.json"
    about = json.loads(path.read_text())
    about["resources"][0]["path"] = name
    path.write_text(json.dumps(about))
    assert refused(where, site)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"istv": []}', '"x"', "null"])
def test_a_package_that_cannot_be_read_is_refused(where, site, content):
    (where.hub / "camden/2024-12/v1/datapackage.json").write_text(content)
    assert "cannot be read or lacks something" in refused(where, site)


@pytest.mark.parametrize("part", ["title", "description", "keywords"])
def test_a_release_without_a_title_description_or_keywords_is_refused(where, site, part):
    path = where.hub / "camden/2024-12/v1/datapackage.json"
    store.write(path, json.dumps(json.loads(path.read_text()) | {part: ""}))
    assert f"it has no {part}" in refused(where, site)


def test_a_file_beside_the_listed_ones_is_never_sent(where, site):
    (where.hub / "camden/2024-12/v1/stray.csv").write_text("1")
    assert "stray.csv" not in actions(datastore.plan(where, site))


def test_a_link_in_place_of_a_file_is_refused(where, site, tmp_path):
    path = where.hub / "camden/2024-12/v1/months.csv"
    path.rename(tmp_path / "moved.csv")
    path.symlink_to(tmp_path / "moved.csv")
    assert "not there" in refused(where, site)


def synthetic(where):
    frame = pd.DataFrame({"synthetic": [True]})
    store.write_table(where.store / "events" / "source=ed" / "year=2024.parquet", frame)


def test_synthetic_releases_go_to_this_machine_only(where, site):
    synthetic(where)
    publish(where, kind="synthetic", synthetic=True)
    assert "refuse" not in actions(datastore.plan(where, site)).values()
    found = datastore.releases(where, local=False)
    assert found[0].files == ()
    assert "to a site on this machine alone" in found[0].faults[0]


def test_a_release_that_calls_itself_real_in_a_synthetic_root_is_refused(where):
    synthetic(where)
    assert "not real" in datastore.releases(where)[0].faults[0]


# ---- withdrawn -------------------------------------------------------------------------------------------


def test_files_of_a_withdrawn_release_are_to_be_removed_by_hand(where, site, server):
    datastore.send(site, datastore.plan(where, site))
    server.datasets["camden"]["resources"]["x"] = {"title": "strategy.pdf"}
    withdraw(where, where.hub / "camden/2024-12/v1")
    steps = datastore.plan(where, site)
    assert actions(steps) == dict.fromkeys(NAMES, "remove") | {"strategy.pdf": "left"}
    assert "2025-02-01" in steps[0].why
    assert "'r0'" in steps[0].why
    server.calls.clear()
    datastore.send(site, steps)
    assert {called for called, _, _ in server.calls} <= {"GET"}


def test_after_a_withdrawn_revision_the_version_before_it_goes_back(where, site, server):
    revised = publish(where, version=2, value=65)
    datastore.send(site, datastore.plan(where, site))
    server.datasets["camden"]["resources"]["x"] = {"title": "istv-camden-2024-12-extra.csv", "hash": "0"}
    withdraw(where, revised)
    steps = datastore.send(site, datastore.plan(where, site))
    assert actions(steps) == dict.fromkeys(NAMES, "done") | {"extra.csv": "remove"}
    assert b"60" in server.contents["istv-camden-2024-12-months.csv"]


def test_what_was_withdrawn_in_another_month_is_not_forgotten(where, site):
    folder = publish(where, month="2024-11")
    datastore.send(site, datastore.plan(where, site, month="2024-11"))
    withdraw(where, folder)
    steps = datastore.plan(where, site)
    assert [step.name for step in steps if step.action == "remove"] == [f"istv-camden-2024-11-{n}" for n in NAMES]
    assert actions(steps)["months.csv"] == "create"


def test_a_second_file_of_the_same_name_is_to_be_removed_by_hand(where, site, server):
    datastore.send(site, datastore.plan(where, site))
    server.datasets["camden"]["resources"]["x"] = {"title": "istv-camden-2024-12-months.csv"}
    step = datastore.plan(where, site)[-1]
    assert (step.action, step.why) == ("remove", "a second file of the same name: file 'x' there")


# ---- faults of the site ----------------------------------------------------------------------------------


def test_two_faults_of_the_server_are_survived_with_growing_waits(where, site, server, waits):
    server.faults = [("POST", 500), ("POST", 503)]
    assert {step.state for step in datastore.send(site, datastore.plan(where, site))} == {"done"}
    assert len(server.datasets["camden"]["resources"]) == 4
    assert 1 <= waits[0] <= 2 <= waits[1] <= 4


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": "99999"}, 120, 120),
        ({"Retry-After": "9" * 400}, 120, 120),
        ({"Retry-After": "soon"}, 1, 2),
        ({}, 1, 2),
        ({"Retry-After": "Wed, 01 Jan 2025 10:00:09 GMT", "X-Date": "1"}, 9, 9),
    ],
)
def test_too_many_requests_waits_as_asked_up_to_a_limit(where, site, server, waits, headers, low, high, monkeypatch):
    monkeypatch.setattr(Handler, "date_time_string", lambda _self: "Wed, 01 Jan 2025 10:00:00 GMT")
    server.faults = [("POST", 429, headers)]
    assert {step.state for step in datastore.send(site, datastore.plan(where, site))} == {"done"}
    assert len(waits) == 1
    assert low <= waits[0] <= high


@pytest.mark.parametrize("kind", ["drop after", "hang", "drop"])
def test_a_call_without_an_answer_is_not_repeated_unseen(where, site, server, kind):
    server.faults = [("POST", kind)]
    assert {step.state for step in datastore.send(site, datastore.plan(where, site))} == {"done"}
    titles = [held["title"] for held in server.datasets["camden"]["resources"].values()]
    assert sorted(titles) == sorted(set(titles))
    assert len(sent(server)) == (4 if kind == "drop after" else 5)


def test_a_half_taken_file_is_replaced_not_doubled(where, site, server):
    server.faults = [("POST", "drop after")]
    steps = datastore.plan(where, site)
    server.checksum = ""  # the site has the file but not yet its checksum
    datastore.send(site, steps)
    assert len(server.datasets["camden"]["resources"]) == 4
    assert sent(server)[1].endswith("/resources/r0")


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_refused_file_is_not_tried_again_and_does_not_keep_the_others_back(where, site, server, waits, code):
    server.faults = [("POST", code)]
    steps = datastore.send(site, datastore.plan(where, site))
    assert actions(steps) == dict.fromkeys(NAMES, "done") | {"months.csv": "failed", "camden": "failed"}
    assert str(code) in steps[0].why
    assert "a file failed" in steps[-1].why
    assert waits == []
    again = datastore.send(site, datastore.plan(where, site))
    assert actions(again) == dict.fromkeys(NAMES, "skip") | {"months.csv": "done", "camden": "done"}


@pytest.mark.parametrize("code", [401, 403])
def test_a_key_that_is_refused_stops_everything(where, site, server, waits, code):
    steps = datastore.plan(where, site)
    server.faults = [("POST", code)]
    server.calls.clear()
    steps = datastore.send(site, steps)
    assert {step.state for step in steps} == {"failed"}
    assert "did not accept the key" in steps[0].why
    assert steps[1].why.startswith("not tried")
    assert len(server.calls) == 2
    assert waits == []


def test_a_wrong_key_is_said_in_a_sentence(where, server, monkeypatch):
    monkeypatch.setenv("DATASTORE_API", "wrong")
    with pytest.raises(errors.PublishError, match=r"did not accept the key \(401\)"):
        datastore.plan(where, connect(server.address))


def test_a_dataset_that_is_not_there_is_refused_and_the_others_go_on(where, site, server):
    publish(where, slug="barnet")
    steps = datastore.plan(where, site)
    assert (steps[0].action, steps[0].slug) == ("refuse", "barnet")
    assert "has no dataset 'barnet'; make it there" in steps[0].why
    assert {step.action for step in steps[1:]} == {"create", "describe"}


def test_a_site_that_never_answers_is_given_up_after_some_tries(where, site, server, waits):
    server.faults = [("GET", 500)] * 9
    with pytest.raises(errors.PublishError, match="gave no clear answer"):
        datastore.plan(where, site)
    assert len(server.calls) == 5
    assert len(waits) == 4


def test_a_host_without_a_server_is_given_up(where, server, waits):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as free:
        port = free.server_address[1]
    with pytest.raises(errors.PublishError, match="gave no clear answer"):
        datastore.plan(where, connect(f"http://127.0.0.1:{port}", waits, sending=False))
    assert len(waits) == 4


def test_another_checksum_afterwards_is_a_failure(where, site, server):
    server.faults = [("POST", "corrupt")]
    steps = datastore.send(site, datastore.plan(where, site))
    assert (steps[0].state, steps[1].state) == ("failed", "done")
    assert "another checksum" in steps[0].why
    assert actions(datastore.plan(where, site))["months.csv"] == "replace"


def test_a_patch_without_an_answer_is_looked_at_before_it_is_repeated(where, site, server):
    server.faults = [("PATCH", "drop after"), ("GET", 502)]
    assert {step.state for step in datastore.send(site, datastore.plan(where, site))} == {"done"}
    assert len(sent(server, "PATCH")) == 1


@pytest.mark.parametrize("document", ["[]", '{"resources": [1]}', '{"resources": {"a": 1}}', "<html>", "7"])
def test_a_site_that_is_no_datapress_is_refused(where, site, document, monkeypatch):
    monkeypatch.setattr(_datapress.Site, "_call", lambda *_args: document.encode())
    with pytest.raises(errors.PublishError, match="something else than a dataset"):
        datastore.plan(where, site)


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_no_redirect_to_another_host_is_followed(where, site, server, method, code):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        other.datasets, other.calls, other.faults = {"camden": fresh("camden")}, [], []
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        away = f"http://localhost:{other.server_address[1]}/api/dataset/camden"
        steps = datastore.plan(where, site) if method != "GET" else []
        server.faults = [(method, code, {"Location": away})]
        if method == "GET":
            with pytest.raises(errors.PublishError, match="another address"):
                datastore.plan(where, site)
        else:
            assert "another address" in " ".join(step.why for step in datastore.send(site, steps))
        other.shutdown()
        thread.join()
    assert other.calls == []


def test_a_redirect_at_home_is_followed_when_reading(where, site, server):
    server.faults = [("GET", 307, {"Location": f"{server.address}/api/dataset/london"})]
    assert site.dataset("camden")["id"] == "london"


# ---- the key and the address -----------------------------------------------------------------------------


def test_without_a_key_nothing_can_be_sent_but_a_dry_run_works(where, server, monkeypatch):
    monkeypatch.delenv("DATASTORE_API", raising=False)
    with pytest.raises(errors.PublishError, match="There is no key: set DATASTORE_API"):
        connect(server.address)
    steps = datastore.plan(where, connect(server.address, sending=False))
    assert len(steps) == 5
    assert {key for _, _, key in server.calls} == {None}


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "caf\u00e9", "tab\tbed"])
def test_a_key_that_cannot_be_one_is_refused_without_repeating_it(server, monkeypatch, key):
    monkeypatch.setenv("DATASTORE_API", key)
    with pytest.raises(errors.PublishError, match="The key holds a space") as caught:
        connect(server.address)
    assert key.split()[0] not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://data.london.gov.uk", "http://localhost.evil.org", "http://localhost@evil.org", "ftp://localhost", "",
        "https://user:pw@data.london.gov.uk", "data.london.gov.uk", "https://", "https://data.london.gov.uk/api",
        "https://data.london.gov.uk?x=1", "https://data.london.gov.uk:port", "http://127.0.0.1.nip.io", "https://a@b",
        "http://[::1", "file:///etc/hosts", "https://data.london.gov.uk#a",
    ],
)  # fmt: skip
def test_only_https_addresses_or_this_machine_get_the_key(address):
    with pytest.raises(errors.PublishError, match="must be https"):
        _datapress.Site(address, {}, np.random.default_rng(1), SECRET)


@pytest.mark.parametrize("address", ["https://data.london.gov.uk", "https://data.london.gov.uk/", "http://[::1]:80"])
def test_addresses_that_may_be_used(address):
    assert _datapress.Site(address, {}, np.random.default_rng(1)).local == ("::1" in address)


def test_the_default_site_is_the_london_datastore_with_nothing_to_send_to_yet(where, monkeypatch):
    monkeypatch.setenv("DATASTORE_API", SECRET)
    found = datastore.connect(None, np.random.default_rng(1), sending=True)
    assert (found.host, found.local) == ("data.london.gov.uk", False)
    steps = datastore.plan(where, found)
    assert [(step.action, step.dataset) for step in steps] == [("left", "")]
    assert "names no dataset for it" in steps[0].why


@pytest.mark.parametrize("kind", [401, 400, 500, "drop", "corrupt", "not json", 302])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_the_key_is_never_shown(where, site, server, method, kind, capfd, caplog):
    caplog.set_level(0)
    steps = datastore.plan(where, site)
    server.faults = [(method, kind, {"Location": "http://elsewhere.test/" + SECRET})] * 6
    told = [repr(site), repr(steps), str(site)]
    try:
        told += [repr(datastore.send(site, steps))]
    except errors.PublishError as error:
        told += ["".join(traceback.format_exception(error)), repr(error), repr(error.__context__)]
    told += [*capfd.readouterr(), caplog.text]
    assert SECRET not in "".join(told)


def test_an_untrusted_certificate_sends_nothing(where, site, monkeypatch):
    def opened(*_args, **_how):
        raise urllib.error.URLError(ssl.SSLCertVerificationError("self-signed"))

    monkeypatch.setattr("urllib.request.OpenerDirector.open", opened)
    with pytest.raises(errors.PublishError, match="cannot be trusted"):
        datastore.plan(where, site)


# ---- what is asked for -----------------------------------------------------------------------------------


def test_pages_and_months_can_be_chosen(where, site, server):
    publish(where, slug="london")
    assert {step.slug for step in datastore.plan(where, site)} == {"camden", "london"}
    assert {step.slug for step in datastore.plan(where, site, slugs=["london"])} == {"london"}


@pytest.mark.parametrize(("how", "told"), [({"slugs": ["nowhere"]}, "nowhere"), ({"month": "2020-01"}, "2020-01")])
def test_what_the_hub_does_not_hold_is_said(where, site, how, told):
    with pytest.raises(errors.PublishError, match=f"holds no release of {told}"):
        datastore.plan(where, site, **how)


def test_an_empty_hub_is_said(tmp_path, site):
    with pytest.raises(errors.PublishError, match="no release of any page"):
        datastore.plan(store.root(tmp_path / "none"), site)


@pytest.mark.parametrize("ids", [{"camden": "a b"}, {"camden": "../x"}, {"camden": "one", "london": "one"}])
def test_datasets_that_cannot_be_ids_are_refused(where, server, ids):
    with pytest.raises(errors.PublishError, match="an id of its own"):
        datastore.plan(where, connect(server.address, sending=False, datasets=ids))


def test_a_page_goes_to_the_dataset_named_for_it(where, server):
    server.datasets["ab12x"] = fresh("ab12x")
    steps = datastore.plan(where, connect(server.address, sending=False, datasets={"camden": "ab12x"}))
    assert {step.dataset for step in steps} == {"ab12x"}


# ---- what a dataset says of itself -----------------------------------------------------------------------


def package(**over):
    about = {
        "title": "Assault attendances: Information Sharing to Tackle Violence (ISTV)",
        "description": "60 people came to an emergency department after an assault in Camden in December 2024.",
        "keywords": ["violence"],
        "istv": {"area_name": "Camden", "month_label": "December 2024", "coverage_note": "", "rule_note": ""},
    } | over
    about["istv"]["standing"] = "Management information, not official statistics."
    return about


@pytest.fixture
def mine():
    return params.Rules(params.file("datastore"))


def test_the_title_names_place_and_period(mine):
    title = datastore.metadata(package(), mine, {})["title"]
    assert title.endswith("(ISTV), Camden, December 2024")
    assert datastore.metadata(package(title=title), mine, {})["title"] == title


def test_the_description_is_plain_and_does_not_repeat_the_title(mine):
    title = "Camden assaults, December 2024"
    told = datastore.metadata(package(title=title, description=f"{title}: 60 people <came>."), mine, {})["description"]
    assert told.startswith("60 people &lt;came&gt;.")
    assert told.endswith("Management information, not official statistics.")


def test_a_description_that_differs_only_in_tags_is_left(mine):
    told = datastore.metadata(package(), mine, {})["description"]
    wrapped = "".join(f"<p>{part}</p>" for part in told.split("\n\n"))
    assert datastore.metadata(package(), mine, {"description": wrapped})["description"] == wrapped


def test_the_maintainer_is_told_where_the_release_names_one(mine, monkeypatch):
    monkeypatch.setattr(params, "file", lambda _name: {"maintainer": {"title": "VRU", "email": "vru@example.org"}})
    assert datastore.metadata(package(), mine, {})["contact"]["title"] == "VRU"
    assert datastore.metadata(package(), mine, {"slug": "s"})["maintainer_email"] == "vru@example.org"


documents = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=6,
).filter(lambda d: isinstance(d, dict))


@given(documents, documents)
def test_the_changes_lead_to_the_wish_and_to_nothing_else(there, wish):
    after = json.loads(json.dumps(there))
    for change in _datapress.changes(there, wish):
        *way, last = (part.replace("~1", "/").replace("~0", "~") for part in change["path"][1:].split("/"))
        spot = after
        for part in way:
            spot = spot[part]
        spot[last] = change["value"]
    assert _datapress.changes(after, wish) == []
    assert {k: v for k, v in after.items() if k not in wish} == {k: v for k, v in there.items() if k not in wish}


@given(st.binary(max_size=300))
def test_any_bytes_arrive_as_they_are(content):
    _, _, body, kind = _datapress.upload("a.csv", content, "")
    mark = kind.partition("boundary=")[2].encode()
    assert body.count(mark) == 3
    assert body.split(b"\r\n\r\n", 2)[2] == content + b"\r\n--" + mark + b"--\r\n"


def test_each_setting_has_its_reason(mine):
    for name in mine:
        assert set(params.file("datastore")[name]) == {"value", "unit", "reason", "source", "decided_by"}
        assert mine.why(name)


# ---- the verb --------------------------------------------------------------------------------------------


def verb(where, monkeypatch, *words):
    app = typer.Typer()
    app.command()(_datastore_cli.datastore_)
    monkeypatch.setenv("ISTV_DATA", str(where.path))
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner().invoke(app, list(words))


def test_the_verb_tells_what_would_be_done_and_then_does_it(where, server, monkeypatch):
    monkeypatch.setenv("DATASTORE_API", SECRET)
    result = verb(where, monkeypatch, "--to", server.address)
    assert result.exit_code == 0
    assert "4 would be created" in result.output
    assert "Nothing was sent" in result.output
    assert sent(server) == []
    result = verb(where, monkeypatch, "--to", server.address, "--send", "--page", "camden", "--month", "2024-12")
    assert result.exit_code == 0
    assert "4 created, 1 described anew." in result.output
    assert len(sent(server)) == 4
    assert SECRET not in result.output


def test_the_verb_ends_with_1_when_something_is_left_to_a_person(where, server, monkeypatch):
    monkeypatch.setenv("DATASTORE_API", SECRET)
    assert verb(where, monkeypatch, "--to", server.address, "--send").exit_code == 0
    withdraw(where, where.hub / "camden/2024-12/v1")
    result = verb(where, monkeypatch, "--to", server.address)
    assert result.exit_code == 1
    assert "4 to be removed by hand" in result.output
    assert re.search(r"holds files that must not be there", result.output)


def test_the_verb_ends_with_1_when_a_file_failed(where, server, monkeypatch):
    monkeypatch.setenv("DATASTORE_API", SECRET)
    server.faults = [("POST", 400)]
    result = verb(where, monkeypatch, "--to", server.address, "--send")
    assert result.exit_code == 1
    assert "2 failed" in result.output
