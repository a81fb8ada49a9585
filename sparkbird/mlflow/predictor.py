"""A compiled model as MLflow's ``pyfunc`` calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparkbird.errors import UnsupportedOptionError

if TYPE_CHECKING:
    from sparkbird.model import CompiledModel


class Predictor:
    """The first output of a compiled model."""

    def __init__(self, model: CompiledModel) -> None:
        self._model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """The output for the rows `data`: a pandas dataframe, or an array [N, F].

        Raises
        ------
        UnsupportedOptionError
            There are `params`: a compiled model has none.
        SchemaError, InvalidValueError
            The rows are not such as the model takes.
        """
        refuse_params(params)
        return getattr(self._model, self._model.schema.default_output)(data)

    def get_raw_model(self) -> CompiledModel:
        """The compiled model."""
        return self._model


def refuse_params(params: dict[str, Any] | None) -> None:
    """Parameters of a prediction are settled when a model is compiled."""
    if params:
        raise UnsupportedOptionError(
            f"params= has {', '.join(map(repr, params))}, and a compiled model takes none",
            "leave params= out; what they change is settled when the model is compiled.",
        )
