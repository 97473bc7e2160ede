"""A process that has the command line loaded and forks one run of it for each request.

Each run is a process of its own, as fresh as a new one, without the second that loading takes.
A request is a line of JSON on standard input: arguments, and files for the run's output; the
answer is its exit code. `python -m tests.integration.loaded` is the process.
"""

import gc
import importlib
import json
import os
import pkgutil
import select
import subprocess
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NoReturn

from tests.conftest import ROOT

_LIBRARIES: Final = ("pandas", "pyarrow.parquet", "duckdb", "analyzer.case.query")
_LONGEST: Final = 300
"""Seconds that a run may take."""


class Loaded:
    """The process, begun at the first request."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, arguments: list[str]) -> "subprocess.CompletedProcess[str]":
        """What `vmtrail` with these arguments prints, and its exit code."""
        with TemporaryDirectory() as name:
            out, errors = Path(name, "out"), Path(name, "errors")
            code = self._ask([arguments, str(out), str(errors), str(Path.cwd())])
            texts = [path.read_text(encoding="utf-8") for path in (out, errors)]
        return subprocess.CompletedProcess(arguments, code, *texts)

    def _ask(self, request: list[object]) -> int:
        process = self._process or subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT),
                                                   "OPENBLAS_NUM_THREADS": "1"})
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], _LONGEST)[0]:
            self.close()
            raise TimeoutError(request)
        return int(process.stdout.readline())

    def close(self) -> None:
        """End the process; a run that goes on is left to itself."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _load() -> None:
    cli = importlib.import_module("analyzer.cli")
    verbs = [f"analyzer.cli.{module.name}" for module in pkgutil.iter_modules(cli.__path__)
             if module.name != "__main__"]
    for module in (*_LIBRARIES, *verbs):
        importlib.import_module(module)
    importlib.import_module("analyzer.plugin").discover()


def _serve() -> int:
    _load()
    gc.freeze()  # never collected in a run, so its pages stay shared
    for line in sys.stdin:
        arguments, out, errors, folder = json.loads(line)
        pid = os.fork()
        if not pid:
            _be_vmtrail(arguments, out, errors, folder)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    return 0


def _be_vmtrail(arguments: list[str], out: str, errors: str, folder: str) -> NoReturn:
    """Ends without what interpreters do at their end: libraries complain of what is frozen."""
    os.chdir(folder)
    for number, path, how in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY | os.O_CREAT),
                              (2, errors, os.O_WRONLY | os.O_CREAT)):
        os.dup2(os.open(path, how, 0o600), number)
    sys.argv = ["vmtrail", *arguments]
    code = 1
    try:
        code = importlib.import_module("analyzer.cli.main").main()
    except SystemExit as end:  # of argparse
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(_serve())
