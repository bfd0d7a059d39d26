"""What a program is kept from: the view of files that all share, and the limits of the one that begins.

Linux on x86-64 alone; every failure is an error, so that nothing runs less confined than was asked for.
"""

import ctypes
import os
import resource
import signal

import syscalls

NOBODY = 0x70000000
"""Users of programs are from here on where root starts the sandbox: one for each server, and of no file."""
THREADS = 64
FILES = 64
STACK = 64 << 20
"""Bytes of the main thread's stack."""
_NEW_MOUNTS, _NEW_USER = 0x20000, 0x10000000
_NEW_ALL = _NEW_MOUNTS | 0x40000000 | 0x8000000 | 0x4000000 | 0x20000000  # + network, IPC, names, processes
_BIND, _RECURSIVE, _PRIVATE = 0x1000, 0x4000, 0x40000
_PIVOT_ROOT, _CAPSET, _MOUNT_SETATTR = 155, 126, 442
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PLACES = ("/mnt/", "/media/", "/srv/", "/tmp/")
"""Folders of every Linux: the new root is mounted on one that nothing is shown of."""
_READ_ONLY, _DETACH, _PATH_ONLY = 1, 2, 0x200000

_MYSELF, _NO_CAPABILITY = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
_FIXED_LIMITS = (
    (resource.RLIMIT_NOFILE, FILES),
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_MEMLOCK, 0),
    (resource.RLIMIT_MSGQUEUE, 0),
)

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> int:
    """The result of a call of C's library.

    Raises:
        OSError: it is negative.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def die_with_parent() -> None:
    """Be killed when the process that started this one ends."""
    parent = os.getppid()
    checked(libc.prctl(1, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(1)


def enter_namespaces(paths: list[str], box: str, as_root: bool) -> None:
    """See only ``paths``, read-only, and no network, process or host of outside; returns in a new process.

    Args:
        paths: absolute; what may be read.
        box: an empty folder of this name is there beside them.
        as_root: namespaces are root's; else a user's, in a user namespace of their own.
    """
    user, group = os.getuid(), os.getgid()
    checked(libc.unshare(_NEW_ALL | (0 if as_root else _NEW_USER)), "unshare")
    if not as_root:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"65534 {user} 1"),
            ("gid_map", f"65534 {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    root = next(place for place in _PLACES if not any(f"{path}/".startswith(place) for path in paths))
    _mount("none", root, "tmpfs", 0, "size=1m,mode=0755")
    for path in paths:
        _show(path, root + path[1:])
    os.makedirs(root + box[1:], exist_ok=True)
    os.chdir(root)
    checked(libc.syscall(_PIVOT_ROOT, b".", b"."), "pivot_root")
    checked(libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    _read_only("/")
    if child := os.fork():  # only children are in the new namespace of processes
        die_with_parent()
        for fd in (0, 1):
            os.close(fd)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    die_with_parent()


def _show(path: str, place: str) -> None:
    if os.path.isdir(path):
        os.makedirs(place, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        open(place, "x").close()
    _mount(path, place, None, _BIND | _RECURSIVE)
    _read_only(place)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [text and text.encode() for text in (source, target, kind, options)]
    checked(libc.mount(*texts[:3], ctypes.c_ulong(flags), texts[3]), f"mount {target}")


def _read_only(place: str) -> None:
    attributes = (ctypes.c_uint64 * 4)(_READ_ONLY, 0, 0, 0)  # to set, to clear, propagation, user namespace
    checked(
        libc.syscall(
            _MOUNT_SETATTR,
            -100,
            place.encode(),
            ctypes.c_uint(0x8000),
            ctypes.byref(attributes),
            ctypes.c_size_t(32),
        ),
        f"mount_setattr {place}",
    )


def enter_landlock(paths: list[str]) -> None:
    """Be allowed to read only ``paths``, and to write nowhere, for good."""
    version = checked(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1)), "landlock")
    every = {1: 13, 2: 14}.get(
        version, 15
    )  # rights to files: linking to other folders, truncating came later
    handled = ctypes.c_uint64((1 << every) - 1)
    ruleset = checked(
        libc.syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(8), ctypes.c_uint(0)), "landlock"
    )
    for path in paths:
        fd = os.open(path, _PATH_ONLY | os.O_CLOEXEC)
        rights = 1 | 4 | (8 if os.path.isdir(path) else 0)  # map as code, read, list
        rule = rights.to_bytes(8, "little") + fd.to_bytes(4, "little")
        checked(libc.syscall(_ADD_RULE, ruleset, 1, rule, ctypes.c_uint(0)), f"landlock {path}")
        os.close(fd)
    no_new_privileges()
    checked(libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint(0)), "landlock")
    os.close(ruleset)


def own_folder(box: str) -> None:
    """An empty folder that only this process sees, of 16 MB and 1,000 files."""
    checked(libc.unshare(_NEW_MOUNTS), "unshare")
    _mount("none", box, "tmpfs", 2 | 4, "size=16m,nr_inodes=1000,mode=0777")  # no devices, no other users


def set_limits(seconds: float, megabytes: int, file_bytes: int, user: int | None, threads: bool) -> None:
    """Limits of CPU time, memory, files and threads; then another user without any privilege.

    Args:
        seconds: CPU time; the kernel counts whole seconds, so it is the last resort.
        megabytes: address space.
        file_bytes: largest file, and so the most output.
        user: who to become, where root starts the sandbox.
        threads: whether the kernel counts threads of this user and sandbox alone.
    """
    cpu = int(seconds) + 2
    for name, value in (
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_AS, megabytes << 20),
        (resource.RLIMIT_FSIZE, file_bytes),
        *_FIXED_LIMITS,
        *([(resource.RLIMIT_NPROC, THREADS)] if threads else []),
    ):
        resource.setrlimit(name, (value, value))
    # Recursion may go as deep on every machine; programs of contests raise it further.
    most = resource.getrlimit(resource.RLIMIT_STACK)[1]
    if most == resource.RLIM_INFINITY or most > STACK:
        resource.setrlimit(resource.RLIMIT_STACK, (STACK, most))
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    checked(libc.syscall(_CAPSET, _MYSELF, _NO_CAPABILITY), "capset")


def no_new_privileges() -> None:
    """No program that is started may have more rights than this one."""
    checked(libc.prctl(38, 1, 0, 0, 0), "prctl")


def only_computing() -> None:
    """From here on, the system calls of computing."""
    no_new_privileges()
    syscalls.allow_only_computing(libc)
