"""The driver of a GPU: its memory, its streams, and the kernels that are loaded into it.

The context is the primary one, which PyTorch and ONNX Runtime use as well: addresses are theirs.
"""

from __future__ import annotations

import ctypes
import os
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

import numpy as np

from sparkbird.errors import ProviderError
from sparkbird.kernels.cuda.launches import Launch, LaunchGraph

HINT = "install sparkbird[gpu] on a machine with a GPU of NVIDIA, or use device='cpu'."

#: How long a core waits for the device and does nothing else, and how long it then leaves it to
#: others each time: to tasks that read and write rows, where Spark has as many as cores.
SPIN_SECONDS, PAUSE_SECONDS = 3e-4, 5e-5

#: The processes that have asked the driver for something; copies of them must not.
_started: set[int] = set()


class DeviceMemoryError(MemoryError):
    """The device has less memory than was asked for."""

    def for_users(self, what: str) -> ProviderError:
        """The error for users, once there is nothing left to try."""
        return ProviderError(
            f"the GPU has too little memory for {what}",
            "let fewer tasks share it, or use device='cpu'.",
        )


def bindings() -> Any:
    """The driver's functions.

    Raises
    ------
    ProviderError
        There is no package cuda-bindings.
    """
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise ProviderError(f"forests cannot run on a GPU: {error}", HINT) from error
    return driver


def lacking() -> str:
    """Why no GPU can be used here, if that is so."""
    return _found(os.getpid(), _is_copy())[1]


def count() -> int:
    """How many GPUs can be used here, of those that ``CUDA_VISIBLE_DEVICES`` leaves."""
    return _found(os.getpid(), _is_copy())[0]


def seen() -> bool:
    """Whether there is a GPU, usable here or by the process that this one is a copy of."""
    return _is_copy() or count() > 0


def device(number: int = 0) -> Device:
    """A GPU of this machine, the same one whenever asked.

    Raises
    ------
    ProviderError
        There is none, or the packages for it are not installed.
    """
    return _device(os.getpid(), number)


@cache
def _device(_: int, number: int) -> Device:
    return Device(number)


@cache
def _found(_process: int, _copy: bool) -> tuple[int, str]:  # noqa: FBT001
    """How many GPUs there are, or why there is none: looked for once, since each batch asks."""
    try:
        return int(called(_initialised(), "cuDeviceGetCount")), ""
    except ProviderError as error:
        return 0, error.fact


def _is_copy() -> bool:
    """Whether this process was forked from one that has asked the driver for something."""
    return bool(_started - {os.getpid()})


def _initialised() -> Any:
    """The driver's functions, ready to be called."""
    driver = bindings()
    if _is_copy():
        raise ProviderError(
            "a GPU cannot be used in a process that was forked from one that uses it",
            "start processes by the method 'spawn', or use device='cpu'.",
        )
    try:
        called(driver, "cuInit", 0)
    except RuntimeError as error:  # cuda-bindings finds no driver, or the driver no GPU
        raise ProviderError(f"there is no GPU to use ({_first_line(error)})", HINT) from error
    _started.add(os.getpid())
    return driver


def called(driver: Any, name: str, *arguments: Any) -> Any:
    """What a function of the driver gives.

    Raises
    ------
    DeviceMemoryError
        The device has too little memory.
    ProviderError
        It fails for another reason.
    """
    error, *found = getattr(driver, name)(*arguments)
    if not error:
        return found[0] if found else None
    if error == driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY:
        raise DeviceMemoryError(f"{name}: the GPU is out of memory")
    _, text = driver.cuGetErrorString(error)
    said = text.decode() if text else str(error)
    raise ProviderError(f"the GPU cannot be used: {name} says {said}", HINT)


class Device:
    """The GPU of that number, of those that ``CUDA_VISIBLE_DEVICES`` leaves."""

    def __init__(self, number: int) -> None:
        self._driver = _initialised()
        self._process = os.getpid()
        self._handle = self._call("cuDeviceGet", number)
        self.name: str = self._call("cuDeviceGetName", 256, self._handle).split(b"\0")[0].decode()
        self.identity: str = bytes(self._call("cuDeviceGetUuid", self._handle).bytes).hex()
        self.total_bytes = int(self._call("cuDeviceTotalMem", self._handle))

    @cached_property
    def _context(self) -> Any:
        return self._call("cuDevicePrimaryCtxRetain", self._handle)

    def use(self) -> None:
        """Make it that of this thread."""
        self._call("cuCtxSetCurrent", self._context)

    @cached_property
    def architecture(self) -> str:
        """What is compiled for it, as NVRTC says it."""
        major, minor = map(
            self._attribute, ("COMPUTE_CAPABILITY_MAJOR", "COMPUTE_CAPABILITY_MINOR")
        )
        return f"sm_{major}{minor}"

    @cached_property
    def shared_bytes(self) -> int:
        """The shared memory that a block may have."""
        return self._attribute("MAX_SHARED_MEMORY_PER_BLOCK_OPTIN")

    @cached_property
    def processors(self) -> int:
        """How many multiprocessors it has."""
        return self._attribute("MULTIPROCESSOR_COUNT")

    @property
    def driver_version(self) -> str:
        """The version of CUDA that its driver knows."""
        version = self._call("cuDriverGetVersion")
        return f"{version // 1000}.{version % 1000 // 10}"

    def memory(self, size: int) -> Memory:
        """So many bytes of its memory.

        Raises
        ------
        DeviceMemoryError
            There are not so many left.
        """
        found = Memory(int(self._call("cuMemAlloc", max(1, size))), size)
        weakref.finalize(found, self._free, "cuMemFree", found.address).atexit = False
        return found

    def pinned(self, size: int) -> np.ndarray:
        """So many bytes of the host's memory that are copied to it without detours."""
        address = int(self._call("cuMemAllocHost", max(1, size)))
        content = (ctypes.c_uint8 * max(1, size)).from_address(address)
        weakref.finalize(content, self._free, "cuMemFreeHost", address).atexit = False
        return np.frombuffer(memoryview(content), np.uint8)

    def is_pinned(self, array: np.ndarray) -> bool:
        """Whether an array lies in such memory."""
        kind = self._driver.CUpointer_attribute.CU_POINTER_ATTRIBUTE_MEMORY_TYPE
        error, found = self._driver.cuPointerGetAttribute(kind, array.ctypes.data)
        return not error and int(found) == int(self._driver.CUmemorytype.CU_MEMORYTYPE_HOST)

    def copy(self, array: np.ndarray) -> Memory:
        """A copy of an array in its memory."""
        content = np.ascontiguousarray(array)
        found = self.memory(content.nbytes)
        if content.nbytes:
            self._call("cuMemcpyHtoD", found.address, content.ctypes.data, content.nbytes)
        return found

    def stream(self) -> Stream:
        """An order of work, beside those of others."""
        flag = self._driver.CUstream_flags.CU_STREAM_NON_BLOCKING
        return Stream(self, self._call("cuStreamCreate", int(flag)))

    def load(self, content: bytes, name: str, shared: bool = True) -> Any:  # noqa: FBT001, FBT002
        """The kernel of that name in compiled `content`, with all shared memory there is."""
        module = self._call("cuModuleLoadData", content)
        found = self._call("cuModuleGetFunction", module, name.encode())
        if shared:
            most = self._driver.CUfunction_attribute
            attribute = most.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            self._call("cuFuncSetAttribute", found, attribute, self.shared_bytes)
        return found

    def _attribute(self, name: str) -> int:
        attribute = getattr(self._driver.CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")
        return int(self._call("cuDeviceGetAttribute", attribute, self._handle))

    def _free(self, function: str, address: int) -> None:
        if os.getpid() != self._process:  # a copy, which has nothing on the device
            return
        self.use()
        getattr(self._driver, function)(address)

    def _call(self, name: str, *arguments: Any) -> Any:
        return called(self._driver, name, *arguments)


class Memory:
    """`size` bytes of a device at `address`; they are given back with this object."""

    def __init__(self, address: int, size: int) -> None:
        self.address, self.size = address, size


class Stream:
    """What is done on a device in order."""

    def __init__(self, owner: Device, handle: Any) -> None:
        self.device, self.handle = owner, handle
        self._recorded: list[Launch] | None = None
        weakref.finalize(self, owner._free, "cuStreamDestroy", handle).atexit = False  # noqa: SLF001

    def put(self, place: int, array: np.ndarray) -> None:
        """Copy an array that lies in one piece to a place of the device."""
        call = self.device._call  # noqa: SLF001
        call("cuMemcpyHtoDAsync", place, array.ctypes.data, array.nbytes, self.handle)

    def get(self, array: np.ndarray, place: int) -> None:
        """Copy from a place of the device to an array."""
        call = self.device._call  # noqa: SLF001
        call("cuMemcpyDtoHAsync", array.ctypes.data, place, array.nbytes, self.handle)

    def launch(
        self,
        kernel: Any,
        grid: tuple[int, int],
        block: tuple[int, int],
        arguments: Sequence[tuple[int, Any]],
        shared: int = 0,
    ) -> None:
        """Run a kernel; each argument is a value and its type of ctypes."""
        made = Launch.of(kernel, grid, block, arguments, shared)
        if self._recorded is not None:
            self._recorded.append(made)
        self.run(made)

    def run(self, launch: Launch) -> None:
        """The same as before, or for the first time."""
        address = ctypes.addressof(launch.places)  # the driver copies what is there
        sizes = *launch.grid, 1, *launch.block, 1, launch.shared
        call = self.device._call  # noqa: SLF001
        call("cuLaunchKernel", launch.kernel, *sizes, self.handle, address, 0)

    def graph(self, launches: Sequence[Launch]) -> LaunchGraph:
        """Launches that are run again in one go, in this order."""
        driver, call = self.device._driver, self.device._call  # noqa: SLF001
        relaxed = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED  # memory is given back
        call("cuStreamBeginCapture", self.handle, relaxed)
        try:
            for launch in launches:
                self.run(launch)
        finally:
            captured = call("cuStreamEndCapture", self.handle)
        found = LaunchGraph(self.device, call("cuGraphInstantiate", captured, 0))
        call("cuGraphDestroy", captured)
        return found

    def run_graph(self, graph: LaunchGraph) -> None:
        """All launches of a graph."""
        self.device._call("cuGraphLaunch", graph.handle, self.handle)  # noqa: SLF001

    @contextmanager
    def recorded(self) -> Iterator[list[Launch]]:
        """What is launched meanwhile."""
        found: list[Launch] = []
        self._recorded = found
        try:
            yield found
        finally:
            self._recorded = None

    @cached_property
    def _event(self) -> Any:
        found = self.device._call("cuEventCreate", 2)  # noqa: SLF001  nobody asks for its time
        weakref.finalize(self, self.device._free, "cuEventDestroy", found).atexit = False  # noqa: SLF001
        return found

    def after(self, other: Stream) -> None:
        """Do what follows once `other` has done what it was told until now."""
        call = self.device._call  # noqa: SLF001
        call("cuEventRecord", other._event, other.handle)
        call("cuStreamWaitEvent", self.handle, other._event, 0)

    def wait(self) -> None:
        """Until all is done: at once if that is soon, else so that others have the core."""
        driver = self.device._driver  # noqa: SLF001
        busy = driver.CUresult.CUDA_ERROR_NOT_READY
        until = time.perf_counter() + SPIN_SECONDS
        while (found := driver.cuStreamQuery(self.handle)[0]) == busy:
            if time.perf_counter() > until:
                time.sleep(PAUSE_SECONDS)
        if found:  # what went wrong is said again
            self.device._call("cuStreamSynchronize", self.handle)  # noqa: SLF001


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
