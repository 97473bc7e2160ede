"""A task on another machine: the same child through the same supervisor, after a check that the
machine sees the same evidence, the same case and the same vmtrail.

Orders and answers are JSON texts. Nothing here knows how they travel.
"""

import hashlib
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache, lru_cache
from glob import escape
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from analyzer import VERSION
from analyzer.case.folder import Case
from analyzer.engine.catalogue import Catalogue
from analyzer.engine.evidence_files import with_segments
from analyzer.engine.messages import Failed, Progress, summary_from
from analyzer.engine.scheduler import run_here
from analyzer.engine.supervisor import Supervisor, TaskEnd
from analyzer.engine.tasks import Limits, Request, Task, Work
from analyzer.engine.worker import Died

_EDGE: Final = 1 << 20
"""Bytes hashed at each end of a file."""
_POLL: Final = 0.5
_PACKAGES: Final = Path(__file__).resolve().parents[2]

Heard = Callable[[Task, Progress], None]


@cache
def code_hash() -> str:
    """SHA-256 over the sources of vmtrail and the plugins that come with it."""
    whole = hashlib.sha256()
    for package in ("analyzer", "plugins"):
        for path in sorted((_PACKAGES / package).rglob("*.py")):
            whole.update(path.relative_to(_PACKAGES).as_posix().encode() + b"\0")
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _seen(path: str) -> dict[str, Any]:
    """What a machine sees of a file: size, second of its last change, hash of both ends."""
    with Path(path).open("rb") as file:
        modified = int(Path(path).stat().st_mtime)
        head = file.read(_EDGE)
        size = file.seek(0, 2)
        file.seek(max(0, size - _EDGE))
        ends = hashlib.sha256(head + file.read(_EDGE)).hexdigest()
    return {"path": path, "size": size, "modified": modified, "ends": ends}


def expectation(case: Case, word: str, paths: Sequence[str], plugins: Catalogue) -> str:
    """What each machine has to see; `word` is what the case's `.run` holds. Raises OSError."""
    return json.dumps({
        "case": str(case.root), "word": word, "version": VERSION, "code": code_hash(),
        "plugins": sorted((p["name"], p["sha256"]) for p in plugins.described()),
        "evidence": [_seen(path) for path in with_segments(paths)]}, sort_keys=True)


@lru_cache(maxsize=8)
def difference(expected: str) -> str:
    """What this machine sees otherwise, in words; "" where it sees the same."""
    from analyzer.plugin import discover

    wanted = json.loads(expected)
    if (wanted["version"], wanted["code"]) != (VERSION, code_hash()):
        return f"it runs another vmtrail ({VERSION}), or one that was changed"
    own = {p["name"]: p["sha256"] for p in Catalogue(tuple(discover())).described()}
    odd = [name for name, sha256 in wanted["plugins"] if own.get(name, "absent") != sha256]
    if odd:
        return f"its plugin {odd[0]} is another, or it has none"
    if not _is_under_way(Case(Path(wanted["case"])), wanted["word"]):
        return f"the case {wanted['case']} is not there, or another; it has to be on shared storage"
    for there in wanted["evidence"]:
        try:
            here = _seen(there["path"])
        except OSError as error:
            return f"{there['path']} cannot be read there: {error.strerror}"
        unlike = [name for name in ("size", "modified", "ends") if here[name] != there[name]]
        if unlike:
            return f"{there['path']} is another file there ({', '.join(unlike)})"
    return ""


def _is_under_way(case: Case, word: str) -> bool:
    """Whether the run that gave the order goes on; opening the file asks the file server."""
    try:
        return case.run.read_text("ascii", "replace") == word
    except OSError:
        return False


def order(case: Case, work: Work, limits: Limits, expected: str, *, verify: bool,
          command: Sequence[str]) -> str:
    """One task as a text. `command` is empty but in tests."""
    request = Request(work.task, str(case.root), work.images, limits, verify)
    return json.dumps({"request": request.to_line().decode("ascii"), "expected": expected,
                       "command": list(command)})


def obey(text: str, heard: Heard) -> str:
    """Do a task here; the answer is for `answered`."""
    ordered = json.loads(text)
    request = Request.from_line(ordered["request"].encode("ascii"))
    different = difference(ordered["expected"])
    if different:
        failed = Failed("RUN-WORKER", f"machine {socket.gethostname()}: {different}")
        return _answer(TaskEnd(request.task, "unfinished", failed=failed))
    case, word = Case(Path(request.case)), json.loads(ordered["expected"])["word"]
    if not _is_under_way(case, word):
        return _answer(TaskEnd(request.task, "stopped"))
    _forget(case, request.task)
    heard(request.task, Progress("start"))
    more = {"command": ordered["command"]} if ordered["command"] else {}
    with _stopping(case, word) as stop:
        supervisor = Supervisor(case, request.limits, stop, heard, **more)
        return _answer(run_here(supervisor, Work(request.task, request.images),
                                verify=request.verify))


def _forget(case: Case, task: Task) -> None:
    """Remove what a machine that was lost had finished of this task."""
    name = escape(task.task_id)
    for pattern in (f"*/{name}.parquet", f"*/{name}+*.parquet"):
        for path in case.tables.glob(pattern):
            path.unlink(missing_ok=True)


@contextmanager
def _stopping(case: Case, word: str) -> Iterator[Event]:
    """An event that is set when the run that gave the order has ended."""
    stop, over = Event(), Event()

    def watch() -> None:
        while not over.wait(_POLL):
            if not _is_under_way(case, word):
                stop.set()

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield stop
    finally:
        over.set()
        watcher.join()


def _answer(end: TaskEnd) -> str:
    return json.dumps({
        "end": end.end, "summary": asdict(end.summary),
        "failed": None if end.failed is None else [end.failed.code, end.failed.what],
        "deaths": [[d.code, d.what, d.step, d.stderr] for d in end.deaths]})


def answered(task: Task, text: str) -> TaskEnd:
    """What a machine answered; raises ValueError, KeyError, TypeError or BadMessage."""
    answer = json.loads(text)
    if answer["end"] not in ("done", "lost", "unfinished", "stopped"):
        raise ValueError("an end that cannot be")
    failed = answer["failed"]
    return TaskEnd(task, answer["end"], summary_from(answer["summary"]),
                   None if failed is None else Failed(str(failed[0])[:40], str(failed[1])[:2_000]),
                   [Died(str(code), str(what), str(step), str(stderr))
                    for code, what, step, stderr in answer["deaths"]])


def call_off(case: Case) -> None:
    """Tell every machine that the run is over: written in place, so that each sees it at once."""
    case.run.write_text("", "ascii")
