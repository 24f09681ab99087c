"""Where a range lives: its own mount, network and process namespaces, which die with whoever asked for them."""

import os
import shutil
from collections.abc import Sequence

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
