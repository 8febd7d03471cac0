"""Four jobs on real input: the source files of the standard library."""

from __future__ import annotations

import ast
import sysconfig
import time
from pathlib import Path
from typing import Any

from mongoengine import IntField, ListField, StringField

from rocketjob_core import Job

STDLIB = Path(sysconfig.get_path("stdlib"))


class SourceJob(Job):
    """Abstract: what jobs that read Python sources share."""

    meta = {"abstract": True}

    destroy_on_complete = False

    lines = IntField(min_value=0)
    definitions = IntField(min_value=0)
    longest_function = StringField()
    unreadable = ListField(StringField())

    def count(self, path: Path, longest: int) -> int:
        """Add one file to the counts; returns the length of the longest function so far."""
        try:
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (SyntaxError, ValueError) as error:  # ValueError: not UTF-8
            self.unreadable.append(f"{path.relative_to(STDLIB)}: {error}")
            return longest
        self.lines = (self.lines or 0) + text.count("\n")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.definitions = (self.definitions or 0) + 1
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if not isinstance(node, ast.ClassDef) and length > longest:
                    longest = length
                    self.longest_function = f"{path.relative_to(STDLIB)}:{node.lineno} {node.name}, {length} lines"
        return longest

    def start_over(self) -> None:
        """A job may run again, after a failure or a lost worker: it counts from zero each time."""
        self.lines, self.definitions, self.longest_function, self.unreadable = 0, 0, None, []


class PackageStatsJob(SourceJob):
    """Counts lines and definitions of a package, file by file, and shows how far it is."""

    package = StringField(required=True, user_editable=True)
    files = IntField(min_value=0)

    def before_perform(self) -> None:
        self.start_over()

    def perform(self) -> dict[str, Any]:
        paths = sorted((STDLIB / self.package).rglob("*.py"))
        if not paths:
            raise FileNotFoundError(f"No Python sources in {STDLIB / self.package}")
        longest = 0
        for number, path in enumerate(paths, start=1):
            longest = self.count(path, longest)
            percent = 100 * number // len(paths)
            if percent >= (self.percent_complete or 0) + 5:
                self.percent_complete = percent
                self.save()
        self.files = len(paths)
        return {"files": self.files, "lines": self.lines}


class FileStatsJob(SourceJob):
    """The same for one file, whose name an operator can correct."""

    file_name = StringField(required=True, user_editable=True)

    def before_perform(self) -> None:
        self.start_over()
        self.logger.info("reading", file=self.file_name)

    def before_fail(self) -> None:
        self.logger.warning("could not be read", file=self.file_name, reason=self.exception.message)

    def perform(self) -> None:
        path = STDLIB / self.file_name
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {self.file_name} in {STDLIB}")
        self.count(path, 0)


class TreeSizeJob(Job):
    """How large the whole library is: the scheduled one."""

    destroy_on_complete = False

    files = IntField(min_value=0)
    megabytes = IntField(min_value=0)

    def perform(self) -> None:
        sizes = [path.stat().st_size for path in STDLIB.rglob("*.py")]
        self.files, self.megabytes = len(sizes), sum(sizes) // 1_000_000


class LongWatchJob(Job):
    """Takes its time, to be paused or aborted. It sleeps in short steps: that is where an abort reaches it."""

    destroy_on_complete = False
    pausable = True

    seconds = IntField(min_value=1, max_value=3600, default=600, user_editable=True)
    done_seconds = IntField(min_value=0, default=0)

    def perform(self) -> None:
        while self.done_seconds < self.seconds:
            for _ in range(10):
                time.sleep(0.1)
            self.done_seconds += 1
            self.percent_complete = 100 * self.done_seconds // self.seconds
            self.save()  # where the job was paused meanwhile, this raises JobAborted, and resuming goes on from here
