"""Every error a user of sparkbird can see.

SparkbirdError
├── UnsupportedError                       what is not exactly right is refused
│   ├── UnsupportedModelError  TypeError   no converter for this class
│   └── UnsupportedOptionError ValueError  a converter, but not for this setting of it
├── NotFittedError             ValueError  the model has not been trained
├── SchemaError                ValueError  the columns are not those the model was fitted on
│   ├── ColumnCountError
│   ├── ColumnNameError
│   └── ColumnTypeError        TypeError
├── InvalidValueError          ValueError  rows on which the original model would raise
├── ArtifactError              ValueError  not a model saved by sparkbird, or a damaged one
├── ModelTooLargeError         ValueError  more constants than one ONNX file can hold
├── ConfigError                ValueError  a configuration that says what it may not say
├── InputError                 ValueError  the table to read is not there, or not readable
├── BaselineError              ValueError  a baseline that is not there, or fits no data
├── OutputError                ValueError  the place to write to is not fit for it
├── LockedError                RuntimeError  another run writes to the same place
├── CheckError                 RuntimeError  what was scored does not pass a check
├── ProviderError              RuntimeError  the execution provider asked for is not there
├── JavaError                  RuntimeError  no Java runtime that Spark can use
└── GraphError                 RuntimeError  ONNX refuses a graph of ours: a bug of sparkbird
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "ArtifactError",
    "BaselineError",
    "CheckError",
    "ColumnCountError",
    "ColumnNameError",
    "ColumnTypeError",
    "ConfigError",
    "GraphError",
    "InputError",
    "InvalidValueError",
    "JavaError",
    "LockedError",
    "ModelTooLargeError",
    "NotFittedError",
    "OutputError",
    "ProviderError",
    "SchemaError",
    "SparkbirdError",
    "UnsupportedError",
    "UnsupportedModelError",
    "UnsupportedOptionError",
]


class SparkbirdError(Exception):
    """A fact, a hint at what to do, and the place in the model where it arose."""

    def __init__(self, fact: str, hint: str = "") -> None:
        super().__init__(fact, hint)
        self.place = ""

    @property
    def fact(self) -> str:
        """What is so, in one line, and where in the model."""
        fact: str = self.args[0]
        return fact + (f", found at {self.place}" if self.place else "")

    @property
    def hint(self) -> str:
        """What the user can do about it."""
        hint: str = self.args[1]
        return hint

    def __str__(self) -> str:
        return f"{self.fact}." + (f"\n\nHint: {self.hint}" if self.hint else "")


class UnsupportedError(SparkbirdError):
    """A model, or a part of one, that sparkbird will not compile rather than get wrong."""

    @staticmethod
    def all_of(errors: Sequence[UnsupportedError]) -> UnsupportedError:
        """One error that names every refusal, of the class of the first."""
        if len(errors) == 1:
            return errors[0]
        refusals = "\n".join(f"  - {error.fact}" for error in errors)
        hints = "\n".join(dict.fromkeys(error.hint for error in errors if error.hint))
        return type(errors[0])(
            f"{len(errors)} parts of the model cannot be compiled:\n{refusals}", hints
        )


class UnsupportedModelError(UnsupportedError, TypeError):
    """No converter is registered for the class of this model."""

    @classmethod
    def for_class(cls, name: str, supported: Iterable[str]) -> UnsupportedModelError:
        """The error for a class called `name`, naming what is supported beside it."""
        module, _, own = name.rpartition(".")
        beside = [known.rpartition(".") for known in supported]
        compiled = ", ".join(own for parent, _, own in beside if parent == module)
        return cls(
            f"no converter for {name}",
            (f"of {module}, sparkbird compiles {compiled}.\n" if compiled else "")
            + f"Replace the {own}, or write its converter: see sparkbird.converts.",
        )


class UnsupportedOptionError(UnsupportedError, ValueError):
    """The class is supported, this setting of it is not."""


class NotFittedError(SparkbirdError, ValueError):
    """The model has not been trained."""


class SchemaError(SparkbirdError, ValueError):
    """The columns are not those the model was fitted on."""


class ColumnCountError(SchemaError):
    """Too many or too few columns."""


class ColumnNameError(SchemaError):
    """A column of the model is missing, or cannot be told apart."""


class ColumnTypeError(SchemaError, TypeError):
    """A column has a type that the model cannot take without guessing."""


class InvalidValueError(SparkbirdError, ValueError):
    """Rows on which the original model would raise."""


class ArtifactError(SparkbirdError, ValueError):
    """A file that is not a model saved by sparkbird, or is damaged."""


class ModelTooLargeError(SparkbirdError, ValueError):
    """More constants than one ONNX file can hold."""


class ConfigError(SparkbirdError, ValueError):
    """A configuration that says what it may not say."""


class InputError(SparkbirdError, ValueError):
    """The table to read is not there, or cannot be read."""


class BaselineError(SparkbirdError, ValueError):
    """A baseline that is not there, is damaged, or has nothing to compare with."""


class OutputError(SparkbirdError, ValueError):
    """The place to write to is not fit for it."""


class LockedError(SparkbirdError, RuntimeError):
    """Another run writes to the same place."""


class CheckError(SparkbirdError, RuntimeError):
    """What was scored does not pass a check, and was not published."""


class ProviderError(SparkbirdError, RuntimeError):
    """The execution provider asked for is not there."""


class JavaError(SparkbirdError, RuntimeError):
    """No Java runtime that Spark can use."""


class GraphError(SparkbirdError, RuntimeError):
    """ONNX refuses a graph of ours: a bug of sparkbird."""
