"""Snakemake logger plugin ``gdpo``: snakemake-logger-plugin-rich's panel, with the jobs' own lines above it.

The panel alone would be drawn over what jobs print to the terminal: a training's step, rewards and ETA. Here
their standard error is a pipe, and each line is printed through the panel's console. Without a terminal, and
in a dry run, this plugin does nothing and Snakemake's own log is printed.
"""

import contextlib
import os
import sys
import threading
from logging import LogRecord

from rich.text import Text
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_logger_plugin_rich import LogHandler as RichHandler


class LogHandler(LogHandlerBase):
    """Shows DAG progress by rule and the lines of running jobs."""

    def __post_init__(self) -> None:
        self._panel: RichHandler | None = None
        if sys.stderr.isatty() and not self.common_settings.dryrun and not self.common_settings.quiet:
            self._panel = RichHandler(self.common_settings, None)
            self._take_standard_error(self._panel)

    def _take_standard_error(self, panel: RichHandler) -> None:
        """Let the panel write to the terminal, and everyone else, jobs included, to a pipe that is shown."""
        self._terminal = os.dup(2)
        panel.console.file = os.fdopen(os.dup(self._terminal), "w")
        read, write = os.pipe()
        os.dup2(write, 2)
        os.close(write)
        self._reader = threading.Thread(target=self._show_lines, args=(read, panel), daemon=True)
        self._reader.start()

    @staticmethod
    def _show_lines(read: int, panel: RichHandler) -> None:
        with os.fdopen(read, errors="replace") as lines:
            for line in lines:
                panel.console.print(Text.from_ansi(line.rstrip("\n")), soft_wrap=True)

    def emit(self, record: LogRecord) -> None:
        """Hand the record to the panel."""
        if self._panel is not None:
            self._panel.emit(record)

    def close(self) -> None:
        """Give the terminal back, after the last line was shown."""
        if self._panel is not None:
            panel, self._panel = self._panel, None
            os.dup2(self._terminal, 2)  # closes the pipe, unless a job still holds it
            self._reader.join(timeout=2)
            with contextlib.suppress(Exception):
                panel.close()
            os.close(self._terminal)
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """Whether it prints; else Snakemake adds its own handler for that."""
        return self._panel is not None

    @property
    def writes_to_file(self) -> bool:
        """It writes no file; Snakemake's log file stays."""
        return False

    @property
    def has_filter(self) -> bool:
        """The panel chooses what it shows."""
        return True

    @property
    def has_formatter(self) -> bool:
        """The panel formats what it shows."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """It draws no rule graph."""
        return False
