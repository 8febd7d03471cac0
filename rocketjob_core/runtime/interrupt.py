"""Raising JobAborted in the thread that performs a job, and nowhere else."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rocketjob_core.errors import JobAborted

_set_async_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc


class Interrupt:
    """One per worker thread. `raise_in_perform` works only while the thread is inside `region`.

    Python delivers the exception at the next bytecode; a thread that sits in a C call gets it when that returns. The
    same technique as dramatiq's: github.com/Bogdanp/dramatiq, dramatiq/threading.py.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread_id: int | None = None

    @contextmanager
    def region(self) -> Iterator[None]:
        """The part of a worker's code that may be interrupted."""
        with self._lock:
            self._thread_id = threading.get_ident()
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        thread_id = threading.get_ident()
        while True:
            try:
                with self._lock:
                    self._thread_id = None
                    # Take back what was set but not yet delivered: it must not hit the code that stores the result.
                    _set_async_exception(ctypes.c_ulong(thread_id), None)
                return
            except JobAborted:
                continue  # delivered just here; go round again so that the region is left in good order

    def raise_in_perform(self) -> bool:
        """Raise JobAborted in the performing thread; False when it is not performing."""
        with self._lock:
            if self._thread_id is None:
                return False
            _set_async_exception(ctypes.c_ulong(self._thread_id), ctypes.py_object(JobAborted))
            return True
