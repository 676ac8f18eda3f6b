"""What was measured and not yet told, kept on disk, so that neither an outage nor a crash loses it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: A point, or what is asked of the run: `{"resume": step}` or `{"resume": None}`, `{"extend": total_steps}`.
Item = dict[str, Any]
#: Bytes of a spool at most; beyond, what is new waits in memory.
_LARGEST = 256 << 20


class Spool:
    """A file of JSON lines, read from where they were told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self.waiting: list[Item] = _read(path)
        self._size = path.stat().st_size if path.exists() else 0
        #: Does the file end within a line? A process was killed there, or the disk was full.
        self._is_torn = self._size > 0 and not path.read_bytes().endswith(b"\n")

    def add(self, items: Iterable[Item]) -> None:
        """Keep items. That the disk does not take them loses none as long as this process lives."""
        items = list(items)
        with self._lock:
            self.waiting += items
            text = "".join(json.dumps(item) + "\n" for item in items)
            if not items or self._size + len(text) > _LARGEST:
                return
            if self._is_torn:
                text = "\n" + text
            self._is_torn = True
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
            self._is_torn = False
            self._size += len(text)

    def told(self, count: int) -> None:
        """Forget the first items. The file is emptied when nothing waits: to tell something twice does no harm."""
        with self._lock:
            del self.waiting[:count]
            if not self.waiting and (self._size or self._is_torn):
                self.path.write_text("", encoding="utf-8")
                self._size, self._is_torn = 0, False


def _read(path: Path) -> list[Item]:
    items = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    for line in lines:
        try:
            item = json.loads(line)
        except ValueError:
            # The last line of a process that was killed.
            continue
        if isinstance(item, dict):
            items.append(item)
    return items
