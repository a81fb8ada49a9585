"""The prices of this machine, measured: `sparkbird bench --calibrate`."""

from sparkbird.benchmark.calibration.run import calibrated, file_of

__all__ = ["calibrated", "file_of"]
