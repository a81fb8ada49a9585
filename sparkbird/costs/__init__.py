"""What a compiled model is predicted to cost on a machine, piece by piece."""

from sparkbird.costs.device import Choice, choice
from sparkbird.costs.predict import BATCH, Predicted, Share, predicted

__all__ = ["BATCH", "Choice", "Predicted", "Share", "choice", "predicted"]
