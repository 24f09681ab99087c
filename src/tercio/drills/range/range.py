"""The range as one thing: up, run actors in it, count what happened, down. Works inside a sandbox only."""

import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from tercio.drills.range import network, suricata
from tercio.drills.range.cast import CLIENTS, STANDING, VISITING, Actor, absent
from tercio.drills.range.counts import Counts, count
from tercio.drills.range.sandbox import inside, missing_tools
from tercio.drills.range.topology import GATEWAY
from tercio.drills.range.traces import Started, read_trace

PATIENCE = 15.0
"""Seconds that an actor may take to be ready."""


class RangeError(Exception):
    """The range could not be built or an actor did not start: one sentence."""


class Range:
    """A running range in this sandbox, and all that it writes in ``folder``.

    ``took`` is how long ``up`` took (microseconds); ``gateway_netns`` is a path for ``nsenter --net=`` inside the
    sandbox; ``running`` holds the range's processes by name; ``remarks`` says what this machine's range lacks; ``died``
    holds the exit status of those that ended before anybody told them to, but for visitors that were done.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.traces = folder / "traces"
        self.gateway_netns = network.RUN / GATEWAY
        self.sensor: suricata.Sensor | None = None
        self._rules = content_rules()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.remarks: tuple[str, ...] = ()
        self.died: dict[str, int] = {}
        self.took = 0

    @classmethod
    def up(
        cls, folder: Path, *, actors: Iterable[str] = tuple(STANDING), rules: Path | None = None, sensor: bool = True
    ) -> "Range":
        """Build the network, start sensor and controller side by side, then who talks to it; wait until all are ready.

        ``folder`` must hold no earlier range's traces. Raises ``RangeError``, and then leaves nothing running.
        """
        began = time.monotonic_ns()
        if missing := missing_tools():
            raise RangeError("; ".join(missing))
        plant = cls(folder)
        plant._rules = rules or content_rules()
        if plant.traces.exists():
            raise RangeError(f"{plant.traces} is from an earlier range: use a new folder")
        plant.traces.mkdir(parents=True)
        try:
            network.build()
            engine = suricata.start(folder / "suricata", plant._rules) if sensor else None
            if engine is not None:
                plant.running["suricata"] = engine
            lacking, plant.remarks = absent()
            present = [name for name in actors if name not in lacking]
            early, late = [n for n in present if n not in CLIENTS], [n for n in present if n in CLIENTS]
            for name in early:
                plant.start(name, STANDING[name])
            if engine is not None:
                plant.sensor = suricata.ready(engine, folder / "suricata")
            for name in late:
                plant.start(name, STANDING[name])
            for name in (*early, *late):
                plant.await_start(name)
        except (network.NetworkError, suricata.SensorError) as error:
            plant.down()
            raise RangeError(str(error)) from error
        except BaseException:
            plant.down()
            raise
        plant.took = (time.monotonic_ns() - began) // 1000
        return plant

    @property
    def eve(self) -> Path | None:
        """The sensor's event file, None where the range runs without a sensor."""
        return self.sensor.eve if self.sensor else None

    def trace(self, name: str) -> Path:
        """Where the named actor writes its ground truth."""
        return self.traces / f"{name}.jsonl"

    def start(self, name: str, actor: Actor, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start an actor as a process of its own in its host's namespace; its trace is ``trace(name)``. A Ctrl-C at the
        terminal does not reach it: who holds the range takes it down in order.

        Arguments behind the actor's own override them: ``--after SECONDS`` lets it begin at an offset.
        """
        own = [each.replace("{folder}", str(self.folder)) for each in (*actor.arguments, *arguments)]
        argv = [sys.executable, "-m", actor.module, "--trace", str(self.trace(name)), *own]
        with (self.folder / f"{name}.log").open("ab") as log:
            argv, quiet = inside(actor.host, argv), subprocess.DEVNULL
            process = subprocess.Popen(argv, stdin=quiet, stdout=log, stderr=log, process_group=0)
        self.running[name] = process
        return process

    def visit(self, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start one of ``VISITING``; a second visit of the same actor appends to the same trace."""
        return self.start(name, VISITING[name], *arguments)

    def restart(self, name: str, *arguments: str) -> None:
        """End a standing actor and start it anew, with further arguments; does not wait until it is ready."""
        self.stop([name])
        self.start(name, STANDING[name], *arguments)

    def await_start(self, name: str) -> None:
        """Wait until an actor has said that it is ready. Raises ``RangeError``."""
        deadline = time.monotonic() + PATIENCE
        while not any(isinstance(each, Started) for each in read_trace(self.trace(name)).records):
            if self.running[name].poll() is not None or time.monotonic() > deadline:
                words = (self.folder / f"{name}.log").read_text(errors="replace").strip()[-300:]
                raise RangeError(f"{name} did not start, see {self.folder / f'{name}.log'}: {words}")
            time.sleep(0.02)

    def restart_sensor(self) -> None:
        """Kill the sensor and start it again, as a service manager does with one that died: it goes on writing to the
        same file, and knows none of the sessions that were open before. Raises ``RangeError``."""
        old = self.running.pop("suricata")
        old.kill()
        old.wait()
        folder = self.folder / "suricata"
        (folder / "suricata.log").unlink(missing_ok=True)
        try:
            self.running["suricata"] = suricata.start(folder, self._rules)
            self.sensor = suricata.ready(self.running["suricata"], folder)
        except suricata.SensorError as error:
            raise RangeError(str(error)) from error

    def run_in(self, host: str, argv: Sequence[str], text: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command in a host's namespace (or the gateway's) to its end; its status is the caller's to judge."""
        return subprocess.run(inside(host, argv), input=text, text=True, capture_output=True, check=False)

    def finish(self, name: str) -> int:
        """Wait for a visiting actor to end by itself. Returns its exit status."""
        return self.running.pop(name).wait()

    def stop(self, names: Iterable[str]) -> None:
        """Ask these processes to end, and make sure of it. Those that are no more are noted in ``died``."""
        named = [(name, self.running.pop(name)) for name in names if name in self.running]
        for name, process in named:
            status = process.poll()
            if status is not None and (status or name not in VISITING):
                self.died[name] = status
        ending = [process for _, process in named]
        for process in ending:
            process.terminate()
        for process in ending:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def counts(self, blocks: Iterable[tuple[int, int]] = ()) -> Counts:
        """What the traces say so far; final once ``down`` has let the actors write their last records."""
        return count({path.stem: read_trace(path) for path in sorted(self.traces.glob("*.jsonl"))}, blocks)

    def down(self) -> None:
        """End every process of the range, the controller last, and remove the network."""
        self.stop([name for name in self.running if name != "plc"])
        self.stop(["plc"])
        network.remove()


def content_rules() -> Path:
    """The rules that ship with Tercio."""
    return Path(str(files("tercio.content").joinpath("suricata/tercio.rules")))


def site_file() -> Path:
    """The range's own ``site.toml``."""
    return Path(str(files("tercio.drills.range").joinpath("site.toml")))
