"""Owns what commands share: an opened engine for the time of one command, and the questions before a change."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from tui_app.cli.main import Globals, open_configuration
from tui_app.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence

    from tui_app.config import Loaded
    from tui_app.engine.engine import Engine
    from tui_app.models.failure import Failure, Finding
    from tui_app.wiring import Workspaces

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end; ctrl-c, SIGTERM and SIGHUP unwind it in order, temporary folders included."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # What started us may have told it to be ignored, as nohup does; then it stays ignored.
        if threading.current_thread() is threading.main_thread() and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    return asyncio.run(work)


@asynccontextmanager
async def opened_workspaces(options: Globals, loaded: Loaded) -> AsyncIterator[Workspaces]:
    """Give access to the configured connections, or with `--demo` to a fresh embedded platform.

    Raises:
        ConfigError: the packages of the embedded platform are missing.
    """
    from tui_app import wiring  # noqa: PLC0415 - brings engine and history, which help and completion do without

    if options.demo:
        async with wiring.demo_workspaces(loaded, sandbox=options.sandbox) as spaces:
            yield spaces
    else:
        yield wiring.workspaces(loaded)


@asynccontextmanager
async def opened_engine(options: Globals, *, changes: str = "", offline: bool = False) -> AsyncIterator[Engine]:
    """Give an engine whose history is open and whose loops are not started; stopped at the end.

    Args:
        options: the global options.
        changes: what the command is going to change, as in "The export job"; "" when it only reads.
        offline: from history alone: nobody is asked, no secret is looked for, and no history is begun.

    Raises:
        ConfigError: no connection or sandbox can be chosen.
        FailureError: the history cannot be opened; or the command would change something and must not, which is
            found out before any request is sent.
    """
    from tui_app.models.failure import FailureError  # noqa: PLC0415 - pydantic is slow to import; help does without

    loaded = open_configuration(options)
    if changes and loaded.settings.read_only:
        raise _read_only(changes, "This session is")
    async with opened_workspaces(options, loaded) as spaces:
        home = spaces.home_offline() if offline else await spaces.home()
        engine = await spaces.open(*home, offline=offline, told=Output().narrate)
        if offline:
            engine.drop_new_history()
        try:
            if changes and engine.session.policy.value == "read-only":
                raise _read_only(changes, f"Sandbox {engine.session.sandbox_name} is")
            for notice in engine.session.notices:
                Output().narrate(notice)
            if not offline:
                await engine.prepare()
            yield engine
        except FailureError as error:
            doubt(engine, error.failure)
            raise
        finally:
            await engine.stop()


async def tell_age(engine: Engine) -> None:
    """Say on stderr how old the word of a history is that is shown without asking the platform."""
    from tui_app.clock import now_ms  # noqa: PLC0415 - pydantic is slow to import; help does without
    from tui_app.models.times import rfc3339  # noqa: PLC0415 - as above
    from tui_app.present.times import age  # noqa: PLC0415 - as above

    held_ms = await engine.held_ms()
    if held_ms is not None:
        Output().narrate(f"As of {rfc3339(held_ms)}, {age(held_ms, now_ms(engine.clock))} ago.")


def doubt(engine: Engine, failure: Failure) -> None:
    """Let a history that was only just begun go again when the platform lets nobody in: the name may be mistyped."""
    if failure.kind.value == "permission":
        engine.drop_new_history()


async def confirm(engine: Engine, question: str, *, yes: bool) -> None:
    """Make sure that a change is wanted (product section 6).

    `yes` is the answer given beforehand. Else somebody at a terminal is asked, in a protected sandbox for its name;
    where nobody is, an open sandbox lets the change happen and a protected one does not.

    Raises:
        FailureError: it is not wanted, or may not happen unasked.
    """
    if yes:
        return
    session = engine.session
    if session.policy.value == "protected":
        await engine.settle_policy()
    is_protected, output = session.policy.value == "protected", Output()
    if not output.interactive:
        if is_protected:
            raise _refusal(
                f"Sandbox {session.sandbox_name} is protected and nobody is at a terminal to confirm",
                "Add --yes if it is meant.",
            )
        return
    with interruptible():
        if is_protected:
            agreed = output.ask_typed(f"{question} Sandbox {session.sandbox_name} is protected.", session.sandbox_name)
        else:
            agreed = output.ask(f"{question} (sandbox {session.sandbox_name})")
    if not agreed:
        raise _refusal("It was not confirmed", "Run the command again and confirm, or add --yes.")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let ctrl-c end a wait for a person, or for who reads our data, at once; asyncio's own handler lets it finish."""
    try:
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    except ValueError:  # not in the main thread, where nobody presses keys
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def report(output: Output, findings: Sequence[Finding]) -> bool:
    """Tell of the findings of a check, on stderr, and return whether one of them is an error."""
    for one in findings:
        output.narrate(f"{one.severity.capitalize()}: {one.field}: {one.cause} {one.remedy}")
    return any(one.severity == "error" for one in findings)


def _read_only(changes: str, who: str) -> Exception:
    return _failure(
        f"{changes} was not sent",
        f"{who} read-only",
        "Leave out --read-only, unset AEPX_READ_ONLY, or change the policy of the sandbox in config.toml.",
    )


def _refusal(cause: str, next_step: str) -> Exception:
    return _failure("Nothing was sent", cause, next_step)


def _failure(what: str, cause: str, next_step: str) -> Exception:
    from tui_app.models.failure import Failure, FailureError, FailureKind  # noqa: PLC0415 - only refusals need it

    return FailureError(Failure(kind=FailureKind.REFUSED, what=what, cause=cause, next_step=next_step))
