"""Deterministic names (DESIGN §4): the same input always gets the same id, so a replay is idempotent."""

import hashlib
from collections.abc import Iterable


def mint(kind: str, *parts: str | int | bytes) -> str:
    """Return ``kind-`` and 20 hex digits of SHA-256 over the length-prefixed parts."""
    digest = hashlib.sha256(kind.encode())
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return f"{kind}-{digest.hexdigest()[:20]}"


def event_id(source: str, generation: str, offset: int, raw: bytes) -> str:
    """Name one recorded line: two equal lines at two offsets are two events."""
    return mint("evt", source, generation, offset, raw)


def finding_id(rule: str, version: str, events: Iterable[str]) -> str:
    """Name what one version of one rule said about these events."""
    return mint("fnd", rule, version, *events)


def incident_id(first_finding: str) -> str:
    """Name an incident after the finding that opened it."""
    return mint("inc", first_finding)


def decision_id(incident: str, version: int) -> str:
    """Name the decision taken on one version of an incident."""
    return mint("dec", incident, version)


def lease_id(decision: str, action: str, target: str) -> str:
    """Name a change standing in the world; it outlives the commands that renew it."""
    return mint("lse", decision, action, target)


def command_id(lease: str, until: int) -> str:
    """Name one command: a renewal of a lease is a new command with a later end."""
    return mint("cmd", lease, until)
