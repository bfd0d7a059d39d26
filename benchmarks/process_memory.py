"""Memory of a process and all that it started, pages that several share counted once."""

import threading
from types import TracebackType

import psutil


class PeakMemory:
    """Watches a process tree from a thread until the block ends.

    Linux's proportional set size is summed: a page that n processes share counts 1/n in each. Processes that
    the tree leaves to init (Ray's do where their parent ends first) are no longer seen.
    """

    def __init__(self, pid: int, every: float = 0.5):
        """Watch process `pid`, `every` so many seconds."""
        self.peak_mb = 0.0
        self.processes = 0
        """In the tree at its peak."""
        self._root, self._every, self._ended = psutil.Process(pid), every, threading.Event()
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
        try:
            tree = [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return sizes
        for process in tree:
            try:
                sizes.append(process.memory_full_info().pss)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return sizes
