"""Who plays in the range: every actor with its module, its host and its arguments."""

import msgspec

from tercio.drills.range import directory
from tercio.drills.range.topology import FLOATING, GATEWAY, HOSTS

PLC = HOSTS["plc1"].address4
DIRECTORY = HOSTS["dir1"]
PASSWORDS = ("--passwords", "{folder}/directory/passwords")


class Actor(msgspec.Struct, frozen=True):
    """An actor: its module, the host it runs on, its own arguments. ``{folder}`` in an argument is the work folder."""

    module: str
    host: str
    arguments: tuple[str, ...] = ()


STANDING = {
    "plc": Actor("tercio.drills.range.plc", "plc1"),
    "hmi": Actor("tercio.drills.range.hmi", "hmi1", ("--target", PLC)),
    "historian": Actor(
        "tercio.drills.range.historian", "hist1", ("--target", PLC, "--store", "{folder}/historian.jsonl")
    ),
    "jump": Actor("tercio.drills.range.relay", "jump1", ("--target", PLC)),
    "person": Actor(
        "tercio.drills.range.person",
        "ws2",
        ("--target", HOSTS["jump1"].address4, "--directory", DIRECTORY.address6, *PASSWORDS),
    ),
    "directory": Actor(
        "tercio.drills.range.directory",
        "dir1",
        ("--store", "{folder}/directory", "--bind", DIRECTORY.address4, DIRECTORY.address6),
    ),
    "signon": Actor(
        "tercio.drills.range.signon", "hmi1", ("--target", DIRECTORY.address4, "--account", "svc-hmi1", *PASSWORDS)
    ),
}
"""Who is always there, from the start to the end."""


def _bystander(module: str, host: str, *arguments: str) -> Actor:
    """Bystanders stand back for whoever needs the CPU: their own lateness counts as nothing, that of others may."""
    return Actor(f"tercio.drills.range.{module}", host, (*arguments, "--nice", "10"))


BYSTANDERS = {
    "cyclic-plc2": _bystander("cyclic", "plc2", "--peer", HOSTS["rio1"].mac),
    "cyclic-rio1": _bystander("cyclic", "rio1", "--peer", HOSTS["plc2"].mac),
    "io-rio1": _bystander("multicast", "rio1", "--address", HOSTS["rio1"].address4, "--device"),
    "io-plc2": _bystander("multicast", "plc2", "--address", HOSTS["plc2"].address4, "--target", HOSTS["rio1"].address4),
    "s7-plc2": _bystander("s7", "plc2", "--serve"),
    "s7-hmi2": _bystander("s7", "hmi2", "--target", HOSTS["plc2"].address4),
    "pair-hmi2": _bystander("pair", "hmi2", "--address", HOSTS["hmi2"].address4, "--floating", FLOATING, "--main"),
    "pair-hmi3": _bystander("pair", "hmi3", "--address", HOSTS["hmi3"].address4, "--floating", FLOATING),
}
"""Innocent bystanders on the OT wire: they have nothing to do with any attack, and nobody may harm them."""

STANDING |= BYSTANDERS

COUNTING = {
    "cyclic-plc2": ("cyclic",),
    "cyclic-rio1": ("cyclic",),
    "io-rio1": ("io",),
    "io-plc2": ("io", "io parent"),
    "s7-hmi2": ("s7",),
    "pair-hmi3": ("heartbeat",),
}
"""Which bystanders count, and the flows and sessions that each of them counts. The others only serve or send: that they
are there is seen by those who count."""

CLIENTS = frozenset({"hmi", "historian", "person", "signon"})
"""Actors that open sessions. They begin once the sensor runs: it reads only sessions whose handshake it saw."""

VISITING = {
    "ews": Actor("tercio.drills.range.ews", "ews1", ("--target", PLC)),
    "scanner": Actor("tercio.drills.range.scanner", "scan1"),
    "vault": Actor("tercio.drills.range.backup", "hist1", ("--serve", "--store", "{folder}/backup")),
    "backup": Actor("tercio.drills.range.backup", "ews1", ("--target", HOSTS["hist1"].address4)),
    "lease": Actor("tercio.drills.range.lease", GATEWAY, ("--store", "{folder}/lease")),
    "spoofer": Actor("tercio.drills.adversaries.spoofer", "ews1"),
    "outsider": Actor("tercio.drills.adversaries.spoofer", "ws1"),
    "intruder": Actor("tercio.drills.adversaries.intruder", "ws1"),
}
"""Who comes when a drill says so: look-alikes (``spoofer`` forges the operator's screen on its own wire, ``outsider``
from the office), and the intruder."""


def absent() -> tuple[dict[str, Actor], tuple[str, ...]]:
    """Standing actors that this machine lacks something for, and why, one sentence each."""
    reason = directory.missing()
    return ({name: STANDING[name] for name in ("directory", "signon")}, (reason,)) if reason else ({}, ())
