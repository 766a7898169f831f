"""The one gate: formatting, lint, types, layers, dependencies, tests. `python -m tests.check [pytest args]`."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", (str(BIN / "ruff"), "format", "--check", ".")),
    ("lint", (str(BIN / "ruff"), "check", ".")),
    ("types", (sys.executable, "-m", "mypy")),
    ("layers", (str(BIN / "lint-imports"), "--no-cache")),
    ("dependencies", (str(BIN / "deptry"), ".")),
)


def main() -> int:
    """Run every step, tests last, and return how many failed; a failed step does not hide the next."""
    failed: list[str] = []
    pytest = (sys.executable, "-m", "pytest", "-q", "-n", "2", *sys.argv[1:])
    for name, command in (*STEPS, ("tests", pytest)):
        started = time.monotonic()
        print(f"== {name}", flush=True)
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        print(f"== {name}: {'ok' if code == 0 else 'FAILED'} in {time.monotonic() - started:.1f} s", flush=True)
        if code != 0:
            failed.append(name)
    if failed:
        print(f"gate: failed in {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
