"""uvicorn's HTTP connection with the manners that the marketplace's door needs."""

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.event_waits import end_waiting
from service.koogallery.results import INVALID, Answer

_DOOR = b"/koogallery"
_MOST_HEAD = 1024 * 1024
_PROBLEM = {
    "type": "about:blank",
    "title": "This is not a valid HTTP request.",
    "status": 400,
    "code": "http_400",
}


class Connection(HttpToolsProtocol):
    """One connection: bounded heads, an answer also for what is not HTTP, and for clients that half-close."""

    # Received since the last head was complete, or the last piece of a body came.
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head of more than a mebibyte is refused, for the parser gathers it without end."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > _MOST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        """Begin to count anew."""
        super().on_headers_complete()
        self._head_bytes = 0

    def on_body(self, body: bytes) -> None:
        """Begin to count anew: what a body may hold is the application's matter."""
        self._head_bytes = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, or has an address that cannot be parsed, and close the connection.

        At the marketplace's door that is a result code with HTTP 200 like everything else.
        """
        if self._waits_for_answer():
            # What follows a whole request is none: that one is answered, then the connection ends.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if getattr(self, "url", b"").startswith(_DOOR):
            status, kind, content = b"200 OK", b"application/json", Answer(INVALID, msg).encode()
        else:
            status, kind = b"400 Bad Request", b"application/problem+json"
            content = msgspec.json.encode(_PROBLEM)
        self.transport.write(
            b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (status, kind, len(content), content)
        )
        self.transport.close()

    def shutdown(self) -> None:
        """Answer what is under way and close, without delay for requests that only wait for events."""
        end_waiting()
        super().shutdown()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the connection of a client that has sent its request and now only waits for the answer."""
        waits = self._waits_for_answer()
        if waits:
            self.cycle.keep_alive = False
        return waits

    def _waits_for_answer(self) -> bool:
        return self.cycle is not None and not (self.cycle.response_complete or self.cycle.more_body)
