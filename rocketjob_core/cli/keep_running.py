"""Run one command again whenever it ends, with growing pauses; give up when it keeps dying.

honcho, which runs the processes of `rocketjob up`, ends all of them when one ends: this makes the difference between
one that died once and one that can't live.

usage: python -m rocketjob_core.cli.keep_running NAME EXIT_CODE COMMAND...

It ends with EXIT_CODE when it gives up, so that its manager knows which of its processes it was.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import deque
from types import FrameType

DEATHS_MAX = 5
WITHIN_SECONDS = 60.0
PAUSE_FIRST_SECONDS, PAUSE_MAX_SECONDS = 0.5, 10.0

EXIT_BAD_USAGE = 2  # the command's own word that another try can't help: a bad setting


class KeepRunning:
    """One command and its restarts."""

    def __init__(self, name: str, given_up: int, command: list[str]) -> None:
        self._name = name
        self._given_up = given_up
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def run(self) -> int:
        """Until told to stop, or until it keeps dying."""
        # Ctrl-C reaches the whole foreground group; the order to stop comes as SIGTERM, once, from the manager.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_term)
        deaths: deque[float] = deque(maxlen=DEATHS_MAX)
        pause = PAUSE_FIRST_SECONDS
        while not self._stopping:
            started = time.monotonic()
            self._child = subprocess.Popen(self._command)
            if self._stopping:  # the signal came between the two lines above
                self._child.terminate()
            code = self._child.wait()
            if self._stopping:
                return 0
            if code == EXIT_BAD_USAGE:
                self._say("can't run with these settings; giving up")
                return self._given_up
            deaths.append(time.monotonic())
            if len(deaths) == DEATHS_MAX and deaths[-1] - deaths[0] < WITHIN_SECONDS:
                self._say(f"ended {DEATHS_MAX} times within {WITHIN_SECONDS:g} seconds (last: {_how(code)}); giving up")
                return self._given_up
            pause = PAUSE_FIRST_SECONDS if time.monotonic() - started > WITHIN_SECONDS else pause
            self._say(f"ended ({_how(code)}); starting it again in {pause:g} s")
            self._sleep(pause)
            pause = min(pause * 2, PAUSE_MAX_SECONDS)
        return 0

    def _on_term(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def _sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < deadline:
            time.sleep(0.05)

    def _say(self, text: str) -> None:
        print(f"{self._name} {text}", flush=True)


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


if __name__ == "__main__":
    sys.exit(KeepRunning(sys.argv[1], int(sys.argv[2]), sys.argv[3:]).run())
