"""Work in parallel, one piece at a time for each chat."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

WORKERS = 4

Job = Callable[[], None]


class Lanes:
    """Up to `WORKERS` chats at once; within a chat in the order of arrival. Jobs do not raise."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="lane")
        self._waiting: dict[int, deque[Job]] = {}
        self._changed = threading.Condition()

    def submit(self, lane: int, job: Job) -> None:
        """The job runs when those before it in its lane are done."""
        with self._changed:
            queue = self._waiting.setdefault(lane, deque())
            queue.append(job)
            if len(queue) == 1:
                self._pool.submit(self._run, lane, job)

    def is_idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        with self._changed:
            return not self._waiting

    def wait(self, seconds: float) -> bool:
        """True as soon as nothing runs; False after `seconds`."""
        end = time.monotonic() + seconds
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout=max(0.0, end - time.monotonic()))

    def _run(self, lane: int, job: Job) -> None:
        try:
            job()
        finally:
            with self._changed:
                queue = self._waiting[lane]
                queue.popleft()
                if queue:
                    self._pool.submit(self._run, lane, queue[0])
                else:
                    del self._waiting[lane]
                self._changed.notify_all()
