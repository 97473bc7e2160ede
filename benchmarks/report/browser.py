"""Chromium driven through pipes: its DevTools protocol, one JSON message before each NUL."""

import json
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_COMMAND: Final = ("chromium", "--headless", "--no-sandbox", "--disable-gpu",
                   "--remote-debugging-pipe", "--window-size=1280,900")
_WHEN_READY: Final = """
new Promise(go => { const wait = setInterval(() => {
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  if (!paint || document.getElementById('view') && !document.body.dataset.ready) return;
  clearInterval(wait);
  const told = document.querySelector('.found .status');
  go({painted: paint.startTime, ready: performance.now(), status: told ? told.textContent : '',
    memory: performance.memory ? performance.memory.usedJSHeapSize / 1e6 : 0});
}, 10); })"""


class Browser:
    """One running Chromium with one page."""

    def __init__(self, profile: Path) -> None:
        to_read, self._to = os.pipe()
        self._from, from_write = os.pipe()
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{from_write}', "bash", *_COMMAND,
             f"--user-data-dir={profile}"],
            pass_fds=(to_read, from_write), stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self._number, self._rest = 0, b""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target,
                                   flatten=True)["sessionId"]

    def open(self, url: str) -> dict[str, Any]:
        """Milliseconds until a page is painted and its rows are there, as the page counts them."""
        self._call("Page.navigate", self._session, url="about:blank")
        self._call("Page.navigate", self._session, url=url)
        while self._evaluate("location.href") != url:
            time.sleep(0.01)
        found: dict[str, Any] = self._evaluate(_WHEN_READY)
        return found

    def close(self) -> None:
        """End it."""
        with suppress(OSError):
            self._call("Browser.close")
        self._process.wait(30)
        os.close(self._to)
        os.close(self._from)

    def _evaluate(self, expression: str) -> Any:
        answer = self._call("Runtime.evaluate", self._session, expression=expression,
                            awaitPromise=True, returnByValue=True)
        return answer["result"].get("value")

    def _call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._next())
            if answer.get("id") == self._number:
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> bytes:
        while b"\0" not in self._rest:
            data = os.read(self._from, 1 << 16)
            if not data:
                raise OSError("the browser ended")
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return message
