"""How many processes use a GPU at the same time: the context of each takes half a gigabyte of it.

Each holds a lock on a file for as long as it lives, whoever started it.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sparkbird.errors import ConfigError, ProviderError

if TYPE_CHECKING:
    from sparkbird.kernels.cuda.driver import Device

#: How many there may be for each GPU, if not as many as its memory is thought to be enough for.
PROCESSES = "SPARKBIRD_GPU_PROCESSES"
BYTES_OF_A_PROCESS = 2**30

#: How often is looked for one that has ended, in seconds.
_PAUSE = 0.1

#: The numbers of the files that this process has locked, by GPU.
_held: dict[str, int] = {}


def take(device: Device, wait: float = 0.0) -> None:
    """Make this process one of those that use `device`, within `wait` seconds.

    Raises
    ------
    ProviderError
        There are as many as there may be.
    ConfigError
        The environment says no number of processes.
    """
    most = limit(device)
    until = time.monotonic() + wait
    while device.identity not in _held and not _taken(device.identity, most):
        if time.monotonic() >= until:
            raise ProviderError(
                f"{device.name} has {most} processes that use it, and may have no more",
                f"let fewer tasks share it by spark.task.resource.gpu.amount, set {PROCESSES} "
                "for more, or use device='cpu'.",
            )
        time.sleep(_PAUSE)


def limit(device: Device) -> int:
    """How many processes may use `device`.

    Raises
    ------
    ConfigError
        The environment says no number of processes.
    """
    said = os.environ.get(PROCESSES)
    if said is None:
        return max(1, device.total_bytes // BYTES_OF_A_PROCESS)
    if not said.isdecimal() or not int(said):
        raise ConfigError(f"{PROCESSES} is {said!r}", "make it a number of processes, or unset it.")
    return int(said)


def _taken(identity: str, most: int) -> bool:
    """Whether one of the files was free, which this process holds from now on."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:  # not on Unix, where Spark has no pool of processes either
        return True
    owner = os.getuid()
    for number in range(most):
        path = Path(tempfile.gettempdir()) / f"sparkbird-gpu-{owner}-{identity}-{number}.lock"
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # nobody closes it but the end
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except OSError:
            os.close(file)
            continue
        _held[identity] = file
        return True
    return False
