"""One Spark session for the suite, on two cores."""

import pytest

#: What Spark itself warns of, or leaves open until the process ends.
_OF_SPARK = (
    "ignore:PySpark does not yet fully support pandas:FutureWarning",
    "ignore:is_categorical_dtype is deprecated",
    "ignore:distutils Version classes are deprecated:DeprecationWarning",
    "ignore:unclosed <socket:ResourceWarning",
    "ignore:unclosed file:ResourceWarning",
    "ignore:subprocess .* is still running:ResourceWarning",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.spark)
        if item.get_closest_marker("spark"):
            item.add_marker(pytest.mark.xdist_group("spark"))
            for line in _OF_SPARK:
                item.add_marker(pytest.mark.filterwarnings(line))


@pytest.fixture(scope="session")
def spark():
    pytest.importorskip("pyspark")
    from sparkbird.spark.session import local_session

    session = local_session(
        "sparkbird-tests",
        **{
            "spark.master": "local[2]",
            "spark.driver.memory": "2g",
            "spark.sql.execution.arrow.pyspark.enabled": "true",
        },
    )
    yield session
    session.stop()


def backends():
    """The back ends that the installed pyspark has."""
    from sparkbird.spark.backend import BACKENDS, newest

    return [name for name in BACKENDS if name == "pandas" or name == newest()]


@pytest.fixture(params=backends())
def backend(request):
    return request.param
