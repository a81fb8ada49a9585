"""Tests on a GPU are left out where there is none."""

import pytest

from sparkbird.kernels.cuda import driver


def pytest_collection_modifyitems(items):
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if on_gpu and (reason := driver.lacking()):
        for item in on_gpu:
            item.add_marker(pytest.mark.skip(reason=reason))
