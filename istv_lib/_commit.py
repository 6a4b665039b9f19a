"""All or nothing on disk: part files, then a journal, then moves; a helper of :mod:`istv_lib.store`.

A commit writes every file as a part into ``store/.commit/``. When all are there, one journal that lists the moves
and deletions is put in place: from that moment on the commit counts, and whoever starts next completes it. Before
that moment nothing outside ``store/.commit/`` was touched, and whoever starts next throws the parts away. A lock in
that folder keeps two commands from writing at once; the operating system frees it when a process dies.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from istv_lib import errors

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

FOLDER, JOURNAL, LOCK = ".commit", "journal.json", "lock"
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
WAIT_SECONDS = 60.0
_open: dict[Path, Commit] = {}


def reached(step: str) -> None:
    """Do nothing; the tests put a sudden end here."""


class Commit:
    """The writes of one commit of one root."""

    def __init__(self, top: Path, folder: Path) -> None:
        self.top, self.folder = top, folder
        self.parts: dict[Path, Path] = {}
        self.gone: set[Path] = set()

    def write(self, path: Path, content: bytes) -> None:
        """Write a file's part; it takes its place with the commit."""
        part = self.parts.setdefault(path, self.folder / f"{len(self.parts):06d}.part")
        self.gone.discard(path)
        _write(part, content)
        reached("part")

    def delete(self, path: Path) -> None:
        """Let a file go with the commit."""
        self.parts.pop(path, Path(os.devnull))
        self.gone.add(path)

    def decide(self) -> None:
        """Put the journal in place: the commit counts from here on."""
        for folder in sorted({path.parent for path in self.parts}):
            folder.mkdir(parents=True, exist_ok=True)
        moves = {path.relative_to(self.top).as_posix(): part.name for path, part in self.parts.items()}
        gone = sorted(path.relative_to(self.top).as_posix() for path in self.gone)
        content = json.dumps({"moves": moves, "gone": gone}).encode("utf-8")
        reached("before the journal")
        replace(self.folder / JOURNAL, content)
        reached("journal")


def of(path: Path) -> Commit | None:
    """Return the open commit of the root that a path lies in."""
    return next((commit for top, commit in _open.items() if path.is_relative_to(top)), None)


def is_open(top: Path) -> bool:
    """Whether a commit of this root is open in this process."""
    return top in _open


def replace(path: Path, content: bytes) -> None:
    """Write one file whole or not at all: to a neighbour first, then moved into place."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(part, content)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


@contextlib.contextmanager
def telling_of_a_full_disk(top: Path) -> Iterator[None]:
    """Turn the system's word for a full disk into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        msg = f"The disk of '{top.name}' is full; nothing was changed; free some space and run the command again."
        raise errors.StoreError(msg) from None


@contextlib.contextmanager
def begin(top: Path, store: Path) -> Iterator[Commit]:
    """Open a commit of a root; what is written in it takes its place together at the end, or not at all.

    Raises
    ------
    errors.StoreError
        When another command writes to the root, one may not write there, or the disk is full. Nothing was
        changed then.
    """
    lock = _lock_or_say(top, store / FOLDER)
    commit = Commit(top, store / FOLDER)
    try:
        _complete(top, commit.folder)
        _clear(commit.folder)
        _open[top] = commit
        try:
            with telling_of_a_full_disk(top):
                yield commit
                commit.decide()
        except BaseException:
            _clear(commit.folder)
            raise
        finally:
            del _open[top]
        _complete(top, commit.folder)
    finally:
        _release(commit.folder, lock)


def _lock_or_say(top: Path, folder: Path) -> IO[bytes]:
    try:
        with telling_of_a_full_disk(top):
            for _ in range(20):
                if (lock := _lock(folder)) is not None:
                    return lock
                time.sleep(0.05)
    except PermissionError:
        msg = f"You may not write to the store of '{top.name}'; ask who keeps it, or set ISTV_DATA to another root."
        raise errors.StoreError(msg) from None
    msg = f"Another command is writing to the store of '{top.name}'; wait until it has ended and run this one again."
    raise errors.StoreError(msg)


def recover(top: Path, store: Path) -> None:
    """Complete, or clear away, what a command that was ended suddenly has left.

    A command that is still at work is left alone; when it is just moving its files into place, this waits for it.
    """
    folder, last, lock = store / FOLDER, time.monotonic() + WAIT_SECONDS, None
    while not is_open(top) and folder.is_dir():
        with contextlib.suppress(PermissionError):
            lock = _lock(folder)
        if lock is not None:
            try:
                _complete(top, folder)
            finally:
                _release(folder, lock)
            return
        if not (folder / JOURNAL).exists():
            return
        if time.monotonic() > last:
            msg = (
                f"A change to the store of '{top.name}' is written but not yet in place; run `istv status` as "
                "somebody who may write there."
            )
            raise errors.StoreError(msg)
        time.sleep(0.05)


def _complete(top: Path, folder: Path) -> None:
    """Do what the journal says, if there is one; again and again gives the same."""
    path = folder / JOURNAL
    if not path.exists():
        return
    journal = json.loads(path.read_text(encoding="utf-8"))
    try:
        for target, part in journal["moves"].items():
            if (folder / part).exists():
                (top / target).parent.mkdir(parents=True, exist_ok=True)
                (folder / part).replace(top / target)
                reached("move")
        for target in journal["gone"]:
            (top / target).unlink(missing_ok=True)
            reached("deletion")
    except OSError as error:
        msg = (
            f"A change to the store of '{top.name}' is written but a file could not be moved into place "
            f"({error.strerror}); close what has it open and run `istv status`, which completes the change."
        )
        raise errors.StoreError(msg) from None
    path.unlink()
    reached("journal removed")


def _clear(folder: Path) -> None:
    """Throw away journal and parts; the journal first, because parts without it mean nothing."""
    (folder / JOURNAL).unlink(missing_ok=True)
    for path in sorted(folder.iterdir()):
        if path.name != LOCK:
            path.unlink(missing_ok=True)


def _lock(folder: Path) -> IO[bytes] | None:
    """Take the folder's lock; None when another process has it. Where the disk knows no locks, go on without."""
    path = folder / LOCK
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = path.open("ab")
    except FileNotFoundError:
        return None
    try:
        _exclusively(handle)
        if os.path.samestat(os.fstat(handle.fileno()), path.stat()):
            return handle
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in HELD:
            return handle
    handle.close()
    return None


def _exclusively(handle: IO[bytes]) -> None:
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)


def _release(folder: Path, lock: IO[bytes]) -> None:
    """Free the lock and remove the folder, unless a journal waits there to be completed."""
    with contextlib.suppress(OSError):
        if not (folder / JOURNAL).exists():
            _clear(folder)
            if fcntl is not None:
                (folder / LOCK).unlink()
    lock.close()
    with contextlib.suppress(OSError):
        if fcntl is None:
            (folder / LOCK).unlink()
        folder.rmdir()
