"""Peak memory of this process."""

from pathlib import Path


def peak_megabytes() -> int:
    """Its VmHWM in MiB.

    Not ru_maxrss: that survives exec, so that under a large pytest it is the parent's.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024
