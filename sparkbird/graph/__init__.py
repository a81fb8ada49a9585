"""Operators written once, and the ONNX model they record. Knows no model and no Spark."""
