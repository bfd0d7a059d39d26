"""Which system calls a program may make, as a seccomp filter: those of computing, on x86-64.

Everything that is not named is refused with EPERM: sockets, new processes and programs, signals, namespaces,
mounts, tracing, other people's memory, io_uring, attributes of files; and ``truncate``, which Landlock knows
only since Linux 6.2.
"""

import ctypes
import struct

ALLOWED = {
    "read": 0,
    "write": 1,
    "open": 2,
    "close": 3,
    "stat": 4,
    "fstat": 5,
    "lstat": 6,
    "poll": 7,
    "lseek": 8,
    "mmap": 9,
    "mprotect": 10,
    "munmap": 11,
    "brk": 12,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "pread64": 17,
    "pwrite64": 18,
    "readv": 19,
    "writev": 20,
    "access": 21,
    "pipe": 22,
    "select": 23,
    "sched_yield": 24,
    "mremap": 25,
    "msync": 26,
    "mincore": 27,
    "madvise": 28,
    "dup": 32,
    "dup2": 33,
    "pause": 34,
    "nanosleep": 35,
    "getitimer": 36,
    "alarm": 37,
    "setitimer": 38,
    "getpid": 39,
    "sendfile": 40,
    "exit": 60,
    "uname": 63,
    "flock": 73,
    "fsync": 74,
    "fdatasync": 75,
    "ftruncate": 77,
    "getdents": 78,
    "getcwd": 79,
    "chdir": 80,
    "fchdir": 81,
    "rename": 82,
    "mkdir": 83,
    "rmdir": 84,
    "creat": 85,
    "link": 86,
    "unlink": 87,
    "symlink": 88,
    "readlink": 89,
    "umask": 95,
    "gettimeofday": 96,
    "getrlimit": 97,
    "getrusage": 98,
    "sysinfo": 99,
    "times": 100,
    "getuid": 102,
    "getgid": 104,
    "geteuid": 107,
    "getegid": 108,
    "getppid": 110,
    "getpgrp": 111,
    "getgroups": 115,
    "getresuid": 118,
    "getresgid": 120,
    "getpgid": 121,
    "getsid": 124,
    "rt_sigpending": 127,
    "rt_sigtimedwait": 128,
    "rt_sigsuspend": 130,
    "sigaltstack": 131,
    "statfs": 137,
    "fstatfs": 138,
    "getpriority": 140,
    "sched_getparam": 143,
    "sched_getscheduler": 145,
    "arch_prctl": 158,
    "gettid": 186,
    "time": 201,
    "futex": 202,
    "sched_getaffinity": 204,
    "epoll_create": 213,
    "getdents64": 217,
    "set_tid_address": 218,
    "fadvise64": 221,
    "timer_create": 222,
    "timer_settime": 223,
    "timer_gettime": 224,
    "timer_getoverrun": 225,
    "timer_delete": 226,
    "clock_gettime": 228,
    "clock_getres": 229,
    "clock_nanosleep": 230,
    "exit_group": 231,
    "epoll_wait": 232,
    "epoll_ctl": 233,
    "openat": 257,
    "mkdirat": 258,
    "newfstatat": 262,
    "unlinkat": 263,
    "renameat": 264,
    "linkat": 265,
    "symlinkat": 266,
    "readlinkat": 267,
    "faccessat": 269,
    "pselect6": 270,
    "ppoll": 271,
    "set_robust_list": 273,
    "get_robust_list": 274,
    "epoll_pwait": 281,
    "timerfd_create": 283,
    "eventfd": 284,
    "fallocate": 285,
    "timerfd_settime": 286,
    "timerfd_gettime": 287,
    "eventfd2": 290,
    "epoll_create1": 291,
    "dup3": 292,
    "pipe2": 293,
    "preadv": 295,
    "pwritev": 296,
    "getcpu": 309,
    "sched_getattr": 315,
    "renameat2": 316,
    "getrandom": 318,
    "membarrier": 324,
    "copy_file_range": 326,
    "preadv2": 327,
    "pwritev2": 328,
    "statx": 332,
    "rseq": 334,
    "close_range": 436,
    "faccessat2": 439,
}
"""Calls that are allowed whatever their arguments -> number."""
CONDITIONS = {
    # Duplicates, flags and locks. Owners and signals of files would reach other processes (F_SETOWN).
    "fcntl": (72, 1, (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032)),
    # Of terminals and files: is there one, what waits to be read, flags.
    "ioctl": (16, 1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
    # Of itself; to raise a limit needs a privilege that it has not.
    "prlimit64": (302, 0, (0,)),
    # Names of threads and of memory. The signal at the parent's end (1) stays as it is.
    "prctl": (157, 0, (15, 16, 0x53564D41)),
}
"""Call -> number, place of the argument that decides, and its allowed values."""
CLONE, CLONE_THREAD, CLONE3 = 56, 0x10000, 435

_LOAD, _EQUAL, _SET, _RETURN = (
    0x20,
    0x15,
    0x45,
    0x06,
)  # BPF: load a word, jump if equal, if bits are set, return
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_EPERM, _ENOSYS = 0x00050001, 0x00050026
_X86_64 = 0xC000003E
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # places in struct seccomp_data


def filter_program() -> bytes:
    """The filter as instructions of BPF, eight bytes each (linux/seccomp.h, struct sock_filter)."""
    code = [_op(_LOAD, _ARCH), _op(_EQUAL, _X86_64, 1, 0), _op(_RETURN, _KILL), _op(_LOAD, _NUMBER)]
    for number in ALLOWED.values():
        code += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _ALLOW)]
    # Without clone3, whose flags a filter cannot read, glibc makes threads by clone.
    code += [_op(_EQUAL, CLONE3, 0, 1), _op(_RETURN, _ENOSYS)]
    code += _asked(CLONE, 0, [_op(_SET, CLONE_THREAD, 0, 1), _op(_RETURN, _ALLOW)])
    for number, argument, values in CONDITIONS.values():
        tests = [op for value in values for op in (_op(_EQUAL, value, 0, 1), _op(_RETURN, _ALLOW))]
        code += _asked(number, argument, tests)
    return b"".join([*code, _op(_RETURN, _EPERM)])


def _asked(number: int, argument: int, tests: list[bytes]) -> list[bytes]:
    """Tests of the low half of an argument of one call; without any that returns, it is refused."""
    body = [_op(_LOAD, _ARGUMENTS + 8 * argument), *tests, _op(_RETURN, _EPERM)]
    return [_op(_EQUAL, number, 0, len(body)), *body]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


_FILTER = filter_program()
_PROGRAM = _Program(len(_FILTER) // 8, _FILTER)


def allow_only_computing(libc: ctypes.CDLL) -> None:
    """Load the filter, for good; the process must have no_new_privs.

    Raises:
        OSError: the kernel refuses it.
    """
    if libc.prctl(22, 2, ctypes.byref(_PROGRAM), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp filter")
