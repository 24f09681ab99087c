"""Runs a command as a user without any privilege, also where the tests themselves run as root."""

import os
import pwd
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
WAY = """
set -eu
place=$1 user=$2; shift 2
for pair in "$@"; do
    [ "$pair" = -- ] && break
    shift
    mount --bind "${pair%%:*}" "$place/${pair##*:}"
done
shift
cd "$place/home"
exec setpriv --reuid="$user" --regid="$user" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
"""


class Unprivileged:
    """A user without privileges: a home of his own, a Python with this project in it, and how to run it."""

    def __init__(self, place: Path, home: Path, python: str, environment: dict[str, str], way: list[str]) -> None:
        self.place, self.home, self.python, self.environment, self._way = place, home, python, environment, way

    def command(self, *argv: str) -> list[str]:
        """The command line that runs this Python with these arguments as that user; it needs ``environment``."""
        return [*self._way, self.python, "-P", *argv]

    def run(self, *argv: str, seconds: float) -> "subprocess.CompletedProcess[str]":
        """Run this Python with these arguments as that user, to its end."""
        return subprocess.run(
            self.command(*argv), text=True, capture_output=True, check=False, timeout=seconds, env=self.environment
        )


@contextmanager
def unprivileged() -> Iterator[Unprivileged]:
    """This user where he is none but himself; else nobody.

    Nobody may not read what lies in root's home. So he gets interpreter, packages and sources mounted into a place of
    his own, in a mount namespace that ends with the command.
    """
    with tempfile.TemporaryDirectory(prefix="tercio-user-") as name:
        place = Path(name)
        home = place / "home"
        home.mkdir()
        path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        environment = {"PATH": path, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
        if os.geteuid():
            yield Unprivileged(place, home, sys.executable, {**environment, "PYTHONPATH": str(ROOT)}, [])
            return
        nobody = pwd.getpwnam("nobody").pw_uid
        place.chmod(0o755)
        os.chown(home, nobody, nobody)
        given = {sys.base_prefix: "python", sysconfig.get_path("purelib"): "site", str(ROOT): "project"}
        for each in given.values():
            (place / each).mkdir()
        if Path(sys.base_prefix).is_relative_to("/usr"):
            python = os.path.realpath(sys.executable)
        else:
            python = str(place / "python" / "bin" / Path(os.path.realpath(sys.executable)).name)
        environment["LD_LIBRARY_PATH"] = str(place / "python" / "lib")
        environment["PYTHONPATH"] = f"{place / 'project' / 'src'}:{place / 'project'}:{place / 'site'}"
        binds = [f"{source}:{target}" for source, target in given.items()]
        way = ["unshare", "--mount", "--propagation", "private", "sh", "-c", WAY, "sh", name, str(nobody), *binds, "--"]
        yield Unprivileged(place, home, python, environment, way)


def reason(user: Unprivileged) -> str:
    """Why this user gets no sandbox here, as Tercio itself says; empty where he gets one."""
    asked = user.run("-c", "from tercio.drills.range.sandbox import refusal; print(refusal())", seconds=60)
    if asked.returncode:
        return f"nobody cannot run this Python: {asked.stderr.strip()[-300:]}"
    return asked.stdout.strip()
