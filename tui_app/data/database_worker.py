"""Owns the process that a database lives in: it answers what its maker asks, and ends when it takes too much memory.

DuckDB keeps to its limit with tables and sorts, but not with one long text or list: only a process can be ended for
that. It also ends, and takes what it spilled with it, when its maker is gone.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from tui_app.data.database import Database, load
from tui_app.data.errors import DataError

TOO_MUCH: Final = 77
"""The exit code of a process that took more memory than it may."""
STOP: Final = "stop"
_LOOK_S: Final = 0.01
_IDLE: Final = 32 * 1024**2
"""Bytes that an open database holds before it is asked anything."""


def serve(connection: Connection) -> None:
    """Open a database as told first, then answer question after question."""
    sources, memory, folder = connection.recv()
    try:
        load()
    except DataError as error:
        connection.send(error)
        return
    asked: queue.SimpleQueue[tuple[str, tuple[Any, ...]]] = queue.SimpleQueue()
    opened: list[Database] = []
    threading.Thread(target=_listen, args=(connection, asked, opened, folder), daemon=True).start()
    threading.Thread(target=_watch, args=(_resident() + _IDLE, memory), daemon=True).start()
    try:
        database = Database(sources, memory=memory, folder=folder)
    except DataError as error:
        connection.send(error)
        return
    opened.append(database)
    connection.send(database.tables)
    while True:
        name, arguments = asked.get()
        try:
            answer = getattr(database, name)(*arguments)
        except DataError as error:
            answer = error
        except MemoryError:
            os._exit(TOO_MUCH)
        connection.send(answer)


def _listen(connection: Connection, asked: queue.SimpleQueue[Any], opened: list[Database], folder: Path) -> None:
    while True:
        try:
            question = connection.recv()
        except (EOFError, OSError):
            # Whoever asked is gone, perhaps killed: nobody else removes what was spilled.
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(0)
        if question[0] == STOP:
            for database in opened:
                database.stop()
        else:
            asked.put(question)


def _watch(idle: int, most: int) -> None:
    """End the process as soon as it holds more bytes than it may, besides those it holds while idle."""
    while _resident() <= idle + most:
        time.sleep(_LOOK_S)
    os._exit(TOO_MUCH)


def _resident() -> int:
    """Return the bytes of memory that this process holds; 0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(ImportError):
        import resource  # noqa: PLC0415 - Windows has none

        # The most it ever held, which does as well: it may never have held more.
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, EOFError, KeyboardInterrupt):
        serve(Connection(int(sys.argv[1])))
