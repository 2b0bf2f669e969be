"""Compiles what goes into the layer and the zip, so that no container compiles anything when it starts.

A .pyc that Python makes by itself holds the time of its source, and a zip keeps times only to two seconds: in Lambda,
where nothing can be written, such a source would be compiled again at each start. These hold the source's hash instead.
In the layer it is not looked at. In chalicelib it is: there the sources are somebody's work, and change.

Started as a program of its own, because what Python writes may depend on all that it did before.
"""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

CHECKED, UNCHECKED = "checked", "unchecked"
_MODES = {
    CHECKED: py_compile.PycInvalidationMode.CHECKED_HASH,
    UNCHECKED: py_compile.PycInvalidationMode.UNCHECKED_HASH,
}


def compile_folder(folder: Path, place: str, mode: str) -> None:
    """Compile every source below `folder`, which will lie at `place` in Lambda. The same sources give the same octets.

    Raises `CalledProcessError` for one that cannot be compiled: it is named on standard error.
    """
    program = [sys.executable, "-S", str(Path(__file__)), str(folder), place, mode]
    subprocess.run(program, check=True, env={"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", "")})


def _compile(folder: Path, place: str, mode: str) -> None:
    for source in sorted(folder.rglob("*.py")):
        # The name that tracebacks show. Where it is not the true one, Python puts it right at each import.
        told = f"{place}/{source.relative_to(folder).as_posix()}"
        py_compile.compile(str(source), dfile=told, doraise=True, invalidation_mode=_MODES[mode], optimize=0)


if __name__ == "__main__":
    try:
        _compile(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
    except (py_compile.PyCompileError, OSError) as problem:
        sys.exit(str(problem))
