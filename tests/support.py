"""What tests of real processes share: polling with a deadline, and processes that leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from rocketjob_core.testing import eventually

ROOT = Path(__file__).parent.parent
ROCKETJOB = [sys.executable, "-m", "rocketjob_core.cli.main"]

__all__ = ["ROCKETJOB", "ROOT", "Processes", "eventually"]


class Processes:
    """Starts processes in sessions of their own, and ends each with its whole tree."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[str]] = []

    def start(self, *command: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> subprocess.Popen[str]:
        log = self._folder / f"process-{len(self._running)}.log"
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        process.log = log  # type: ignore[attr-defined]
        self._running.append(process)
        return process

    @staticmethod
    def tree(process: subprocess.Popen[str]) -> list[psutil.Process]:
        try:
            parent = psutil.Process(process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    @staticmethod
    def kill_group(process: subprocess.Popen[str]) -> None:
        """kill -9 of everything the process has started."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def stop_all(self) -> None:
        trees = [self.tree(process) for process in self._running]
        for process in self._running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 15
        for process in self._running:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        for tree in trees:
            for child in tree:
                try:
                    child.kill()
                except psutil.NoSuchProcess:
                    continue
