"""Owns a pseudo-terminal with a command in it: answers as a terminal does, keeps what it shows and what it wrote."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import termios
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import ptyprocess
import pyte

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

ROOT: Final = Path(__file__).resolve().parents[2]
AEPX: Final = (sys.executable, "-m", "tui_app")
KEYS: Final[Mapping[str, bytes]] = {
    "enter": b"\r",
    "tab": b"\t",
    "esc": b"\x1b",
    "space": b" ",
    "backspace": b"\x7f",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "ctrl-home": b"\x1b[1;5H",
    "ctrl-end": b"\x1b[1;5F",
    "pgup": b"\x1b[5~",
    "pgdn": b"\x1b[6~",
}
"""What a terminal sends for keys that are not a character."""

FRAME_BEGIN: Final = b"\x1b[?2026h"
"""What Textual writes before each frame, once the terminal has said that it knows synchronised output."""
FRAME_END: Final = b"\x1b[?2026l"
"""What Textual writes after each frame."""

_CHUNK: Final = 1 << 16
_STEP_S: Final = 0.02
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[\]P_^](?:(?!\x1b\\|\x07).)*)?\Z", re.DOTALL)
# Private forms with < = >, mode questions, DCS, APC and PM: pyte would print their tails.
_FOREIGN = re.compile(rb"\x1b\[[<=>][0-;]*[@-~]|\x1b\[[0-?]*\$[@-~]|\x1b[P_^].*?(?:\x1b\\|\x07)", re.DOTALL)
_MODE_QUESTION = re.compile(rb"\x1b\[\?(\d+)\$p")
_MODE_SET = re.compile(rb"\x1b\[\?([\d;]+)([hl])")
_KITTY = re.compile(rb"\x1b\[([<>])\d*u")


@dataclass(frozen=True, slots=True)
class Paint:
    """What a key or a wait brought: bytes, and milliseconds to the first frame's end and to the last byte."""

    count: int
    first_ms: float
    last_ms: float


class Terminal:
    """Runs a command in a terminal of `columns` x `lines` cells until closed.

    Everything is read on the caller's thread, in the methods that wait. They wait for what the screen shows, never
    for time to pass, and end with a `TimeoutError` that holds the screen.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.raw = bytearray()
        self.frames = 0
        self.last_read = self.started = time.perf_counter()
        self._stream = pyte.ByteStream(self.screen)
        self._rest = b""
        with warnings.catch_warnings():
            # Newer Pythons warn of a fork beside threads; the child does nothing but become the command.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process = ptyprocess.PtyProcess.spawn(
                list(command),
                cwd=str(ROOT),
                dimensions=(lines, columns),
                env=dict(os.environ if environ is None else environ),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the command, whatever it does, and give the terminal back."""
        if self._process.isalive():
            self._process.kill(signal.SIGKILL)
            self._process.wait()
        self._process.close(force=True)

    # What is there

    @property
    def pid(self) -> int:
        """The command's process id."""
        return int(self._process.pid)

    @property
    def rows(self) -> list[str]:
        """The screen's lines, without the blanks at their ends."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.rows)

    def row(self, pattern: str) -> str:
        """Return the first line that matches.

        Raises:
            LookupError: none does.
        """
        found = next((line for line in self.rows if re.search(pattern, line)), None)
        if found is None:
            raise LookupError(f"no line matches {pattern!r}:\n{self.text}")
        return found

    def line_settings(self) -> list[object]:
        """Return the terminal's line settings, as `stty -g` would tell them."""
        return list(termios.tcgetattr(self._process.fd))

    def modes(self) -> set[str]:
        """Return the private modes in force (by number, and `kitty` for its keyboard protocol)."""
        found = {"25", "7"}
        pattern = re.compile(_MODE_SET.pattern + rb"|" + _KITTY.pattern)
        for match in pattern.finditer(bytes(self.raw)):
            numbers, switch, kitty = match.groups()
            names = {"kitty"} if kitty else set(numbers.decode().split(";"))
            on = kitty == b">" if kitty else switch == b"h"
            found = found | names if on else found - names
        return found - {"2026"}

    def resident_mib(self) -> float:
        """Return the resident memory of the command and its children."""
        waiting, total = [self.pid], 0.0
        while waiting:
            pid = waiting.pop()
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
                waiting += [int(child) for child in children.split()]
                status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
                resident = re.search(r"VmRSS:\s+(\d+)", status)
                total += int(resident[1]) / 1024 if resident else 0.0
        return total

    # Reading

    def pump(self, seconds: float = 0.0) -> bool:
        """Read once what comes within `seconds`; return whether anything came."""
        if not select.select([self._process.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._process.fd, _CHUNK)
        except OSError:
            return False
        if not data:
            return False
        self.last_read = time.perf_counter()
        self.raw += data
        self._answer(data)
        self.frames += data.count(FRAME_END)
        data = self._rest + data
        unfinished = _UNFINISHED.search(data)
        cut = unfinished.start() if unfinished else len(data)
        self._rest = data[cut:]
        self._stream.feed(_FOREIGN.sub(b"", data[:cut]))
        return True

    @property
    def _is_in_a_frame(self) -> bool:
        """Whether a frame has begun and not ended: a terminal shows nothing of it yet."""
        return self.raw.rfind(FRAME_BEGIN) > self.raw.rfind(FRAME_END)

    def _answer(self, data: bytes) -> None:
        if b"\x1b[c" in data or b"\x1b[0c" in data:
            self._send(b"\x1b[?62;22c")
        if b"\x1b[6n" in data:
            self._send(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R".encode())
        for mode in _MODE_QUESTION.findall(data):
            self._send(b"\x1b[?%b;%d$y" % (mode, 2 if mode == b"2026" else 0))

    def _send(self, data: bytes) -> None:
        os.write(self._process.fd, data)

    def wait_for(self, pattern: str, seconds: float = 20.0) -> float:
        """Read until the screen matches and return the milliseconds since the terminal was started or last written to.

        Raises:
            TimeoutError: it does not within `seconds`, or the command has ended.
        """
        found = re.compile(pattern)
        deadline = time.perf_counter() + seconds
        while self._is_in_a_frame or not found.search(self.text):
            if not self.pump(_STEP_S) and (time.perf_counter() > deadline or not self._process.isalive()):
                raise TimeoutError(f"{pattern!r} did not come within {seconds:g} s. The screen:\n{self.text}")
        return (self.last_read - self.started) * 1000

    def wait_gone(self, pattern: str, seconds: float = 20.0) -> None:
        """Read until the screen no longer matches.

        Raises:
            TimeoutError: it still does after `seconds`.
        """
        found = re.compile(pattern)
        deadline = time.perf_counter() + seconds
        while self._is_in_a_frame or found.search(self.text):
            if not self.pump(_STEP_S) and time.perf_counter() > deadline:
                raise TimeoutError(f"{pattern!r} is still there after {seconds:g} s. The screen:\n{self.text}")

    def wait_until(self, happened: Callable[[], bool], seconds: float = 20.0) -> None:
        """Read until something outside of the terminal has happened.

        Raises:
            TimeoutError: it has not within `seconds`.
        """
        deadline = time.perf_counter() + seconds
        while not happened():
            self.pump(_STEP_S)
            if time.perf_counter() > deadline:
                raise TimeoutError(f"It did not happen within {seconds:g} s. The screen:\n{self.text}")

    def until_quiet(self, seconds: float = 0.25, *, most: float = 20.0) -> Paint:
        """Read until nothing has come for `seconds`; return what came."""
        begun, size, frames, first = time.perf_counter(), len(self.raw), self.frames, 0.0
        while self.pump(seconds) and time.perf_counter() - begun < most:
            if not first and self.frames > frames:
                first = self.last_read
        return Paint(len(self.raw) - size, max(0.0, first - begun) * 1000, max(0.0, self.last_read - begun) * 1000)

    def idle(self, seconds: float) -> int:
        """Read for that long without touching a key, and return the number of bytes that came."""
        begun, size = time.perf_counter(), len(self.raw)
        while (left := begun + seconds - time.perf_counter()) > 0:
            self.pump(min(left, 0.1))
        return len(self.raw) - size

    # Doing

    def press(self, *keys: str) -> None:
        """Press keys: names of `KEYS`, `ctrl-x`, or characters to type."""
        for key in keys:
            if key.startswith("ctrl-") and key not in KEYS:
                data = bytes([ord(key[-1].upper()) & 0x1F])
            else:
                data = KEYS.get(key, key.encode())
            self.started = time.perf_counter()
            self._send(data)

    def press_until(self, key: str, pattern: str, seconds: float = 20.0) -> float:
        """Press one key and return the milliseconds until the screen matches."""
        self.press(key)
        return self.wait_for(pattern, seconds)

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the window; the command is told by SIGWINCH."""
        self.screen.resize(lines, columns)
        self._process.setwinsize(lines, columns)

    def signal(self, number: int) -> None:
        """Send a signal to the command."""
        os.kill(self.pid, number)

    def wait_ended(self, seconds: float = 10.0) -> tuple[int, float]:
        """Read until the command has ended; return its exit code (negative: the signal) and the milliseconds it took.

        Raises:
            TimeoutError: it goes on.
        """
        begun = time.perf_counter()
        while self._process.isalive():
            self.pump(_STEP_S)
            if time.perf_counter() - begun > seconds:
                raise TimeoutError(f"The command goes on after {seconds:g} s. The screen:\n{self.text}")
        took = (time.perf_counter() - begun) * 1000
        while self.pump():
            pass
        code = self._process.exitstatus
        return (int(code) if code is not None else -int(self._process.signalstatus or 0)), took


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a person at a terminal whose home is `home` and who has set up nothing else.

    Args:
        home: an empty folder; configuration, history and logs end up below it.
        variables: what is set on top.
    """
    kept = {name: os.environ[name] for name in ("PATH", "VIRTUAL_ENV", "TZ") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "TMPDIR": str(home),
        **variables,
    }
