"""Orders to products and what came of them (OpenC2): commands, responses, effects."""

from enum import StrEnum

import msgspec


class HostTarget(msgspec.Struct, frozen=True, tag="host"):
    """An asset with all its fresh addresses, and its link addresses (``macs``) where they are known: everything to and
    from it is refused. A link address is refused as a source alone, and never that of a router."""

    asset: str
    addresses: tuple[str, ...]
    macs: tuple[str, ...] = ()


class FlowTarget(msgspec.Struct, frozen=True, tag="flow"):
    """One service between two assets: each address pair of one family."""

    src: str
    dst: str
    src_addresses: tuple[str, ...]
    dst_addresses: tuple[str, ...]
    transport: str
    port: int


class NeededFlow(msgspec.Struct, frozen=True):
    """A flow that stays open while its conduit is closed."""

    src: str
    dst: str
    transport: str
    port: int


class ConduitTarget(msgspec.Struct, frozen=True, tag="conduit"):
    """All traffic between two zones but the needed flows. Networks are CIDR."""

    src_zone: str
    dst_zone: str
    src_networks: tuple[str, ...]
    dst_networks: tuple[str, ...]
    needed: tuple[NeededFlow, ...]


Target = HostTarget | FlowTarget | ConduitTarget


def target_name(target: Target) -> str:
    """The stable name of a target, used in ids and shown to people."""
    match target:
        case HostTarget():
            return f"host {target.asset}"
        case FlowTarget():
            return f"flow {target.src} -> {target.dst} {target.transport}/{target.port}"
        case ConduitTarget():
            return f"conduit {target.src_zone} -> {target.dst_zone}"


class Action(StrEnum):
    """OpenC2 actions that Tercio uses. ``query`` asks which leases stand."""

    DENY = "deny"
    CANCEL = "cancel"
    QUERY = "query"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One order to one hand. ``until`` is the absolute end of the lease (an instant); a cancel names the lease
    and carries the target it was ordered with."""

    id: str
    lease: str
    incident: str
    decision: str
    hand: str
    action: Action
    target: Target | None
    issued: int
    until: int


class Order(msgspec.Struct, frozen=True):
    """What is signed (Ed25519, canonical bytes): a command, bound to one boot of one hand and one sequence number."""

    nonce: str
    sequence: int
    command: Command


class SignedOrder(msgspec.Struct, frozen=True):
    """The wire form: the canonical bytes of an Order and their signature."""

    order: bytes
    signature: bytes


class Standing(msgspec.Struct, frozen=True):
    """One lease as the hand finds it in its mechanism. ``until`` is an instant by the hand's clock."""

    lease: str
    until: int


class Status(StrEnum):
    """How a hand answered, in words for OpenC2's status codes (200, 400, 403, 500, 503)."""

    DONE = "done"
    INVALID = "invalid"
    REFUSED = "refused"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A hand's answer. ``held`` says that the mechanism was read back and holds what was ordered (for a cancel:
    that nothing of it is left); ``before`` and ``after`` are the facts in words; ``at`` is when the read-back was
    done; ``retry`` says whether sending the same command again may help."""

    command: str
    hand: str
    status: Status
    held: bool
    at: int
    detail: str = ""
    steps: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    retry: bool = False
    standing: tuple[Standing, ...] = ()


class Hello(msgspec.Struct, frozen=True):
    """What a hand says when a loop connects: its name, the nonce of this boot, its mechanism, and what it refuses."""

    hand: str
    nonce: str
    mechanism: str
    break_glass: str
    limits: str


class EffectState(StrEnum):
    """Life of an effect."""

    ORDERED = "ordered"
    STANDING = "standing"
    RELEASED = "released"
    EXPIRED = "expired"
    LOST = "lost"
    ROLLED_BACK = "rolled back"
    FAILED = "failed"


LIVE = (EffectState.ORDERED, EffectState.STANDING)
"""States of an effect that stands, or may stand, in the world."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """A change standing in the world under one lease. ``command`` is the last command of the lease;
    ``confirmed`` and ``witness`` say when and by which event the intent was seen to come true (0 and empty until then),
    ``saw`` what that event was: the sensor's source, the service, from which address, to which."""

    lease: str
    command: str
    incident: str
    decision: str
    hand: str
    target: Target
    state: EffectState
    since: int
    until: int
    held: int = 0
    confirmed: int = 0
    witness: str = ""
    saw: tuple[str, ...] = ()
    renewed: int = 0
    ended: int = 0
    why: str = ""

    @property
    def live(self) -> bool:
        """Whether it stands, or may stand, in the world."""
        return self.state in LIVE
