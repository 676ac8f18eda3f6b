"""Requests to a server of `lodecast serve`, by what comes with Python."""

from __future__ import annotations

import http.client
import json
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


class Client:
    """Asks one server."""

    def __init__(self, address: str, token: str | None, timeout: float) -> None:
        self.address = address.rstrip("/")
        self._token = token
        self._timeout = timeout
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
        request = urllib.request.Request(self.address + path, data, headers, method=method)
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
