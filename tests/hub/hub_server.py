"""A model hub on this machine: what ``huggingface_hub`` asks of ``HF_ENDPOINT``, from folders on disk.

    python tests/hub/hub_server.py FOLDER [PORT]      serves FOLDER until it is stopped; prints its address

FOLDER has ``models/<owner>/<name>/`` and ``datasets/<owner>/<name>/``, laid out as the real repositories are.
A repository's commit is the SHA-1 of its content, or what a file ``<name>.commit`` beside its folder says;
``main`` and the full commit name it. Another revision is a folder ``<name>@<revision>``. The routes are the
real hub's: repo info (with file sizes), the tree, and files with ETag, ``X-Repo-Commit`` and ranges. Only
standard library; loopback only.
"""

import hashlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

_NAME = r"(?P<repo>[\w.-]+/[\w.-]+)"
_INFO = re.compile(rf"/api/(?P<kind>models|datasets)/{_NAME}(?:/revision/(?P<revision>[^/]+))?")
_TREE = re.compile(rf"/api/(?P<kind>models|datasets)/{_NAME}/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?")
_FILE = re.compile(rf"/(?P<kind>datasets/)?{_NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


class Repository:
    """One repository's files and its commit."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.revision = folder.name.partition("@")[2] or "main"
        self.files = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
        given = folder.with_name(f"{folder.name}.commit")
        if given.exists():
            self.commit = given.read_text()
            return
        content = hashlib.sha1()
        for name, path in self.files.items():
            content.update(f"{name}\0{path.stat().st_size}\0".encode())
            content.update(path.read_bytes())
        self.commit = content.hexdigest()

    def has(self, revision: str) -> bool:
        """Whether a revision names its commit."""
        return revision in (self.revision, self.commit)


class Hub(ThreadingHTTPServer):
    """The server; ``requests`` has what was asked, ``method path``."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int = 0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.requests: list[str] = []
        self._folder, self._known, self._lock = folder, {}, threading.Lock()

    @property
    def address(self) -> str:
        """What ``HF_ENDPOINT`` must be."""
        return f"http://127.0.0.1:{self.server_port}"

    def revisions(self, kind: str, name: str) -> list[Repository]:
        """What there is of a repository."""
        folder = self._folder / kind / name
        with self._lock:
            if (kind, name) not in self._known:
                there = [folder, *folder.parent.glob(f"{folder.name}@*")]
                self._known[kind, name] = [Repository(path) for path in there if path.is_dir()]
            return self._known[kind, name]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        self._answer(with_body=True)

    def do_HEAD(self) -> None:  # noqa: N802
        self._answer(with_body=False)

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self, with_body: bool) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        self.server.requests.append(f"{self.command} {path}")
        for pattern, answer in ((_TREE, self._tree), (_INFO, self._info), (_FILE, self._file)):
            if match := pattern.fullmatch(path):
                kind = (match["kind"] or "models").strip("/")
                revisions = self.server.revisions(kind, match["repo"])
                if not revisions:
                    return self._error(401, "RepoNotFound", "Invalid username or password.", with_body)
                asked = match["revision"] or "main"
                repository = next((there for there in revisions if there.has(asked)), None)
                if repository is None:
                    return self._error(
                        404, "RevisionNotFound", f"Invalid rev id: {match['revision']}", with_body
                    )
                return answer(repository, match, parse_qs(url.query), with_body)
        return self._error(404, "EntryNotFound", "Not found", with_body)

    def _info(self, repository: Repository, match: re.Match, query: dict, with_body: bool) -> None:
        blobs = "blobs" in query
        siblings = [
            {"rfilename": name} | ({"size": path.stat().st_size} if blobs else {})
            for name, path in repository.files.items()
        ]
        body = {"id": match["repo"], "sha": repository.commit, "siblings": siblings, "private": False}
        self._json({**body, "gated": False, "disabled": False, "tags": []}, with_body)

    def _tree(self, repository: Repository, match: re.Match, query: dict, with_body: bool) -> None:
        prefix = f"{match['path']}/" if match["path"] else ""
        entries = [
            {"type": "file", "path": name, "size": path.stat().st_size, "oid": _etag(path)}
            for name, path in repository.files.items()
            if name.startswith(prefix)
        ]
        self._json(entries, with_body)

    def _file(self, repository: Repository, match: re.Match, query: dict, with_body: bool) -> None:
        path = repository.files.get(match["path"])
        headers = {"X-Repo-Commit": repository.commit}
        if path is None:
            return self._error(404, "EntryNotFound", "Entry not found", with_body, headers)
        content = path.read_bytes()
        headers |= {"ETag": f'"{_etag(path)}"', "Accept-Ranges": "bytes"}
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(wanted[1]), int(wanted[2] or len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            return self._send(206, content[start : end + 1], "application/octet-stream", headers, with_body)
        return self._send(200, content, "application/octet-stream", headers, with_body)

    def _json(self, value: object, with_body: bool) -> None:
        self._send(200, json.dumps(value).encode(), "application/json", {}, with_body)

    def _error(
        self, status: int, code: str, text: str, with_body: bool, headers: dict[str, str] | None = None
    ) -> None:
        given = {"X-Error-Code": code, "X-Error-Message": text, **(headers or {})}
        self._send(status, json.dumps({"error": text}).encode(), "application/json", given, with_body)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str], with_body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def _etag(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def running(folder: Path) -> Iterator[Hub]:
    """Serve a folder in this process."""
    hub = Hub(folder)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


if __name__ == "__main__":
    hub = Hub(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print(hub.address, flush=True)
    hub.serve_forever()
