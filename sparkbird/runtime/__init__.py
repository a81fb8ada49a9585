"""All that runs on an executor: batches in, predictions out. Needs numpy, pyarrow, onnxruntime."""
