"""The memory that is free, so that a matrix that would not fit is refused before NumPy tries."""

from __future__ import annotations

import os


def available() -> int | None:
    """Return the number of bytes available, or None if the system does not say.

    This is the smallest of what the kernel reports, the limit of the control group, and the limit of the process.
    """
    amounts = [amount for amount in (_kernel(), _control_group(), _own_limit()) if amount is not None]
    return min(amounts, default=None)


def _kernel() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _control_group() -> int | None:
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):  # no such limit, or the word "max"
        return None


def _own_limit() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft
