"""What things cost on a machine, in nanoseconds: measured once, kept in a file, read when needed.

No worker reads them: the driver does, to choose a strategy and to explain a model.
"""

from sparkbird.prices.table import COSTS, Accelerator, Measured, Prices, current, shipped

__all__ = ["COSTS", "Accelerator", "Measured", "Prices", "current", "shipped"]
