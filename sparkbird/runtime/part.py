"""A graph in ONNX Runtime: feeds to results, into new arrays or into those that are there.

N is the number of rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkbird.dtypes import NO_TOKEN, STRING
from sparkbird.errors import ProviderError
from sparkbird.kernels.cuda.driver import DeviceMemoryError
from sparkbird.kernels.cuda.transfer import OnDevice
from sparkbird.runtime.apart import Apart
from sparkbird.runtime.encoded import Encoded
from sparkbird.runtime.entries import by_row
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.providers import CPU, CUDA, PRODUCTS, Placement, refuse_unlike

#: Rewritings of ONNX Runtime that round otherwise: a factor beside a product of matrices becomes an
#: attribute of it, a float32 (of float64 in 1.28 to 1.31, of float32 in 1.23 to 1.32).
INEXACT = ["MatMulScaleFusion"]

#: How it says that there is too little memory: the arena, and cuBLAS.
_LACKING = ("memory", "resource allocation failed")

#: Tells a session to remember what it has placed where.
_RECORDS = "session.record_ep_graph_assignment_info"


@dataclass(frozen=True)
class Result:
    """A tensor ``[N, *lengths]`` that a graph gives.

    `tokens` tells whether the graph's own is [N, T], of which a list for each row is made.
    `entries` are the rows, the columns and the values in the graph of which vectors are made.
    """

    name: str
    dtype: np.dtype
    lengths: tuple[int, ...] = ()
    tokens: bool = False
    entries: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What it is made of, by the names in the graph."""
        return self.entries or (self.name,)


class Part:
    """`content`, a serialised ModelProto that gives `results`, in a session with one thread.

    placed  its operators by the provider that runs them, if the model uses a GPU

    Raises
    ------
    ProviderError
        It was to run on a GPU, and a product of matrices would not, or results would be others.
    """

    def __init__(self, content: bytes, results: Sequence[Result], placement: Placement) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only: warnings would fill executors' logs
        providers = placement.providers(content)
        on_gpu = providers[0][0] == CUDA
        if on_gpu:
            refuse_unlike(Graph(content))
            options.add_session_config_entry(_RECORDS, "1")
            ort.preload_dlls()  # CUDA's, from the packages beside it
        self._names = [name for result in results for name in result.names]
        self._dtype = results[0].dtype
        self._sparse = [result for result in results if result.entries]
        self._tokens = [result.name for result in results if result.tokens]
        self._session = ort.InferenceSession(
            content, options, providers=providers, disabled_optimizers=INEXACT
        )
        values = (*self._session.get_inputs(), *self._session.get_outputs())
        strings = any(value.type == "tensor(string)" for value in values)
        self._binds = not strings and not self._sparse
        self._takes = [value.name for value in self._session.get_inputs()]
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        self.on_gpu = on_gpu
        self._gpu = placement.gpu
        self.placed: dict[str, Counter[str]] = {}
        if placement.gpu:
            self.placed = _placed(self._session) if on_gpu else _all_on_cpu(content)

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """The results for `feeds` by name, which may be more than needed."""
        given = {name: _plain(feeds[name]) for name in self._takes}
        values = self._run(self._session.run, self._names, given)
        found = dict(zip(self._names, values, strict=True))
        if not self._sparse and not self._tokens:
            return found
        rows = len(next(iter(feeds.values())))
        for result in self._sparse:
            row, column, value = map(found.pop, result.entries)
            found[result.name] = by_row(row, column, value, rows)
        return found | {name: _lists(found[name]) for name in self._tokens}

    def run_into(self, feeds: Mapping[str, Any], places: Mapping[str, Any]) -> None:
        """The same, into contiguous arrays by name."""
        if not self._binds:  # strings are Python's, not the graph's, and so are entries by row
            for name, values in self.run(feeds).items():
                places[name][...] = values
            return
        binding = self._bound(feeds)
        for name in self._names:
            values = places[name]
            address = values.ctypes.data
            binding.bind_output(name, "cpu", 0, values.dtype, values.shape, address)
        self._run(self._session.run_with_iobinding, binding)

    def run_on_gpu(self, feeds: Mapping[str, Any]) -> OnDevice:
        """The first result, a matrix that stays on the GPU which computes it."""
        assert self._gpu
        binding = self._bound(feeds)
        binding.bind_output(self._names[0], "cuda", self._gpu.number)
        self._run(self._session.run_with_iobinding, binding)
        binding.synchronize_outputs()
        (found,) = binding.get_outputs()
        return OnDevice(found.data_ptr(), tuple(found.shape()), self._dtype, found)

    def _bound(self, feeds: Mapping[str, Any]) -> Any:
        """A binding of the inputs, which are on the GPU with that if it is there that it runs."""
        binding = self._session.io_binding()
        for name in self._takes:
            self._run(binding.bind_cpu_input, name, _plain(feeds[name]))
        return binding

    def _run(self, function: Any, *arguments: Any) -> Any:
        """What a function of the session gives."""
        if not self.on_gpu:
            return function(*arguments)
        try:
            return function(*arguments)
        except Exception as error:  # ONNX Runtime has one class for all that fails in a run
            if any(word in str(error).lower() for word in _LACKING):
                raise DeviceMemoryError(str(error)) from error
            raise ProviderError(
                f"ONNX Runtime cannot run the model on a GPU: {error}", "use device='cpu'."
            ) from error


def _all_on_cpu(content: bytes) -> dict[str, Counter[str]]:
    return {CPU: Counter(node.operator for node in Graph(content).nodes)}


def _placed(session: Any) -> dict[str, Counter[str]]:
    """The operators of a session by provider, and how often each is there."""
    if CUDA not in session.get_providers():
        raise ProviderError(
            f"onnxruntime cannot load its {CUDA}, of which it has logged why",
            "install CUDA's libraries with: pip install 'onnxruntime-gpu[cuda,cudnn]'; "
            "or use device='cpu'.",
        )
    found: dict[str, Counter[str]] = {}
    for part in session.get_provider_graph_assignment_info():
        found.setdefault(part.ep_name, Counter()).update(node.op_type for node in part.get_nodes())
    for provider, operators in found.items():
        if provider != CUDA and (left := sorted(PRODUCTS & operators.keys())):
            raise ProviderError(
                f"{', '.join(left)} would run by {provider} instead of the GPU",
                "use device='cpu', or onnxruntime-gpu 1.28 or later.",
            )
    return found


def _plain(values: Any) -> Any:
    """An array, as ONNX Runtime takes it."""
    if isinstance(values, Apart):
        return values.matrix
    return values.strings if isinstance(values, Encoded) else np.asarray(values, order="C")


def _lists(tokens: np.ndarray) -> np.ndarray:
    """The tokens of each row, those that are none left out: [N, T] to lists [N]."""
    rows = np.empty(len(tokens), STRING)
    for i, row in enumerate(tokens.tolist()):
        rows[i] = [token for token in row if token != NO_TOKEN]
    return rows
