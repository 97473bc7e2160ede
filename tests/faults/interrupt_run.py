"""A run that is interrupted while a step sleeps: `interrupt_run.py IMAGE CASE`."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from analyzer.case.folder import Case
from analyzer.cli.signals import catch_signals
from analyzer.engine.catalogue import Catalogue
from analyzer.engine.progress import Quiet
from analyzer.engine.run import Options, analyze
from tests.unit.engine.fake_child import COMMAND, PLUGINS


def _interrupt(case: Path) -> None:
    while not any(Case(case).tables.glob("evidence/*.parquet")):
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    catch_signals()
    root = Path(sys.argv[2])
    threading.Thread(target=_interrupt, args=(root,), daemon=True).start()
    plugins = Catalogue(tuple(p for p in PLUGINS if p.name in ("files", "sleep")))
    sys.exit(analyze(Options((sys.argv[1],), root, 2), plugins, Quiet(), COMMAND).exit_code)
