"""The verb ``istv datastore``; a helper of :mod:`istv_lib.cli`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import numpy as np
import typer

from istv_lib import _show, datastore, store

HEADS = ["file", "dataset", "what", "why"]
WORDS = {
    "create": ("would be created", "created"),
    "replace": ("would be replaced", "replaced"),
    "describe": ("would be described anew", "described anew"),
    "skip": ("would be skipped", "skipped"),
    "left": ("would be left", "left"),
    "remove": ("to be removed by hand", "to be removed by hand"),
    "refuse": ("refused", "refused"),
}


def datastore_(
    month: Annotated[str, typer.Option(help='Month as YYYY-MM, or "latest": the newest of each page.')] = "latest",
    page: Annotated[list[str] | None, typer.Option(help="Only this page, such as camden; may be given again.")] = None,
    to: Annotated[str | None, typer.Option(help="Another DataPress site, such as http://localhost:8000.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Send it; without this, only say what would be done.")] = False,  # noqa: FBT002
) -> None:
    """Say what of the hub's releases the London Datastore lacks, and with --send send it there."""
    site = datastore.connect(to, np.random.default_rng(), sending=send)
    steps = datastore.plan(store.root(), site, month=None if month == "latest" else month, slugs=page or ())
    if send:
        with _show.bar("Sending", len(steps)) as tick:
            steps = datastore.send(site, steps, tick)
    outcomes = ["failed" if s.state == "failed" else WORDS[s.action][send] for s in steps]
    rows = [(s.name, s.dataset, what, s.why) for s, what in zip(steps, outcomes, strict=True)]
    _show.table(f"Datastore: {site.host}", HEADS, rows, left=HEADS)
    _show.say(", ".join(f"{n:,} {what}" for what, n in Counter(outcomes).items()) + ".")
    if any(s.action == "remove" for s in steps):
        _show.say("The Datastore holds files that must not be there: a person removes them, today if withdrawn.")
    if not send:
        _show.say("Nothing was sent; `istv datastore --send` does.")
    troubled = any(s.action in {"refuse", "remove"} or s.state == "failed" for s in steps)
    raise typer.Exit(1 if troubled else 0)
