"""A server on loopback that gives byte ranges of the files in a folder, and counts what it gave."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD, with `Range: bytes=a-b` and `bytes=-n`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a body waits 40 ms for the reader to have acknowledged its headers

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        server: Any = self.server
        path = server.folder / self.path.lstrip("/")
        raw = path.read_bytes() if path.is_file() else None
        if raw is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        whole, span = len(raw), self.headers.get("Range")
        if span:
            first, last = span.removeprefix("bytes=").split("-")
            start = int(first) if first else max(0, whole - int(last))
            raw = raw[start : int(last) + 1 if first and last else None]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{start + len(raw) - 1}/{whole}")
        else:
            self.send_response(200)
        raw = raw[: server.cut] if body and server.cut is not None else raw
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if body:
            with server.lock:
                server.given.append((self.path, len(raw)))
            self.wfile.write(raw)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[Any]:
    """A running server; `url`, `given` (path and bytes of each answer), `cut` (bytes at which answers end)."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.folder, server.given, server.cut, server.lock = folder, [], None, threading.Lock()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
