"""A model hub on loopback, in memory: as much of the protocol as `huggingface_hub` needs to upload and download."""

import base64
import contextlib
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

TOKEN = "hf_" + "secret" * 5


@contextlib.contextmanager
def serving():
    """A running hub."""
    running = Hub()
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def point_to(running, tmp_path, monkeypatch):
    """Point the client to a hub of our own, with a token; it is told not to look for a faster protocol."""
    from huggingface_hub import constants

    template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
    changes = {
        "ENDPOINT": running.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": template,
        "HF_HUB_CACHE": str(tmp_path / "cache"),
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_PROGRESS_BARS": True,
        "HF_HUB_OFFLINE": False,
    }
    for name, value in changes.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)


class Hub(ThreadingHTTPServer):
    """Repositories (name -> {path: content}) and uploaded large files (sha256 -> content).

    Attributes:
        faults: what happens to the content of a file, by its path: `truncated`, `altered`, or the URL of another host.
        tokens: every access token that came with a request.
        closed: names of repositories that nobody may read, told without saying that they exist; `gated` ones tell.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.faults: dict[str, str] = {}
        self.tokens: list[str] = []
        self.asked: list[str] = []
        self.closed: set[str] = set()
        self.gated: set[str] = set()
        self.read_only = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def commit(self, name: str) -> str:
        """A commit is the hash of the files it holds."""
        files = self.repositories[name]
        digest = hashlib.sha1()
        for path in sorted(files):
            digest.update(path.encode() + hashlib.sha256(files[path]).digest())
        return digest.hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a body waits 40 ms for the reader to have acknowledged its headers
    server: Hub

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, body: object = b"", status: int = 200, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        headers.setdefault("Content-Length", str(len(content)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, code: str) -> None:
        self.answer({"error": code}, 404, X_Error_Code=code)

    def received(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def note(self) -> None:
        """Remember what was asked, and with which token."""
        self.server.asked.append(f"{self.command} {self.path}")
        if token := self.headers.get("Authorization"):
            self.server.tokens.append(token.removeprefix("Bearer "))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.note()
        parts = urlsplit(self.path).path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            name, rest = "/".join(parts[2:4]), parts[4:]
        elif parts[2:3] == ["resolve"]:
            name, rest = "/".join(parts[:2]), parts[2:]
        else:
            return self.answer({}, 404)
        if name in self.server.gated:
            return self.answer({"error": "gated"}, 403, X_Error_Code="GatedRepo")
        if name not in self.server.repositories or name in self.server.closed:
            return self.refuse("RepoNotFound")
        commit = self.server.commit(name)
        if len(rest) > 1 and rest[1] not in ("main", commit):
            return self.refuse("RevisionNotFound")
        files = self.server.repositories[name]
        if rest[:1] == ["tree"]:
            return self.answer([{"type": "file", "path": p, "size": len(c), "oid": sha1(c)} for p, c in files.items()])
        if rest[:1] == ["resolve"]:
            return self.resolve("/".join(rest[2:]), files, commit)
        listed = [{"rfilename": path} for path in files]
        return self.answer(
            {"id": name, "modelId": name, "sha": commit, "siblings": listed, "private": False, "tags": []}
        )

    def resolve(self, path: str, files: dict[str, bytes], commit: str) -> None:
        if path not in files:
            return self.refuse("EntryNotFound")
        content, fault = files[path], self.server.faults.get(path, "")
        large = path.endswith((".safetensors", ".bin", ".pt"))
        told = {"X_Repo_Commit": commit, "ETag": f'"{sha1(content)}"', "Accept_Ranges": "bytes"}
        if large:
            told |= {"X_Linked_ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X_Linked_Size": str(len(content))}
        if fault.startswith("http"):
            return self.answer(b"", 302, Location=fault, **told)
        if fault == "altered":
            content = bytes([content[0] ^ 1]) + content[1:]
        if fault == "truncated" and self.command == "GET":
            told["Content_Length"] = str(len(content))
            content, self.close_connection = content[: len(content) // 2], True
        return self.answer(content, **told)

    def do_PUT(self) -> None:
        content = self.received()
        self.server.large[hashlib.sha256(content).hexdigest()] = content
        self.answer()

    def do_POST(self) -> None:
        self.note()
        path, content = urlsplit(self.path).path, self.received()
        if self.server.read_only:
            return self.answer({"error": f"no rights with {self.headers.get('Authorization')}"}, 403)
        if path == "/api/validate-yaml":
            return self.answer({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            wanted = json.loads(content)
            name = f"{wanted['organization']}/{wanted['name']}" if wanted.get("organization") else wanted["name"]
            known = name in self.server.repositories
            self.server.repositories.setdefault(name, {})
            return self.answer({"url": f"{self.server.url}/{name}", "name": name}, 409 if known else 200)
        if path.endswith("/info/lfs/objects/batch"):
            return self.answer(
                {"transfer": "basic", "objects": [self.upload(o) for o in json.loads(content)["objects"]]}
            )
        name, action = "/".join(path.split("/")[3:5]), path.split("/")[5]
        if action == "preupload":
            files = json.loads(content)["files"]
            sorts = [
                {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(".safetensors") else "regular"}
                for f in files
            ]
            return self.answer({"files": [{**sort, "shouldIgnore": False, "oid": None} for sort in sorts]})
        return self.commit(name, [json.loads(line) for line in content.splitlines() if line])

    def upload(self, wanted: dict) -> dict:
        href = f"{self.server.url}/upload/{wanted['oid']}"
        return {**wanted, "actions": {"upload": {"href": href, "header": {}}}}

    def commit(self, name: str, lines: list[dict]) -> None:
        files = self.server.repositories[name]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
        commit = self.server.commit(name)
        self.answer(
            {"commitUrl": f"{self.server.url}/{name}/commit/{commit}", "commitOid": commit, "commitMessage": ""}
        )


def sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
