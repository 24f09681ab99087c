"""A DHCP move: an address that one office machine had is given to another, by a real server and real clients (busybox).

The server stands in the gateway and has this one address to give. Played from there: the first machine takes the
address, gives it back, the second one takes it and says so to everybody (gratuitous ARP).
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tercio.drills.range.actor import arguments, play
from tercio.drills.range.sandbox import inside
from tercio.drills.range.topology import HOSTS, SEGMENTS, Host
from tercio.drills.range.traces import Leased, Started, Trace, now

PATIENCE = 20.0
"""Seconds that one machine may take to get the address."""

SERVER = """start {address}
end {address}
interface {bridge}
max_leases 1
lease_file {folder}/leases
pidfile {folder}/udhcpd.pid
option subnet 255.255.255.0
option router {router}
option lease 600
"""

CLIENT = """#!/bin/sh
set -e
case $1 in
deconfig) ip -4 addr flush dev eth0 ;;
bound | renew)
    ip addr replace "$ip/24" dev eth0
    ip route replace default via "$router"
    busybox arping -q -U -c 2 -I eth0 "$ip" || :
    : >"$HELD"
    ;;
esac
"""
"""What a machine does with its lease; it makes the file that the drill waits for."""


def move(options: argparse.Namespace, trace: Trace) -> None:
    """Let the address pass through the machines in order; the last one keeps it until this ends."""
    folder = options.store
    folder.mkdir(parents=True)
    segment, address = SEGMENTS["office"], options.address
    settings = {"address": address, "bridge": segment.bridge, "folder": folder, "router": f"{segment.prefix4}.1"}
    (folder / "udhcpd.conf").write_text(SERVER.format_map(settings), encoding="utf-8")
    (folder / "client").write_text(CLIENT, encoding="utf-8")
    (folder / "client").chmod(0o755)
    (folder / "leases").touch()
    # -a: how long (milliseconds) the server asks whether somebody already has the address.
    with subprocess.Popen(["busybox", "udhcpd", "-f", "-a", "50", str(folder / "udhcpd.conf")]) as server:
        try:
            trace.add(Started(now(), "lease"))
            for name in options.hosts:
                hold(HOSTS[name], folder, address, trace, last=name == options.hosts[-1])
        finally:
            server.terminate()


def hold(host: Host, folder: Path, address: str, trace: Trace, *, last: bool) -> None:
    """One machine takes the address, and gives it back unless it is the last. Raises TimeoutError if it gets none."""
    held = folder / f"{host.name}.held"
    argv = ["busybox", "udhcpc", "-f", "-T", "1", "-i", "eth0", "-s", str(folder / "client")]
    client = ["env", f"HELD={held}", *argv, "-x", f"hostname:{host.name}", "-q" if last else "-R"]
    with subprocess.Popen(inside(host.name, client)) as process:
        deadline = time.monotonic() + PATIENCE
        while not held.exists():
            if time.monotonic() > deadline:
                process.terminate()
                raise TimeoutError(f"{host.name} got no address in {PATIENCE:.0f} s")
            time.sleep(0.02)
        trace.add(Leased(now(), host.name, host.mac, address, True))
        if not last:
            process.terminate()
            process.wait()
            trace.add(Leased(now(), host.name, host.mac, address, False))


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.lease --trace FILE --store FOLDER``."""
    parser = arguments(str(__doc__).splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="new folder for the server's and clients' files")
    parser.add_argument("--hosts", nargs="+", default=["ws1", "ws2"], help="who has it, in this order")
    parser.add_argument("--address", default=HOSTS["ws1"].address4, help="the address that moves")
    return play(parser.parse_args(argv), move)


if __name__ == "__main__":
    sys.exit(main())
