"""Small executed notebooks and roots for the tests of pages, made in memory."""

from __future__ import annotations

import base64
import io
import json

import pandas as pd
from nbformat import v4
from PIL import Image

from istv_lib import _block, _page, store
from istv_lib import run as runs_of

ALT = "Line chart of attendances in Camden by month; the newest month lies within the expected range."
TABLE = (
    '<table class="istv"><caption>Attendances by month</caption><thead><tr><th scope="col">Month</th>'
    '<th scope="col">Attendances</th></tr></thead><tbody><tr><th scope="row">March 2026</th>'
    '<td class="number">[c]</td></tr></tbody></table>'
)
CSV = "period_start,value,synthetic\n2026-03,60,True\n"


def png(width: int = 40, height: int = 20, **save: object) -> str:
    """Return a plain PNG as base64."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(out, format="PNG", **save)
    return base64.b64encode(out.getvalue()).decode()


def output(kind: str, name: str, data: dict, *, alt: str = "", **over: object):
    """Return one stamped output; ``over`` replaces fields of the stamp."""
    stamp = {
        "kind": kind, "name": name, "audience": "public", "rule": "nhs_hes", "release": "0a1b2c3d", "title": name,
        "alt": alt, "synthetic": "synthetic", "digest": _block.digest(data),
    } | over  # fmt: skip
    return v4.new_output("display_data", data=data, metadata={"istv": stamp})


def headline(text: str = "**SYNTHETIC.** In March 2026 Camden had about 60 attendances.", **over):
    return output("words", "headline", {"text/markdown": text, "text/plain": "<words>"}, **over)


def figure(alt: str = ALT, name: str = "trend", content: str | None = None, **over):
    return output("figure", name, {"image/png": content or png()}, alt=alt, **over)


def table(name: str = "months", html: str = TABLE, csv: str = CSV, **over):
    return output("table", name, {"text/html": html, "text/csv": csv}, **over)


def cell(*outputs, source: str = "show", count: int | None = 1):
    return v4.new_code_cell(source, execution_count=count, outputs=list(outputs))


def notebook(*cells, lead=None):
    """Return a notebook with title, headline and a section; ``cells`` follow."""
    first = [v4.new_markdown_cell("# Borough profile\n\nWho reads this and why.")]
    made = v4.new_notebook(cells=[*first, cell(lead or headline()), v4.new_markdown_cell("## How many?"), *cells])
    for number, each in enumerate(made.cells):
        each.id = f"c{number}"
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return made


def page(**over) -> _page.Page:
    given = {
        "slug": "camden", "area": "camden", "area_name": "Camden", "title": "Camden borough profile, March 2026",
        "notebook": "40_borough_profile", "month": "2026-03", "month_label": "March 2026", "audience": "public",
        "kind": "synthetic", "status": "provisional", "rule_note": "Small counts are not shown.",
        "code_version": "abc", "csv_prefix": "", "root": "../../../",
    }  # fmt: skip
    return _page.Page(**given | over)


def root(path, kinds=(True,)) -> store.Root:
    """Return a root whose events are of these kinds (True is synthetic)."""
    where = store.Root(path)
    folder = where.store / "events" / "source=ed"
    folder.mkdir(parents=True)
    events = pd.DataFrame({"synthetic": list(kinds), "month": "2026-01", "borough_gss": "E09000007"})
    given = {"method": "fist", "location_type": "street", "occurred_start": "", "occurred_precision": "none"}
    events.assign(**given).to_parquet(folder / "year=2026.parquet")
    return where


def form(where: store.Root, for_month: str, **over) -> None:
    """Write a month's release form, filled in; ``over`` replaces entries."""
    given = {"month": for_month, "analyst": "A. One", "assurer": "B. Two", "approver": "C. Three", "context": "Text."}
    text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in (given | over).items())
    store.write(where.restricted / for_month / "form.yml", text)


def run(
    name="40_borough_profile", slug="camden", area="Camden", audience="public", status="done", title="Borough profile"
):
    key = f"{name}__{slug}__{audience}"
    return {
        "id": key, "notebook": name, "title": title, "audience": audience, "slug": slug, "area_name": area,
        "status": status, "file": f"{key}.ipynb" if status == "done" else "", "parameters": {"area": slug},
    }  # fmt: skip


def put(where: store.Root, month: str, runs: list[tuple[dict, object]]) -> None:
    """Write a month's manifest and executed notebooks."""
    folder = where.restricted / month
    folder.mkdir(parents=True, exist_ok=True)
    for record, made in runs:
        if made is not None:
            (folder / record["file"]).write_text(json.dumps(made), encoding="utf-8")
            record["sha256"] = store.sha256((folder / record["file"]).read_bytes())
        record["key"] = runs_of.run_key(runs_of.state(where), record["id"], record["parameters"])
    (folder / "manifest.json").write_text(json.dumps({"month": month, "runs": [r for r, _ in runs]}), encoding="utf-8")
