"""Real network namespaces and a real hand. A namespace lives as long as one process of ours, and goes with it."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tercio.model.canon import canonical
from tercio.model.commands import Action, Command, Hello, Order, Response, SignedOrder, Target
from tercio.model.units import SECOND

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000


class Namespace:
    """A network namespace, held by a sleeping process that dies with the thread that started it."""

    def __init__(self) -> None:
        argv = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "echo ready && exec sleep 600"]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self.pid = self.process.pid
        self.run("ip link set lo up")

    def argv(self, *argv: str) -> list[str]:
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *argv]

    def run(self, *lines: str) -> str:
        """Run commands (words separated by spaces); all must succeed."""
        out = ""
        for line in lines:
            argv = self.argv(*line.split())
            done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False)
            assert done.returncode == 0, f"{line}: {done.stderr}"
            out += done.stdout
        return out

    def nft(self, text: str) -> str:
        argv = self.argv("nft", "-f", "-")
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return done.stdout

    def inside(self, call: Callable[[], T]) -> T:
        """Call in a thread that has entered the namespace: sockets that it makes stay there."""
        box: list[Any] = []

        def work() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            here = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
            try:
                if libc.setns(here, _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
                box.append(call())
            except Exception as error:  # noqa: BLE001 (raised again in the thread that asked)
                box.append(error)
            finally:
                os.close(here)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(30)
        assert box, "the call did not end"
        if isinstance(box[0], Exception):
            raise box[0]
        return box[0]  # type: ignore[no-any-return]

    def powerless(self, code: str) -> str:
        """What Python code prints there without any privilege."""
        alone = ("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")
        argv = self.argv("setpriv", *alone, sys.executable, "-c", code)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def end(self) -> None:
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


def join(one: Namespace, name: str, other: Namespace, peer: str) -> None:
    """A virtual cable between two namespaces."""
    one.run(
        f"ip link add name {name} type veth peer name {peer} netns {other.pid}",
        f"ip link set {name} up",
    )
    other.run(f"ip link set {peer} up")


class Loop:
    """A loop's end of the wire, plain and blocking, that can also sign nonsense."""

    def __init__(self, path: Path, key: Ed25519PrivateKey) -> None:
        self.key, self.sequence = key, 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.hello = msgspec.json.decode(self.socket.recv(65536), type=Hello)

    def raw(self, data: bytes) -> Response:
        self.socket.send(data)
        return msgspec.json.decode(self.socket.recv(1 << 18), type=Response)

    def signed(self, command: Command, **changes: Any) -> bytes:
        self.sequence = changes.get("sequence", self.sequence + 1)
        order = canonical(Order(changes.get("nonce", self.hello.nonce), self.sequence, command))
        return canonical(SignedOrder(order, changes.get("key", self.key).sign(order)))

    def order(self, command: Command, **changes: Any) -> Response:
        return self.raw(self.signed(command, **changes))

    def close(self) -> None:
        self.socket.close()


def now() -> int:
    return time.time_ns() // 1000


def command(target: Target | None, lease: str = "lse-1", action: Action = Action.DENY, **changes: Any) -> Command:
    """An order for hand ``gw``; ``span`` in microseconds, ``issued`` now unless said otherwise."""
    issued = changes.pop("issued", now())
    until = changes.pop("until", issued + changes.pop("span", 60 * SECOND))
    fields = {"id": f"cmd-{lease}-{until}", "incident": "inc-1", "decision": "dec-1", "hand": "gw"} | changes
    return Command(lease=lease, action=action, target=target, issued=issued, until=until, **fields)


class Served:
    """A hand as it runs in production: in another namespace, with one capability."""

    def __init__(
        self,
        space: Namespace,
        folder: Path,
        *,
        settings: str = "",
        capabilities: str = "-all,+net_admin",
        words: tuple[str, ...] = (),
    ) -> None:
        self.capabilities, self.words = capabilities, words
        self.space, self.folder, self.socket = space, folder, folder / "hand.sock"
        self.key = Ed25519PrivateKey.generate()
        public = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "order.pub").write_bytes(public)
        (folder / "hand.toml").write_text(f'name = "gw"\nsocket = "{self.socket}"\norder_key = "order.pub"\n{settings}')
        for name in ("order.pub", "hand.toml"):
            (folder / name).chmod(0o600)
        self.launch()
        self.ready()

    def launch(self) -> None:
        alone = self.capabilities
        limits = (f"--bounding-set={alone}", f"--inh-caps={alone}", f"--ambient-caps={alone}", "--no-new-privs")
        argv = [
            *("setpriv", *(limits if alone else ()), "--pdeathsig", "KILL"),
            *(
                sys.executable,
                "-m",
                "tercio.products.hand",
                "gw",
                "--file",
                str(self.folder / "hand.toml"),
                *self.words,
            ),
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.space.argv(*argv), stderr=log)

    def ready(self) -> None:
        deadline = time.monotonic() + 90
        while not self.socket.exists():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.01)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def loop(self) -> Loop:
        return Loop(self.socket, self.key)

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(10)
