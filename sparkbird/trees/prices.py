"""What strategies cost on a machine, in nanoseconds for each unit of their `counts`.

cpu   measured by jobs/calibrate.py, one thread of a shared machine, onnxruntime 1.32; a price
      of 0 is one that could not be told from that of a step
cuda  one H100, estimated: 10,000 rows of 500 trees of depth 8 took perfect tree traversal
      1.01 ms in onnxruntime 1.31, which is 25 ps a step; tree traversal gathers half as much
      again; products run at some 10 Tflop/s beside a kernel launch of 5 microseconds.
"""

from __future__ import annotations

PRICES: dict[str, dict[str, dict[str, float]]] = {
    "cpu": {
        "ensemble": {
            "launch": 1700,
            "column": 0.26,
            "near_step": 6.9,
            "far_step": 7.6,
            "value": 3.2,
        },
        "traversal": {"launch": 430, "step": 42, "value": 0},
        "perfect": {"launch": 510, "step": 24, "value": 0},
        "gemm": {"launch": 640, "test": 2.2, "product": 0.078},
    },
    "cuda": {
        "traversal": {"launch": 5e3, "step": 0.038, "value": 0.02},
        "perfect": {"launch": 5e3, "step": 0.025, "value": 0.02},
        "gemm": {"launch": 5e3, "test": 0.01, "product": 0.0002},
    },
}
