"""Memory of all that a benchmark starts, pages that several processes share counted once."""

import threading
from types import TracebackType

import psutil


class PeakMemory:
    """Watches this process's descendants from a thread until the block ends.

    Linux's proportional set size is summed: a page that n processes share counts 1/n in each. Processes that
    the tree leaves to init (Ray's do where their parent ends first) are no longer seen.
    """

    def __init__(self, every: float = 0.5):
        """Look `every` so many seconds."""
        self.peak_mb = 0.0
        self.processes = 0
        """At the peak."""
        self._every, self._ended = every, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self._every):
            sizes = self._sizes()
            if sum(sizes) / 1e6 > self.peak_mb:
                self.peak_mb, self.processes = sum(sizes) / 1e6, len(sizes)

    def _sizes(self) -> list[int]:
        sizes = []
        for process in psutil.Process().children(recursive=True):
            try:
                sizes.append(process.memory_full_info().pss)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return sizes
