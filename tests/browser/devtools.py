"""Chromium over its own pipe (DevTools protocol, no port): open a page, run script, press keys, print, listen."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = """--headless --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync
    --disable-component-update --hide-scrollbars --remote-debugging-pipe""".split()
CHECKS = Path(__file__).with_name("checks.js").read_text(encoding="utf-8")
SECONDS = 60


def find() -> str:
    """Return the path of a Chromium: the one that CHROMIUM names, else the first on PATH, else nothing."""
    names = [os.environ["CHROMIUM"]] if "CHROMIUM" in os.environ else NAMES
    return next(filter(None, map(shutil.which, names)), "")


class Chromium:
    """One headless browser with a fresh profile and one tab."""

    def __init__(self, binary: str, profile: Path) -> None:
        """Start it; Chromium reads commands from descriptor 3 and answers on 4, which bash sets."""
        (read, self.send), (self.listen, write) = os.pipe(), os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (read, write)]
        flags = [*FLAGS, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        line = ["bash", "-c", f'exec "$@" 3<&{ends[0]} 4>&{ends[1]}', "bash", binary, *flags]
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        self.process = subprocess.Popen(line, pass_fds=ends, start_new_session=True, **quiet)
        for end in (read, write, *ends):
            os.close(end)
        self.bytes, self.number, self.session, self.events = b"", 0, "", []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come before it are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": given}
        data = json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0"
        while data:
            data = data[os.write(self.send, data) :]
        for answer in self.answers(SECONDS):
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']['message']}"
                return answer["result"]
        raise TimeoutError(f"Chromium gave no answer to {method}.")

    def answers(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield messages as they come, for some time; events are kept."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if b"\0" in self.bytes:
                message, _, self.bytes = self.bytes.partition(b"\0")
                answer = json.loads(message)
                self.events += [answer] if "method" in answer else []
                yield answer
            elif select.select([self.listen], [], [], left)[0]:
                more = os.read(self.listen, 1 << 20)
                assert more, "Chromium ended; start it by hand with --headless to see why"
                self.bytes += more

    def heard(self, *methods: str) -> list[dict[str, Any]]:
        """Return what some kinds of event said since the page was opened."""
        return [event["params"] for event in self.events if event["method"] in methods]

    def open(
        self, page: Path, *, width: int = 1280, height: int = 900, script: bool = True, policy: bool = True
    ) -> Chromium:
        """Open a file in a view of a size in CSS pixels, with its own script and content policy or without."""
        self.call("Page.navigate", url="about:blank")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.setBypassCSP", enabled=not policy)
        any(self.heard("Page.loadEventFired") for _ in self.answers(0.1))
        self.events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        assert any(self.heard("Page.loadEventFired") for _ in self.answers(SECONDS)), f"{page.name} did not load"
        self.js(CHECKS)
        return self

    def js(self, text: str) -> Any:
        """Run script beside the page (its content policy does not bind the debugger) and return the value."""
        told = self.call("Runtime.evaluate", expression=text, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release Tab or Enter."""
        told = {"key": key, "code": key, "windowsVirtualKeyCode": {"Tab": 9, "Enter": 13}[key]}
        self.call("Input.dispatchKeyEvent", type="keyDown", **told, **({"text": "\r"} if key == "Enter" else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def requests(self) -> list[str]:
        """Return the addresses asked for, without those that hold their own data."""
        sent = [told["request"]["url"] for told in self.heard("Network.requestWillBeSent")]
        return [url for url in sent if not url.startswith("data:")]

    def errors(self) -> list[str]:
        """Return what the console holds: errors, a broken content policy, script that failed."""
        told = self.heard("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [json.dumps(entry)[:300] for entry in told]

    def close(self) -> None:
        """End this browser and the processes that it started."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(SECONDS)
        os.close(self.send)
        os.close(self.listen)
