"""Tercio on the range, started as a user starts it: settings written, ``tercio up``, the journal followed."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from shlex import join

from tercio.drills.range.range import Range, RangeError, site_file
from tercio.store.errors import StateUnusable
from tercio.store.reader import Entry
from tercio.store.state import State

PATIENCE = 20.0
"""Seconds that the platform may take until loop and hand are ready."""

Changes = Mapping[str, Mapping[str, str]]
"""By file: a text in it, and what stands in its place for this drill."""

CAPABILITIES = ("--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin")


class Platform:
    """A running ``tercio up`` beside a range, with its settings in ``folder``."""

    def __init__(self, folder: Path, plant: Range, changes: Changes | None = None) -> None:
        self.folder = folder
        self.settings = folder / "tercio.toml"
        self.state = folder / "state"
        self._log = folder / "tercio.log"
        self._seen = 0
        write_settings(folder, plant, changes or {})
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start ``tercio up``; what it says goes to ``tercio.log``."""
        argv = [sys.executable, "-m", "tercio", "up", "--settings", str(self.settings)]
        with self._log.open("ab") as log:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)

    def ready(self) -> None:
        """Wait until the loop listens and the hand is there. Raises RangeError with the last words of the log."""
        deadline = time.monotonic() + PATIENCE
        wanted = (self.state / "loop.sock", self.folder / "run" / "gateway.sock")
        while not all(path.exists() for path in wanted) or b"without Tercio" not in self._log.read_bytes():
            if self.process.poll() is not None or time.monotonic() > deadline:
                words = self._log.read_text(errors="replace").strip()[-600:]
                raise RangeError(f"tercio up was not ready in {PATIENCE:.0f} s, see {self._log}: {words}")
            time.sleep(0.02)

    def tercio(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run one command of the command line on these settings, to its end."""
        argv = [sys.executable, "-m", "tercio", *words, "--settings", str(self.settings)]
        return subprocess.run(argv, text=True, capture_output=True, check=False)

    def parts(self) -> dict[str, int]:
        """The processes of this Tercio that run, by part (``up``, ``loop``, ``hand``), as the kernel lists them."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            part = next((word for word in ("up", "loop", "tercio.products.hand") if word in words), "")
            if part and "python" in words[0] and any(word.startswith(f"{self.folder}/") for word in words):
                found[part.rpartition(".")[2]] = int(path.parent.name)
        return found

    def news(self) -> Iterator[Entry]:
        """The journal's records since the last call."""
        try:
            with State.read(self.state) as reader:
                for entry in reader.records(after_seq=self._seen):
                    self._seen = entry.seq
                    yield entry
        except StateUnusable:
            return

    def stop(self) -> None:
        """Ask the platform to end, and make sure of it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def write_settings(folder: Path, plant: Range, changes: Changes) -> None:
    """The settings of a site, as its engineer would write them; leases are short, so that a drill sees their end."""
    folder.mkdir(parents=True, exist_ok=True)
    start = join(["nsenter", f"--net={plant.gateway_netns}", "setpriv", *CAPABILITIES, "--no-new-privs"])
    places = {"@EVE@": str(plant.eve), "@START@": start, "@FOLDER@": str(folder)}
    site = site_file().read_text(encoding="utf-8")
    drills = files("tercio.drills")
    texts = {name: drills.joinpath(name).read_text(encoding="utf-8") for name in ("tercio.toml", "gateway.toml")}
    for name, text in {**texts, "site.toml": site}.items():
        path = folder / name
        path.write_text(_filled(name, text, changes.get(name, {}), places), encoding="utf-8")
        path.chmod(0o600)


def _filled(name: str, text: str, changes: Mapping[str, str], places: Mapping[str, str]) -> str:
    """A template with this drill's changes and its places filled in. Raises ValueError for a change with no place."""
    for old, new in changes.items():
        if old not in text:
            raise ValueError(f"{name} has no {old!r} to change")
        text = text.replace(old, new)
    for place, value in places.items():
        text = text.replace(place, json.dumps(value)[1:-1])  # JSON's escapes are TOML's.
    return text
