"""A store of objects on loopback that speaks as much of S3 as obstore asks of it."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape


class Handler(BaseHTTPRequestHandler):
    """Objects by name: GET with ranges, HEAD, PUT, DELETE (one or many), and lists with a prefix and a delimiter."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a body waits 40 ms for the reader to have acknowledged its headers

    @property
    def objects(self) -> dict[str, bytes]:
        server: Any = self.server
        found: dict[str, bytes] = server.objects
        return found

    @property
    def key(self) -> str:
        """The name of the object, without its bucket."""
        return unquote(urlsplit(self.path).path).lstrip("/").partition("/")[2]

    def do_PUT(self) -> None:
        server: Any = self.server
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if server.left == 0:
            self.answer(403, b"<Error><Code>AccessDenied</Code><Message>no more</Message></Error>")
            return
        server.left -= 1
        self.objects[self.key] = raw
        self.answer(200, tag=raw)

    def do_DELETE(self) -> None:
        self.objects.pop(self.key, None)
        self.answer(204)

    def do_POST(self) -> None:
        """Several objects are deleted at once."""
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = [unescape(key) for key in re.findall("<Key>(.*?)</Key>", raw)]
        for key in keys:
            self.objects.pop(key, None)
        deleted = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self.answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if "list-type" in asked:
            self.answer(200, self.listed(asked.get("prefix", [""])[0], asked.get("delimiter", [""])[0]))
            return
        raw = self.objects.get(self.key)
        if raw is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        span = self.headers.get("Range")
        if span is None:
            self.answer(200, raw, tag=raw)
            return
        first, last = span.removeprefix("bytes=").split("-")
        start = int(first) if first else max(0, len(raw) - int(last))
        part = raw[start : int(last) + 1 if first and last else None]
        self.answer(206, part, tag=raw, span=f"bytes {start}-{start + len(part) - 1}/{len(raw)}")

    def listed(self, prefix: str, delimiter: str) -> bytes:
        """What lies under a prefix, in the words of S3."""
        now = datetime.now(UTC)
        names = sorted(name for name in self.objects if name.startswith(prefix))
        cuts = {name: name.find(delimiter, len(prefix)) if delimiter else -1 for name in names}
        folders = sorted({name[: cut + 1] for name, cut in cuts.items() if cut >= 0})
        files = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>{now:%Y-%m-%dT%H:%M:%S.000Z}</LastModified><ETag>x</ETag>"
            f"<Size>{len(self.objects[name])}</Size></Contents>"
            for name, cut in cuts.items()
            if cut < 0
        )
        common = "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in folders)
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{files}{common}</ListBucketResult>".encode()

    def answer(self, status: int, body: bytes = b"", *, tag: bytes = b"", span: str = "") -> None:
        self.send_response(status)
        self.send_header("ETag", f'"{hashlib.md5(tag).hexdigest()}"')
        self.send_header("Last-Modified", formatdate(usegmt=True))
        if span:
            self.send_header("Content-Range", span)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@contextmanager
def serving_objects() -> Iterator[Any]:
    """A running server; `url`, `objects` by name, `left` (how many more it takes; all below 0)."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.objects, server.left = {}, -1
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
