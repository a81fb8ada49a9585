"""sparkbird on a GPU, beside its peers there and the CPU: ``jobs/gpu_benchmark.py``."""
