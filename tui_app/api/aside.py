"""Owns running a call that may block for long beside the event loop, without keeping the program from ending."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def run_aside(work: Callable[[], T]) -> T:
    """Run `work` in a thread of its own and return what it returns, or raise what it raises.

    Unlike with `asyncio.to_thread`, nobody waits for it once the caller was cancelled: a password manager may stand
    there for half a minute until a key is touched, and leaving must not take as long.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Callable[[], None]) -> None:
        if not future.done():
            result()

    def call() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to who waits
            outcome = _raising(future, error)
        else:
            outcome = _returning(future, value)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=call, name="aepx-aside", daemon=True).start()
    return await future


def _returning(future: asyncio.Future[T], value: T) -> Callable[[], None]:
    return lambda: future.set_result(value)


def _raising(future: asyncio.Future[T], error: BaseException) -> Callable[[], None]:
    return lambda: future.set_exception(error)
