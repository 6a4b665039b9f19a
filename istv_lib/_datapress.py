"""One DataPress site over HTTP: its key, its calls, and when one is tried again; a helper of `datastore`.

No answer of the site is ever shown, because it may repeat what was sent.
"""

from __future__ import annotations

import email.utils
import hashlib
import http.client
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np

from istv_lib import errors

LOCAL = {"localhost", "127.0.0.1", "::1"}
Call = tuple[str, str, bytes, str]  # method, what follows the dataset's address, body, content type
_PASSING = {429, 500, 502, 503, 504}


class Stop(errors.PublishError):
    """A fault that every further call would meet as well."""


class DoubtError(Exception):
    """A call of which nobody knows whether it was carried out; ``after`` is the wait the site asks for, in seconds."""

    def __init__(self, after: float | None = None) -> None:
        super().__init__("no clear answer")
        self.after = after


class _AtHome(urllib.request.HTTPRedirectHandler):
    """Follow a redirect only when one reads, and only to the same scheme, host and port: the key goes with it."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Return the next request, or None to refuse it."""
        if req.get_method() != "GET" or _origin(newurl) != _origin(req.full_url):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass(frozen=True)
class Site:
    """A DataPress site, the key to it (kept out of every representation) and how patiently it is asked.

    ``rules`` holds ``timeout``, ``tries``, ``wait_first`` and ``wait_most`` of ``parameters/datastore.yml``;
    ``rng`` spreads the waits and ``sleep`` waits.

    Raises
    ------
    errors.PublishError
        When the address is not https (http on this machine alone), holds more than a host and a port, or the key
        holds what no key holds.
    """

    address: str
    rules: Mapping[str, Any]
    rng: np.random.Generator
    key: str = field(default="", repr=False)
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        """Check address and key before anything is sent; neither is repeated in a message."""
        if _origin(self.address) is None or urlsplit(self.address)[2:] not in {("", "", ""), ("/", "", "")}:
            msg = "The address of the Datastore must be https://HOST (http for localhost alone), without anything more."
            raise errors.PublishError(msg)
        if self.key and not re.fullmatch(r"[!-~]+", self.key):
            msg = "The key holds a space or a character that no key has; copy it again from the Datastore's profile."
            raise errors.PublishError(msg)

    @property
    def host(self) -> str:
        """Host name, for messages."""
        return urlsplit(self.address).hostname or ""

    @property
    def local(self) -> bool:
        """Whether the site is on this machine."""
        return self.host in LOCAL

    def dataset(self, name: str) -> dict[str, Any]:
        """Return a dataset as the site describes it; see :meth:`settle`."""
        return self.settle(name, lambda _there, _sent: None)

    def settle(self, name: str, needed: Callable[[dict[str, Any], bool], Call | None]) -> dict[str, Any]:
        """Look at a dataset, make the call that is needed, and look again until none is; return the dataset.

        Parameters
        ----------
        name : str
            Id of the dataset.
        needed : callable
            From the dataset as it is, and whether a call was carried out already, to the next call or None.

        Raises
        ------
        Stop
            The key is not accepted, the site is not what it should be, or it gave no clear answer ``tries`` times.
        errors.PublishError
            The site refused this call, or does not hold afterwards what was sent.

        Notes
        -----
        A call without a clear answer (a time-out, a dropped connection, 429, 5xx) is repeated only if the next look
        shows that it is still needed; so nothing is made twice. Any other refusal is not repeated.
        """
        sent, doubts = False, 0
        while True:
            try:
                there = self._look(name)
                call = needed(there, sent)
                if call is None:
                    return there
                if sent:
                    msg = (
                        f"{self.host} took the file, but gives another checksum for it; look there, or run this again."
                    )
                    raise errors.PublishError(msg)
                self._call(name, *call)
                sent = True
            except DoubtError as doubt:
                doubts += 1
                if doubts == self.rules["tries"]:
                    break
                self._wait(doubts, doubt.after)
        msg = f"{self.host} gave no clear answer; run this again later: what is there already is then skipped."
        raise Stop(msg)

    def _wait(self, doubts: int, after: float | None) -> None:
        most = self.rules["wait_most"]
        wait = min(most, self.rules["wait_first"] * 2 ** (doubts - 1)) * self.rng.uniform(0.5, 1)
        self.sleep(wait if after is None else min(most, max(wait, after)))

    def _look(self, name: str) -> dict[str, Any]:
        try:
            there = json.loads(self._call(name, "GET", ""))
            resources = there.get("resources") or {}
            if all(isinstance(held, dict) for held in resources.values()):
                return there | {"resources": resources}
        except (ValueError, AttributeError):
            pass
        msg = f"{self.host} answers with something else than a dataset; check that the address is a DataPress site."
        raise Stop(msg)

    def _call(self, name: str, method: str, rest: str, body: bytes | None = None, kind: str = "") -> bytes:
        """Make one call and return the answer; no error carries the request, and so none the key."""
        headers = {"Authorization": self.key, "Content-Type": kind, "Accept": "application/json", "User-Agent": "istv"}
        address = f"{self.address.rstrip('/')}/api/dataset/{quote(name, safe='')}{rest}"
        given = {k: v for k, v in headers.items() if v}
        request = urllib.request.Request(address, body, given, method=method)  # noqa: S310 - the scheme was checked
        near = [urllib.request.ProxyHandler({})] if self.local else []
        try:
            with urllib.request.build_opener(_AtHome, *near).open(request, timeout=self.rules["timeout"]) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            fault = self._fault(name, error.code, error.headers)
        except (OSError, http.client.HTTPException) as error:
            untrusted = isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError)
            msg = (
                f"The certificate of {self.host} cannot be trusted, so nothing was sent; ask whoever runs the network."
            )
            fault = Stop(msg) if untrusted else DoubtError()
        raise fault

    def _fault(self, name: str, code: int, headers: Any) -> Exception:
        if code in _PASSING:
            return DoubtError(_seconds(headers))
        if code in {401, 403}:
            who = "the key" if self.key else "a call without a key"
            msg = f"{self.host} did not accept {who} ({code}): DATASTORE_API must hold that of an editor of '{name}'."
            return Stop(msg)
        if code == 404:
            msg = f"{self.host} has no dataset '{name}'; make it there, and name its id in parameters/datastore.yml."
            return errors.PublishError(msg)
        if 300 <= code < 400:
            return Stop(f"{self.host} sends the call on to another address, which is not followed; check the address.")
        return errors.PublishError(f"{self.host} refused a call for dataset '{name}' ({code}); nothing is repeated.")


def upload(name: str, content: bytes, key: str) -> Call:
    """Return the call that puts a file there under a title that is its name: a new one, or in place of ``key``."""
    mark = f"istv-{hashlib.sha256(content).hexdigest()}"
    kind = {"csv": "text/csv", "json": "application/json"}.get(name.rpartition(".")[2], "text/html")
    head = (
        f'--{mark}\r\nContent-Disposition: form-data; name="title"\r\n\r\n{name}\r\n--{mark}\r\n'
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'
    )
    body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
    return "POST", f"/resources/{quote(key, safe='')}", body, f"multipart/form-data; boundary={mark}"


def changes(there: Mapping[str, Any], wish: Mapping[str, Any], at: str = "") -> list[dict[str, Any]]:
    """Return the operations of JSON Patch after which ``there`` holds all of ``wish``, and else what it held."""
    found = []
    for name, value in wish.items():
        now, way = there.get(name), f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
        if isinstance(now, dict) and isinstance(value, dict):
            found += changes(now, value, way)
        elif now != value:
            found.append({"op": "replace" if name in there else "add", "path": way, "value": value})
    return found


def patch(operations: list[dict[str, Any]]) -> Call:
    """Return the call that changes what a dataset says of itself and of its files, as JSON Patch."""
    return "PATCH", "", json.dumps(operations).encode(), "application/json"


def _origin(address: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an address that a key may be sent to, else None."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return None
    plain = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)
    return (parts.scheme, parts.hostname, port) if plain and parts.hostname and "@" not in parts.netloc else None


def _seconds(headers: Any) -> float | None:
    """Return what Retry-After asks for in seconds; a date counts from the date of the answer, not from our clock."""
    told = headers.get("Retry-After", "")
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        then, now = (email.utils.parsedate_to_datetime(text) for text in (told, headers.get("Date", "")))
        return max(0.0, (then - now).total_seconds())
    except (TypeError, ValueError):
        return None
