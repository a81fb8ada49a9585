"""Forests on a GPU of NVIDIA: CUDA C in this package, compiled when it is first needed by NVRTC.

The semantics are those of `kernels.forest`, and so are the results, bit for bit: sums are added
tree after tree, by IEEE 754. Needs the packages cuda-bindings and nvidia-cuda-nvrtc.
"""
