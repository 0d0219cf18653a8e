"""`python -m tests.systemd.confined SYSCALLS command…`: the command, inside what the unit allows.

Writes the same seccomp rules as systemd for `SystemCallFilter`, `RestrictAddressFamilies` and
`MemoryDenyWriteExecute`, through libseccomp, which systemd itself needs.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | 1
"""SCMP_ACT_ERRNO(EPERM)."""
EQUAL = 4
FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6."""
NO_NEW_PRIVILEGES = 38
REFUSE_WRITE_AND_EXECUTE = 65


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def confine(allowed: list[str]) -> None:
    """From here on this process, and what it becomes, has these system calls and our address families."""
    kernel, library = ctypes.CDLL(None), ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(REFUSE))
    for name in allowed:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            continue
        families = FAMILIES if name == "socket" else (None,)
        for family in families:
            wanted = None if family is None else ctypes.byref(_Comparison(0, EQUAL, family, 0))
            count = 0 if family is None else 1
            _done(library.seccomp_rule_add_array(rules, ALLOW, number, count, wanted))
    _done(kernel.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    kernel.prctl(REFUSE_WRITE_AND_EXECUTE, 1, 0, 0, 0)  # Linux 6.3 or later; before, it is not tried here
    _done(library.seccomp_load(rules))


def _done(result: int) -> None:
    if result != 0:
        raise OSError(-result, "a rule was refused")


if __name__ == "__main__":
    confine(Path(sys.argv[1]).read_text().split())
    os.execv(sys.argv[2], sys.argv[2:])
