"""The URIs of MLflow: which model one means, down to the version, and where that lies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparkbird.errors import ArtifactError

#: A name of the registry, in Unity Catalog one of three parts, and what comes after it.
_REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>[^/@]+))")

#: A logged model by its id, as MLflow 3 has them.
_LOGGED = re.compile(r"models:/m-[0-9a-f]+")

#: The flavour of compiled models.
FLAVOR_NAME = "sparkbird"

#: How a text begins that is a URI of MLflow, and no path.
_SCHEMES = ("models:/", "runs:/")

_FORMS = (
    "write models:/name/3, models:/name@alias, models:/catalog.schema.name@alias, "
    "runs:/<id>/model, or the path of a folder."
)

#: The flavours that are read, the first one that a model has.
FLAVORS = (FLAVOR_NAME, "sklearn", "lightgbm", "xgboost", "catboost", "spark")


@dataclass(frozen=True)
class ResolvedModel:
    """A model that a URI meant when it was asked: nothing of it changes any more.

    name      its name in the registry; "" if it comes from elsewhere
    version   its version there; "" likewise
    uri       the URI that means the same model from now on: with the version, not the alias
    path      the folder on this machine that it was downloaded to
    flavor    the flavour that reads it, of `FLAVORS`; "" if none of them does
    """

    name: str
    version: str
    uri: str
    path: Path
    flavor: str


def is_uri(text: str) -> bool:
    """Whether `text` is a URI of MLflow, and no path."""
    return text.startswith(_SCHEMES)


def resolve(model_uri: str, *, dst_path: str | None = None) -> ResolvedModel:
    """The model that `model_uri` means now, downloaded.

    An alias is looked up once. All that follows goes by the version: an alias that moves while
    a job runs changes nothing.

    Parameters
    ----------
    model_uri
        ``models:/name/3``, ``models:/name@alias``, ``models:/name/latest``, each with a name of
        three parts for a registry in Unity Catalog; ``models:/m-<id>``, ``runs:/<id>/model``, a
        folder, or what else MLflow downloads.
    dst_path
        Where to download it to, a folder that is there; None is a temporary one.

    Raises
    ------
    ArtifactError
        MLflow is not installed, the URI has none of these forms, or there is no such model.
    """
    uri = str(model_uri)
    with _told(uri):
        name, version = _registered(uri)
        if version:
            uri = f"models:/{name}/{version}"
        path = _downloaded(uri, dst_path)
        return ResolvedModel(name, version, uri, path, _flavor(path))


def _registered(uri: str) -> tuple[str, str]:
    """The name and the version in the registry; two empty texts for what is not in it."""
    if not uri.startswith("models:") or _LOGGED.fullmatch(uri):
        return "", ""
    found = _REGISTERED.fullmatch(uri.rstrip("/"))
    if found is None:
        raise ArtifactError(f"{uri} is no URI of a model", _FORMS)
    name, alias, version = found["name"], found["alias"], found["version"]
    if version and version.isdigit():
        return name, version
    if not alias and version.lower() != "latest":
        raise ArtifactError(
            f"{uri} names a stage, {version!r}, which MLflow has given up",
            f"set an alias in its place, and write models:/{name}@{version.lower()}.",
        )
    return name, _looked_up(name, alias)


def _looked_up(name: str, alias: str | None) -> str:
    """The version that has that alias; the latest one if there is none."""
    from mlflow import MlflowClient

    client = MlflowClient()
    if alias:
        return str(client.get_model_version_by_alias(name, alias).version)
    versions = client.search_model_versions(f"name='{name}'")
    if not versions:
        raise ArtifactError(f"the registry has no model {name!r}", "register it, or see its name.")
    return str(max(int(one.version) for one in versions))


def _downloaded(uri: str, dst_path: str | None) -> Path:
    from mlflow import artifacts

    path = Path(artifacts.download_artifacts(artifact_uri=uri, dst_path=dst_path))
    if not (path / "MLmodel").is_file():
        raise ArtifactError(
            f"{uri} is no model of MLflow: it has no file MLmodel", "give the URI of its folder."
        )
    return path


def _flavor(path: Path) -> str:
    flavors = described(path).flavors
    return next((flavor for flavor in FLAVORS if flavor in flavors), "")


def described(path: Path) -> Any:
    """MLflow's ``Model`` of a folder: what its file MLmodel says."""
    from mlflow.models import Model

    return Model.load(str(path))


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """What MLflow raises, as an error that names the URI."""
    try:
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise ArtifactError(
            f"{uri} is read by MLflow, which cannot be imported: {error}",
            "install it: pip install 'sparkbird[mlflow]'.",
        ) from error
    try:
        yield
    except (MlflowException, OSError) as error:
        fact = str(error).partition("\n")[0].rstrip(".")
        raise ArtifactError(
            f"MLflow finds no model at {uri}: {fact}",
            f"see that MLFLOW_TRACKING_URI names the right server; {_FORMS}",
        ) from error
