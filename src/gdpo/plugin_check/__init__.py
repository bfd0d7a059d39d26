"""What a plug-in does on stored samples, before a study is trained with it."""

from gdpo.plugin_check.check import check_file

__all__ = ["check_file"]
