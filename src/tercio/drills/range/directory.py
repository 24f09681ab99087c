"""The plant's directory: a real slapd with a few people and service accounts, as an unprivileged user on one host."""

import argparse
import base64
import hashlib
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from tercio.drills.range.actor import arguments, play
from tercio.drills.range.traces import Started, Trace, now

BASE = "dc=plant,dc=example"
PATIENCE = 15.0
"""Seconds that the server may take until it answers."""
TOOLS = {"slapd": "slapd", "slapadd": "slapd", "ldapwhoami": "ldap-utils"}
"""The programs that a directory and its clients need, and the Debian package of each."""

SETTINGS = f"""include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
maxsize 16777216
suffix "{BASE}"
directory db
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""
"""Paths without a leading slash lie in the folder that the server is started in."""


def missing() -> str:
    """Why there can be no directory, as one sentence; empty when there can."""
    gone = [tool for tool in TOOLS if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None]
    if not gone:
        return ""
    packages = " and ".join(dict.fromkeys(TOOLS[tool] for tool in gone))
    return f"{gone[0]} is missing: the range runs without its directory; for it install {packages}"


def serve(options: argparse.Namespace, trace: Trace) -> None:
    """Fill the directory, start the server and stay until asked to end, or until it ends."""
    folder = options.store
    owner = unprivileged(Path("/proc/self/uid_map").read_text(encoding="ascii"), pwd.getpwnam("nobody").pw_uid)
    fill(folder)
    own(folder, owner)
    urls = " ".join(f"ldap://{f'[{each}]' if ':' in each else each}:{options.port}" for each in options.bind)
    drop = ["-u", str(owner), "-g", str(pwd.getpwuid(owner).pw_gid)] if owner else []
    # In the foreground, as -d asks for; started in its folder, since another user may not walk the way to it.
    argv = ["slapd", "-d", "0", "-f", "slapd.conf", "-h", urls, *drop]
    with subprocess.Popen(argv, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL) as server:
        try:
            await_answer(server, options.bind, options.port)
            trace.add(Started(now(), "directory"))
            server.wait()
        finally:
            server.terminate()


def fill(folder: Path) -> None:
    """Write settings, a new password for every account, and the database. Raises what slapadd said."""
    (folder / "db").mkdir(parents=True)
    (folder / "passwords").mkdir(mode=0o700)
    (folder / "slapd.conf").write_text(SETTINGS, encoding="utf-8")
    people = files("tercio.drills.range").joinpath("directory.ldif").read_text(encoding="utf-8")
    for account in re.findall(r"^uid: (\S+)$", people, re.MULTILINE):
        password = secrets.token_urlsafe(18)
        path = folder / "passwords" / account
        path.touch(mode=0o600)
        path.write_text(password, encoding="ascii")
        people = people.replace(f"uid: {account}\n", f"uid: {account}\nuserPassword: {hashed(password)}\n")
    argv = ["slapadd", "-q", "-f", "slapd.conf"]
    subprocess.run(argv, cwd=folder, env=_environment(), input=people, text=True, check=True)


def hashed(password: str) -> str:
    """A salted SHA-1 as the directory keeps it (RFC 2307's userPassword, with the salt that slapd reads behind it)."""
    salt = secrets.token_bytes(8)
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode("ascii")


def unprivileged(uid_map: str, nobody: int) -> int:
    """Who the server runs as: nobody, or 0 where this user namespace knows of nobody but an outside user as root."""
    spans = [tuple(map(int, line.split())) for line in uid_map.splitlines()]
    return nobody if any(first <= nobody < first + count for first, _, count in spans) else 0


def own(folder: Path, owner: int) -> None:
    """Give the server what it reads and writes; the passwords stay where they are."""
    for path in (folder, folder / "slapd.conf", folder / "db", *(folder / "db").iterdir()):
        os.chown(path, owner, -1)


def await_answer(server: "subprocess.Popen[bytes]", addresses: Sequence[str], port: int) -> None:
    """Wait until the server listens on every address. Raises TimeoutError, or its status where it ended."""
    deadline = time.monotonic() + PATIENCE
    for address in addresses:
        while True:
            try:
                socket.create_connection((address, port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise TimeoutError(f"slapd does not answer on {address}, its status is {server.poll()}") from None
                time.sleep(0.02)


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"}


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.directory --trace FILE --store FOLDER --bind ADDRESS ...``."""
    parser = arguments(str(__doc__))
    parser.add_argument("--store", type=Path, required=True, help="new folder for settings, passwords and database")
    parser.add_argument("--bind", nargs="+", required=True, help="addresses to listen on")
    parser.set_defaults(port=389)
    return play(parser.parse_args(argv), serve)


if __name__ == "__main__":
    sys.exit(main())
