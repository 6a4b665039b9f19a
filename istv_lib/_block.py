"""One output of a notebook, stamped with the audience and the release it was made from.

IPython shows a block by its MIME bundle, so that a cell may simply end in one. ``publish`` accepts no output
without a stamp, and none whose content differs from the digest in it.
"""

from __future__ import annotations

import hashlib

from istv_lib import disclosure, errors


def digest(data: dict[str, str]) -> str:
    """Return the sha256 over a block's content, in the order of its MIME types."""
    joined = "".join(f"{mime}\0{data[mime]}\0" for mime in sorted(data))
    return hashlib.sha256(joined.encode("utf-8")).hexdigest()


class Block:
    """A figure, map, table or some words made from released findings.

    ``title`` says what is shown; of a picture, ``heading`` says what it comes to, ``alt`` both, and ``note`` what it
    rests on. ``drawn`` marks a map of density for the ledger (:func:`istv_lib._density.mark`).
    """

    def __init__(
        self,
        kind: str,
        name: str,
        data: dict[str, str],
        released: disclosure.Released,
        *,
        title: str = "",
        alt: str = "",
        heading: str = "",
        note: str = "",
        drawn: str = "",
    ) -> None:
        self.kind, self.name, self.title, self.alt = kind, name, title, alt
        self.data = {"text/plain": repr(self), **data}
        self.stamp = {
            "kind": kind,
            "name": name,
            "audience": released.audience,
            "rule": released.rule,
            "release": released.id,
            "synthetic": released.kind,
            "title": title,
            "alt": alt,
            "heading": heading,
            "note": note,
            "digest": digest(self.data),
        } | ({"drawn": drawn} if drawn else {})

    def __repr__(self) -> str:
        """Say what it is; IPython keeps this as the plain-text twin."""
        return f"<{self.kind} '{self.name}': {self.title}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        meta: dict = {"istv": self.stamp}
        if "image/png" in self.data:
            meta["image/png"] = {"alt": self.alt}
        return dict(self.data), meta


def demand(released: object) -> disclosure.Released:
    """Return the argument if it is released; refuse anything else."""
    if not isinstance(released, disclosure.Released):
        msg = (
            f"Only released findings can be shown, not a {type(released).__name__}; pass it through disclosure.release."
        )
        raise errors.DisclosureError(msg)
    return released


def marker(released: disclosure.Released) -> str:
    """Return the words that must stand in each picture and title of data that are not real."""
    return {"synthetic": "SYNTHETIC", "mixed": "MIXED REAL AND SYNTHETIC", "real": ""}[released.kind]
