"""Requests to a server of `lodecast serve`, by what comes with Python."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

#: Bytes of an answer at most.
_LONGEST = 16 << 20


class Unreachable(Exception):
    """The server cannot be asked now; it may be later."""


class Refused(Exception):
    """The server refuses, and will again."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Whoever it is that a server sends us to, our token was not meant for them."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


class _AtSocket(urllib.request.HTTPHandler):
    """Asks at a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        def connection(host: str, **settings: Any) -> _SocketConnection:
            return _SocketConnection(self._path, host, **settings)

        return self.do_open(connection, request)


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: str, host: str, **settings: Any) -> None:
        super().__init__(host, **settings)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """Asks one server."""

    def __init__(self, address: str, token: str | None, timeout: float) -> None:
        self.address = address.rstrip("/")
        self._token = token
        self._timeout = timeout
        if self.address.startswith("unix:"):
            # No proxy leads to a socket.
            at_socket = _AtSocket(self.address.removeprefix("unix:"))
            self._base = "http://localhost"
            self._opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}), at_socket)
        else:
            self._base = self.address
            self._opener = urllib.request.build_opener(_NoRedirect)

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send JSON and give the JSON that is answered.

        Raises:
            Unreachable: If there is no answer, or one that says to come again.
            Refused: If the server refuses.

        """
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        request = urllib.request.Request(self._base + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                found = json.loads(answer.read(_LONGEST))
        except urllib.error.HTTPError as error:
            with error:
                raise _failure(error) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Unreachable(str(getattr(error, "reason", error)) or type(error).__name__) from None
        if not isinstance(found, dict):
            raise Unreachable("it does not answer as lodecast does")
        return found


def _failure(error: urllib.error.HTTPError) -> Exception:
    try:
        said = json.loads(error.read(1 << 16))
        reason = f"{said['title']}; {said['detail']}"
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        reason = f"it answers {error.code} {error.reason}"
    if error.code in (408, 425, 429) or error.code >= 500:
        return Unreachable(reason)
    return Refused(error.code, reason)
