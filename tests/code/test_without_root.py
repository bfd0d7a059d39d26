"""The hostile programs once more as a user without any right, where these tests run as root."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# The interpreter may lie in root's home, which others may not enter: there, in a view of its own, they may.
AS_NOBODY = """
set -e
above="$1"; shift
if [ -n "$above" ]; then
    mkdir -p "$SCRATCH/home/$(dirname "$above")" "$SCRATCH/home/$above"
    mount --bind "/root/$above" "$SCRATCH/home/$above"
    mount --rbind "$SCRATCH/home" /root
fi
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="these tests run without root already")
def test_hostile_programs_as_nobody(tmp_path):
    if closed := [str(folder) for folder in (ROOT, *ROOT.parents) if not folder.stat().st_mode & 0o001]:
        pytest.skip(f"nobody may enter {closed[0]}")
    home, python = Path("/root"), Path(sys.base_prefix).resolve()
    above = str(python.relative_to(home)) if python.is_relative_to(home) else ""
    tmp_path.chmod(0o755)
    run = subprocess.run(
        ["unshare", "-m", "sh", "-c", AS_NOBODY, "sh", above]
        + [
            sys.executable,
            "-B",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/code/test_hostile.py",
        ],
        cwd=ROOT,
        env=os.environ | {"SCRATCH": str(tmp_path), "HOME": "/tmp", "TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    if "passed" not in run.stdout:
        pytest.skip("no sandbox works here for a user without rights")
