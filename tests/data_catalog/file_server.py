"""Files over HTTP on loopback, with ranges and tags, that break off, slow down or fail when they are told to."""

import hashlib
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

PIECE = 2**14


class FileServer(ThreadingHTTPServer):
    """`files` by path; `cut` breaks each of the next answers off after so many bytes; `pause` lies between pieces."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut: list[int] = []
        self.statuses: list[int] = []
        self.pause = 0.0
        self.ranges = True
        self.asked: list[tuple[str, str | None]] = []
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """A client that was killed is no news."""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a body waits 40 ms for the reader to have acknowledged its headers
    server: FileServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        server, path = self.server, self.path.lstrip("/")
        server.asked.append((path, self.headers.get("Range")))
        status = server.statuses.pop(0) if server.statuses else 200
        content = server.files.get(path)
        if content is None or status != 200:
            self.send_response(404 if content is None else status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        start = self.start(tag)
        if start and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.send(content[start:], server.cut.pop(0) if server.cut else None)

    def start(self, tag: str) -> int:
        asked, wanted = self.headers.get("Range"), self.headers.get("If-Range")
        if asked is None or not self.server.ranges or wanted not in (None, tag):
            return 0
        return int(asked.removeprefix("bytes=").rstrip("-"))

    def send(self, content: bytes, cut: int | None) -> None:
        for first in range(0, len(content), PIECE):
            piece = content[first : first + PIECE]
            if cut is not None and first + len(piece) >= cut:
                self.wfile.write(piece[: cut - first])
                self.close_connection = True
                return
            self.wfile.write(piece)
            if self.server.pause:
                time.sleep(self.server.pause)
