"""Where a range lives: its own mount, network and process namespaces, which die with whoever asked for them."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

TOOLS = {
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "nft": "nftables",
}
"""The system tools that a range needs beside its sensor, and the Debian package of each."""

_PREPARE = 'mkdir -p /run/netns && mount -t tmpfs -o mode=0755 tercio-range /run/netns && exec "$@"'
_PREPARE_ROOTLESS = 'mount -t tmpfs -o mode=0755 tercio-range /run && mkdir /run/netns && exec "$@"'


SWITCHES = (
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ("user/max_user_namespaces", "0", "15000"),
)
"""Kernel settings by which users may make no namespaces: where, the value that forbids, one that allows."""


def wrap(argv: Sequence[str]) -> list[str]:
    """The command line that runs ``argv`` as the first process of a sandbox.

    When the process that starts it dies, however it dies, the kernel ends every process inside, and with the last of
    them the namespaces, links and mounts go; the same when ``argv`` itself ends, whose exit status is passed on. Files
    and pathname sockets outside ``/run/netns`` stay shared with the outside. Without root it runs in a user namespace
    of its own, and ``/run`` as a whole is private.

    The death signal hangs on the *thread* that starts the command: start it from one that lives as long as the range.
    The outer process ignores SIGTERM (``unshare`` waits for its child); end it by SIGKILL, or by ending ``argv``.
    """
    rootless = os.geteuid() != 0
    return [
        *(["unshare", "--user", "--map-root-user"] if rootless else []),
        *["setpriv", "--pdeathsig", "KILL"],
        *["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"],
        *["sh", "-c", _PREPARE_ROOTLESS if rootless else _PREPARE, "sh", *argv],
    ]


def inside(namespace: str, argv: Sequence[str]) -> list[str]:
    """The command line that runs ``argv`` in one of the sandbox's network namespaces."""
    return ["nsenter", f"--net=/run/netns/{namespace}", "--", *argv]


def missing_tools() -> tuple[str, ...]:
    """One sentence for each system tool that is not there; empty when a range can be built."""
    return tuple(
        f"{tool} is missing: install the package {package}" for tool, package in TOOLS.items() if not shutil.which(tool)
    )


def refusal(kernel: Path = Path("/proc/sys")) -> str:
    """Why this machine gives this user no sandbox, as one sentence that says what to do; empty where it gives one.

    It is tried out; ``kernel`` is where to look for the reason then.
    """
    done = subprocess.run(wrap(["true"]), text=True, capture_output=True, check=False)
    if done.returncode == 0:
        return ""
    words = " ".join(done.stderr.split())[-200:] or f"status {done.returncode}"
    if os.geteuid() == 0:
        return f"root may make no namespaces here ({words}): run it outside of this container, or give it CAP_SYS_ADMIN"
    for name, forbids, allows in SWITCHES:
        path, key = kernel / name, name.replace("/", ".")
        if path.exists() and path.read_text(encoding="ascii").strip() == forbids:
            return (
                f"this kernel lets users make no namespaces ({key} is {forbids}): "
                f"run it with sudo, or allow it with: sudo sysctl -w {key}={allows}"
            )
    return f"this machine lets users make no namespaces ({words}): run it with sudo"
