"""Builds and removes the range's network: namespaces, bridges, links, addresses, the plant's firewall."""

import subprocess
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from tercio.drills.range.sandbox import inside
from tercio.drills.range.topology import GATEWAY, HOSTS, NAMESPACES, SEGMENTS, Host, mac_of

RUN = Path("/run/netns")

GATEWAY_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv4/conf/all/rp_filter": "1",
    "net/ipv4/conf/default/rp_filter": "1",
    "net/bridge/bridge-nf-call-iptables": "1",
    "net/bridge/bridge-nf-call-ip6tables": "1",
    "net/bridge/bridge-nf-call-arptables": "0",
}
"""Reverse-path check against spoofed sources; frames switched inside a zone pass the inet hooks, said explicitly."""

HOST_SYSCTLS = {
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/accept_ra": "0",
}
"""Addresses are up at once, and nobody autoconfigures."""


def build() -> None:
    """Make the whole network inside the sandbox. Raises ``NetworkError`` with the tool's own words."""
    _ip("", [f"netns add {name}" for name in NAMESPACES])
    for name in NAMESPACES:
        _sysctl(name, HOST_SYSCTLS)
    _ip(GATEWAY, gateway_lines())
    for host in HOSTS.values():
        _ip(host.name, host_lines(host))
    _sysctl(GATEWAY, GATEWAY_SYSCTLS)
    _run(inside(GATEWAY, ["nft", "-f", "-"]), firewall())


def remove() -> None:
    """Delete the namespaces that ``build`` made; with them go links, rules and connections."""
    _ip("", [f"netns del {name}" for name in NAMESPACES if (RUN / name).exists()])


def gateway_lines() -> list[str]:
    """What ``ip -batch`` does in the gateway's namespace: three bridges, and a link to every host."""
    lines = ["link set lo up"]
    for segment in SEGMENTS.values():
        gateway4 = f"{segment.prefix4}.1"
        lines += [
            f"link add {segment.bridge} address {mac_of(gateway4)} type bridge stp_state 0 mcast_snooping 0",
            f"link set {segment.bridge} up",
            f"addr add {gateway4}/24 dev {segment.bridge}",
            f"addr add {segment.prefix6}::1/64 dev {segment.bridge} nodad",
        ]
    for host in HOSTS.values():
        port = f"v-{host.name}"
        lines += [
            f"link add {port} type veth peer name eth0 address {host.mac} netns {host.name}",
            f"link set {port} master {SEGMENTS[host.zone].bridge} up",
        ]
    return lines


def host_lines(host: Host) -> list[str]:
    """What ``ip -batch`` does in one host's namespace: its interface, addresses and routes."""
    segment = SEGMENTS[host.zone]
    return [
        "link set lo up",
        "link set eth0 up",
        f"addr add {host.address4}/24 dev eth0",
        f"addr add {host.address6}/64 dev eth0 nodad",
        f"route add default via {segment.prefix4}.1",
        f"route add ::/0 via {segment.prefix6}::1",
    ]


def firewall() -> str:
    """The plant's own ruleset, as ``nft -f`` reads it."""
    return files("tercio.drills.range").joinpath("plant.nft").read_text()


class NetworkError(Exception):
    """A tool refused a step: its command and its own words."""


def _ip(namespace: str, lines: Iterable[str]) -> None:
    _run(["ip", *(["-n", namespace] if namespace else []), "-batch", "-"], "\n".join(lines) + "\n")


def _sysctl(namespace: str, values: dict[str, str]) -> None:
    script = "\n".join(f"echo {value} > /proc/sys/{key}" for key, value in values.items())
    _run(inside(namespace, ["sh", "-e"]), script)


def _run(argv: list[str], text: str) -> None:
    done = subprocess.run(argv, input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise NetworkError(f"{' '.join(argv)} failed: {done.stderr.strip() or done.stdout.strip()}")
