"""The bundle of conf/databricks says what Databricks knows, and names what is there.

The command ``databricks bundle schema`` has the whole schema; here are the keys that are used.
"""

import importlib
import re
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sparkbird import __main__ as command
from sparkbird.job import config

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "conf" / "databricks"
RESOURCES = sorted((FOLDER / "resources").glob("*.yml"))
JOBS = ["nightly", "nightly_gpu"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Name = Annotated[str, Field(min_length=1)]
Reference = Annotated[str, Field(pattern=r"^\$\{[\w.]+\}$")]


class Named(Strict):
    name: Name


class Sync(Strict):
    paths: list[str] = []


class Wheel(Strict):
    type: Literal["whl"]
    path: str
    build: str


class Variable(Strict):
    description: Name
    default: str | int | bool | None = None


class Workspace(Strict):
    root_path: str | None = None
    host: str | None = None


class Target(Strict):
    mode: Literal["development", "production"]
    default: bool = False
    workspace: Workspace = Workspace()
    variables: dict[str, str | int | bool] = {}


class Bundle(Strict):
    bundle: Named
    include: list[str]
    sync: Sync
    artifacts: dict[str, Wheel]
    variables: dict[str, Variable]
    targets: dict[str, Target]


class Schedule(Strict):
    # Seconds, minutes, hours, day of the month, month, day of the week; one of the days is "?".
    quartz_cron_expression: Annotated[str, Field(pattern=r"^(\S+ ){5}\S+( \S+)?$")]
    timezone_id: Name
    pause_status: Literal["PAUSED", "UNPAUSED"] = "UNPAUSED"


class Emails(Strict):
    on_failure: list[str] = []
    on_start: list[str] = []
    on_success: list[str] = []


class Parameter(Strict):
    name: Name
    default: str


class WheelTask(Strict):
    package_name: Name
    entry_point: Name
    parameters: list[str] = []


class PyPI(Strict):
    package: Name


class Library(Strict):
    whl: str | None = None
    pypi: PyPI | None = None


class Task(Strict):
    task_key: Annotated[str, Field(pattern=r"^[\w-]{1,100}$")]
    job_cluster_key: Name
    max_retries: int = 0
    python_wheel_task: WheelTask
    libraries: list[Library]


class Cluster(Strict):
    spark_version: Name
    node_type_id: Name
    num_workers: int | Reference
    data_security_mode: Literal["SINGLE_USER", "USER_ISOLATION", "NONE"]
    spark_conf: dict[str, str] = {}


class JobCluster(Strict):
    job_cluster_key: Name
    new_cluster: Cluster


class Queue(Strict):
    enabled: bool


class Job(Strict):
    name: Name
    max_concurrent_runs: int = 1
    queue: Queue = Queue(enabled=False)
    schedule: Schedule | None = None
    email_notifications: Emails = Emails()
    parameters: list[Parameter] = []
    tasks: Annotated[list[Task], Field(min_length=1)]
    job_clusters: list[JobCluster] = []


class Resources(Strict):
    jobs: dict[Annotated[str, Field(pattern=r"^\w+$")], Job]


class Part(Strict):
    resources: Resources


def text(path):
    return path.read_text(encoding="utf-8")


def bundle():
    return Bundle.model_validate(yaml.safe_load(text(FOLDER / "databricks.yml")))


def jobs():
    """All jobs by name, with the file that has each."""
    parts = {path: Part.model_validate(yaml.safe_load(text(path))) for path in RESOURCES}
    return {
        name: (job, path)
        for path, part in parts.items()
        for name, job in part.resources.jobs.items()
    }


def task(name):
    (found,) = jobs()[name][0].tasks
    return found


def project():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    return tomllib.loads(text(ROOT / "pyproject.toml"))["project"]


def test_every_file_has_known_keys_and_the_jobs_are_these():
    assert sorted(jobs()) == JOBS
    assert {n: t.mode for n, t in bundle().targets.items()} == {
        "dev": "development",
        "prod": "production",
    }
    assert [name for name, target in bundle().targets.items() if target.default] == ["dev"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("entry_point:", "entrypoint:"),
        ("task_key: score", "task_key: the score"),
        ("pause_status: UNPAUSED", "pause_status: ON"),
        ("0 30 2 * * ?", "30 2 * * *"),
        ("num_workers: ${var.workers}", "num_workers: many"),
    ],
)
def test_a_mistake_in_a_job_would_be_seen(right, wrong):
    job = text(FOLDER / "resources" / "nightly.yml")
    assert right in job
    with pytest.raises(ValidationError):
        Part.model_validate(yaml.safe_load(job.replace(right, wrong)))


def test_variables_are_declared_and_used():
    files = [FOLDER / "databricks.yml", *RESOURCES]
    used = {name for path in files for name in re.findall(r"\$\{var\.(\w+)\}", text(path))}
    assert used == {*bundle().variables}
    for target in bundle().targets.values():
        assert {*target.variables} <= used


def test_the_folders_that_the_bundle_names_are_there():
    found = bundle()
    assert [*FOLDER.glob(found.include[0])], found.include
    assert sorted(FOLDER.glob(found.include[0])) == RESOURCES
    for path in [*found.sync.paths, found.artifacts["wheel"].path]:
        assert (FOLDER / path).is_dir(), path
    assert (FOLDER / found.artifacts["wheel"].path).resolve() == ROOT


@pytest.mark.parametrize("name", JOBS)
def test_the_wheel_is_the_one_that_is_built_and_has_the_entry_point(name):
    wheel = task(name).python_wheel_task
    assert wheel.package_name == project()["name"]
    module, function = project()["scripts"][wheel.entry_point].split(":")
    assert callable(getattr(importlib.import_module(module), function))
    (whl,) = [library.whl for library in task(name).libraries if library.whl]
    place = (jobs()[name][1].parent / whl).resolve()
    assert place == ROOT / "dist" / "sparkbird-*.whl"
    assert "--wheel-dir dist ." in bundle().artifacts["wheel"].build


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("nightly", ("cpu", "fast", "report", "mlflow")),
        ("nightly_gpu", ("gpu", "fast", "report", "mlflow")),
    ],
)
def test_libraries_are_those_of_the_extras(name, extras):
    optional = project()["optional-dependencies"]
    wanted = {line for extra in extras for line in optional[extra]} - {
        "pandas>=2.0"
    }  # Spark has it
    assert {library.pypi.package for library in task(name).libraries if library.pypi} == wanted


@pytest.mark.parametrize("name", JOBS)
def test_a_task_runs_on_a_cluster_of_its_job(name):
    job, _ = jobs()[name]
    assert [cluster.job_cluster_key for cluster in job.job_clusters] == [task(name).job_cluster_key]


def test_the_cluster_with_gpus_shares_them_as_the_settings_of_spark_do():
    (cluster,) = jobs()["nightly_gpu"][0].job_clusters
    shared = "spark.task.resource.gpu.amount"
    settings = dict(
        re.findall(r"(?m)^(spark\.\S+)\s+(\S+)$", text(ROOT / "conf" / "spark-gpu.conf"))
    )
    assert cluster.new_cluster.spark_conf[shared] == settings[shared]
    assert "gpu" in bundle().variables["gpu_spark_version"].default


def test_the_jobs_differ_by_the_device_alone():
    on_cpu, on_gpu = (task(name).python_wheel_task.parameters for name in JOBS)
    assert [p for p in on_gpu if p not in on_cpu] == ["--set=model.device=cuda"]
    assert [p for p in on_cpu if p not in on_gpu] == []


def arguments(name):
    """What the task is started with, variables replaced by their defaults, and the date by none."""
    values = {f"var.{n}": str(v.default) for n, v in bundle().variables.items()}
    values |= {"workspace.file_path": str(ROOT)}
    given = {f"job.parameters.{p.name}": p.default for p in jobs()[name][0].parameters}
    said = "\n".join(task(name).python_wheel_task.parameters)
    said = re.sub(r"\$\{([\w.]+)\}", lambda found: values[found[1]], said)
    said = re.sub(r"\{\{([\w.]+)\}\}", lambda found: given[found[1]], said)
    return said.split("\n")


@pytest.mark.parametrize("name", JOBS)
def test_the_command_understands_what_it_is_started_with(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sparkbird", *arguments(name), "--print-config"])
    command.run()  # and no SystemExit, which Databricks takes for a failure
    said = config.loads(capsys.readouterr().out)
    assert said.model.path == "models:/main.default.late_flights@champion"
    assert said.output.path == "/Volumes/main/default/sparkbird/nightly"
    assert said.model.device == ("cuda" if name == "nightly_gpu" else "auto")
    assert said.date is not None
    assert said.run.log is None


def test_an_entry_point_says_of_a_failure_which_one(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sparkbird", "score", "--conf=none.yaml"])
    with pytest.raises(SystemExit) as ended:
        command.run()
    assert ended.value.code == 2
    assert "none.yaml" in capsys.readouterr().err
