"""The real server, as a process that is started and killed."""

import json
import os
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path


def binary():
    """The command: the environment's LODECAST_BINARY, the checkout's, or an installed one."""
    root = Path(__file__).parents[2]
    built = [root / "target" / profile / "lodecast" for profile in ("release", "debug")]
    named = os.environ.get("LODECAST_BINARY")
    found = [Path(named)] if named else [path for path in built if path.exists()]
    if found:
        return str(max(found, key=lambda path: path.stat().st_mtime))
    return shutil.which("lodecast")


NEEDS_BINARY = "no lodecast command: cargo build -p lodecast-cli, or LODECAST_BINARY"


class Server:
    """`lodecast serve` in a folder, with one model, `toy`; at a Unix socket if there is a path, else at one port."""

    def __init__(self, folder, model, socket_path=None, arguments=()):
        self.folder = folder
        (folder / "models").mkdir()
        model.save(folder / "models" / "toy.lode")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}" if socket_path is None else f"unix:{socket_path}"
        place = ["--listen", f"127.0.0.1:{port}"] if socket_path is None else ["--socket", socket_path]
        self.command = [binary(), "serve", "--models", "models", "--store", "store", *place, *arguments]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == f"serving at {self.url}\n"
        return self

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def ask(self, method, path, body=None, token=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def get(self, path):
        return self.ask("GET", path)
