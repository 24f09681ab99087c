"""nftables: hosts, flows and conduits denied by elements that the kernel itself expires.

What is denied, and how:

* TCP *from* a denied host or of a denied flow is refused with a reset to its sender alone, so that his stack forgets
  what it still wanted to deliver. Everything else from him, and everything towards him, is dropped without a word: a
  packet to a controller is itself an act on the process.
* TCP connections seen during a block are marked in conntrack and stay refused when the block has ended, with or without
  this hand: a write that was retransmitted meanwhile is not delivered late. New connections pass.
* For ``WARY`` after a block, TCP that continues something its sender opened before it is refused, even where conntrack
  forgot it.
* At release the conntrack entries that the denied side opened are cleared. Those opened *to* it keep their mark:
  clearing them would deliver what others had been trying to write to it. For a closed conduit nothing is cleared, for
  the same reason. What conntrack forgot while a conduit was closed nobody remembers: a connection that retransmits all
  the while is then picked up again when the conduit opens.
"""

import msgspec

from tercio.model.commands import Action, Command, ConduitTarget, FlowTarget, HostTarget, Standing
from tercio.model.units import SECOND, span, timestamp
from tercio.products.effectors.contract import Effector, Step, Via
from tercio.products.effectors.nft_answers import Element, Ruleset
from tercio.products.effectors.nft_claims import LEASE, Cell, Claim, cells, slot, wall
from tercio.products.effectors.nft_facts import Facts, facts, read
from tercio.products.effectors.nft_ruleset import KINDS, PINNED, TABLE, declaration

WARY = 16 * 60 * SECOND
"""Linux gives up retransmitting after 924 s (tcp_retries2 = 15): what was sent during a block is forgotten by then."""
TOLERANCE = 2 * SECOND
"""nft's JSON gives whole seconds, rounded down; beyond this two ends differ."""


class _Want(msgspec.Struct, frozen=True):
    end: int
    comment: str


Place = tuple[str, tuple[str, ...]]
"""A set's name and an element's key."""


def invalid(command: Command) -> str:
    """One sentence where the command has no meaning here; empty where it has."""
    if command.action is Action.QUERY:
        return ""
    if LEASE.fullmatch(command.lease) is None:
        return f"{command.lease[:80]!r} is no lease id"
    if command.action is Action.CANCEL:
        return ""
    if command.target is None:
        return "a deny names a target"
    try:
        cells(command.target)
    except ValueError as error:
        return str(error)
    return ""


def prepare(found: Facts) -> tuple[Step, ...]:
    """Create or mend the table; no step where it is whole. Without elements it changes nothing for any packet."""
    return () if found.ruleset is Ruleset.WHOLE else (Step(Via.NFT, declaration(found.never, found.kept), rules=True),)


def there(found: Facts) -> bool:
    """Whether the table is there."""
    return found.ruleset is not Ruleset.ABSENT


def leave(found: Facts) -> tuple[Step, ...]:
    """Delete the table; no step while it denies, or is wary lest what was refused during a block be delivered yet."""
    empty = there(found) and all(element.set[:-1] in PINNED for element in found.elements)
    return (Step(Via.NFT, f"delete table {TABLE}", rules=True),) if empty else ()


def plan(command: Command, found: Facts, now: int) -> tuple[Step, ...]:
    """Steps to what is ordered, as one transaction; then, at a release, the clearing of conntrack. Empty where it
    holds."""
    if command.action is Action.QUERY or (command.action is Action.CANCEL and not there(found)):
        return ()
    before = claims(found, now)
    after = _claims_after(command, before)
    old, new = wall(before), wall(after)
    wants = _wanted(command, before, after) | _walls(command, found, old, new) | _wary(command, old, new, now)
    lines = [step.text for step in prepare(found)] + _lines(wants, found, now)
    steps = [Step(Via.NFT, "\n".join(lines), rules=found.ruleset is not Ruleset.WHOLE)] if lines else []
    gone = sorted(cell for cell in old if cell not in new)
    return (*steps, *(Step(Via.CONNTRACK, text, needed=False) for cell in gone if (text := _clearing(cell))))


def holds(command: Command, found: Facts, now: int) -> bool:
    """True where the facts show what is ordered, rules and all: then there is nothing left to plan. A query always
    holds."""
    if command.action is Action.QUERY or (command.action is Action.CANCEL and not there(found)):
        return True
    return found.ruleset is Ruleset.WHOLE and not plan(command, found, now)


def claims(found: Facts, now: int) -> frozenset[Claim]:
    """The claims of all leases. The kernel's remaining time decides; the instant in the comment only sharpens it."""
    result = set()
    for element in found.elements:
        if not element.set.startswith("claimed_"):
            continue
        kind, lease, until = element.set.removeprefix("claimed_"), *element.mark()
        if not lease:
            continue
        end = until if abs(now + element.left - until) <= TOLERANCE else now + element.left
        result.add(Claim(end, lease, Cell(kind[:-1], int(kind[-1]), element.key[1:])))
    return frozenset(result)


def _claims_after(command: Command, before: frozenset[Claim]) -> frozenset[Claim]:
    others = frozenset(claim for claim in before if claim.lease != command.lease)
    if command.action is not Action.DENY or command.target is None:
        return others
    return others | {Claim(command.until, command.lease, cell) for cell in cells(command.target)}


def _comment(claim: Claim) -> str:
    return f"{claim.lease} {claim.end}"


def _wanted(command: Command, before: frozenset[Claim], after: frozenset[Claim]) -> dict[Place, _Want | None]:
    """What this lease's own claims should become."""
    wants: dict[Place, _Want | None] = {}
    for group, stays in ((before - after, False), (after, True)):
        for claim in group:
            if claim.lease == command.lease:
                place = (f"claimed_{claim.cell.kind}{claim.cell.family}", (slot(claim.lease), *claim.cell.key))
                wants[place] = _Want(claim.end, _comment(claim)) if stays else None
    return wants


def _walls(
    command: Command, found: Facts, old: dict[Cell, tuple[Claim, ...]], new: dict[Cell, tuple[Claim, ...]]
) -> dict[Place, _Want | None]:
    """What the rules should read, where this command changes it or this lease needs it. The rest is left as it was
    found: a person may have changed it, and that is not repaired in silence."""
    mine = {cell for cell, cover in new.items() if any(claim.lease == command.lease for claim in cover)}
    changed = {cell for cell in old.keys() | new.keys() if old.get(cell, ())[-1:] != new.get(cell, ())[-1:]}
    left = {e.cell() for e in found.elements if e.set[:-1] in KINDS and e.comment.startswith(f"{command.lease} ")}
    wants: dict[Place, _Want | None] = {}
    for cell in mine | changed | left:
        cover = new.get(cell)
        wants[f"{cell.kind}{cell.family}", cell.key] = _Want(cover[-1].end, _comment(cover[-1])) if cover else None
    return wants


def _wary(
    command: Command, old: dict[Cell, tuple[Claim, ...]], new: dict[Cell, tuple[Claim, ...]], now: int
) -> dict[Place, _Want | None]:
    """Until when the rules should distrust the denied after their blocks."""
    wants: dict[Place, _Want | None] = {}
    for cell in old.keys() | new.keys():
        if cell.kind == "hosts" or (cell.kind == "flows" and cell.key[2] == "tcp"):
            cover = new.get(cell, ())
            touched = any(claim.lease == command.lease for claim in cover) or old.get(cell, ())[-1:] != cover[-1:]
            if touched:
                end = (cover[-1].end if cover else now) + WARY
                wants[f"wary_{cell.kind}{cell.family}", cell.key] = _Want(end, f"{command.lease} {end}")
    return wants


def _lines(wants: dict[Place, _Want | None], found: Facts, now: int) -> list[str]:
    """The transaction: deletions first, so that nothing overlaps what replaces it."""
    there = {(element.set, element.key): element for element in found.elements}
    deletions, additions = [], []
    for place, want in sorted(wants.items(), key=lambda item: item[0]):
        element, (name, key) = there.get(place), place
        if element is not None and want is not None and _same(element, want, now):
            continue
        if element is not None:
            deletions.append(f"delete element {TABLE} {name} {{ {' . '.join(key)} }}")
        if want is not None:
            text = f'{" . ".join(key)} timeout {_timeout(want.end - now)} comment "{want.comment}"'
            additions.append(f"add element {TABLE} {name} {{ {text} }}")
    return deletions + additions


def _same(element: Element, want: _Want, now: int) -> bool:
    ends = abs(now + element.left - want.end) <= TOLERANCE
    return ends and (element.set.startswith("wary_") or element.comment == want.comment)


def _timeout(left: int) -> str:
    """At least a millisecond: a timeout of 0 would never end."""
    seconds, milliseconds = divmod(max(1, left // 1000), 1000)
    return f"{seconds}s{milliseconds}ms"


def _clearing(cell: Cell) -> str:
    """The conntrack call that forgets what the denied side opened; empty where nothing is to be forgotten."""
    opened = f"-D -f ipv{cell.family} -p tcp --orig-src {cell.key[0]}"
    if cell.kind == "hosts":
        return opened
    if cell.kind == "flows" and cell.key[2] == "tcp":
        return f"{opened} --orig-dst {cell.key[1]} --orig-port-dst {cell.key[3]}"
    return ""


def standing(found: Facts, now: int) -> tuple[Standing, ...]:
    """The leases of which every element is in place, under rules that are whole; sorted."""
    if found.ruleset is not Ruleset.WHOLE:
        return ()
    there = {(e.set, e.key): now + e.left for e in found.elements}
    ends: dict[str, int] = {}
    broken = set()
    for cell, cover in wall(claims(found, now)).items():
        end = there.get((f"{cell.kind}{cell.family}", cell.key), 0)
        for claim in cover:
            ends[claim.lease] = min(claim.end, ends.get(claim.lease, claim.end))
            if end < claim.end - TOLERANCE:
                broken.add(claim.lease)
    return tuple(Standing(lease, end) for lease, end in sorted(ends.items()) if lease not in broken)


def words(command: Command, found: Facts, now: int) -> str:
    """What is there of the lease, for a person; for a query, how many leases stand."""
    if found.ruleset is Ruleset.DAMAGED:
        return f"table {TABLE} is {found.ruleset}"
    if command.action is Action.QUERY:
        return f"{len(standing(found, now))} leases stand"
    mine = sorted(claim for claim in claims(found, now) if claim.lease == command.lease)
    if not mine:
        return f"nothing of {command.lease} stands"
    named = ", ".join(f"{c.cell.kind} {' '.join(c.cell.key)}" for c in mine[:4]) + (", ..." if len(mine) > 4 else "")
    return f"{command.lease} refuses until {timestamp(mine[0].end)}: {named}"


NFTABLES: Effector[Facts] = Effector(
    mechanism="nftables",
    supports=(HostTarget, FlowTarget, ConduitTarget),
    stops="IPv4 and IPv6 that the host forwards, also between ports of one bridge where bridge-nf-call-iptables"
    " and bridge-nf-call-ip6tables are 1; established connections at once",
    cannot="traffic to or from the host itself, non-IP frames, broadcast and multicast, flows offloaded by a flowtable,"
    " and whatever does not pass this host",
    permission="CAP_NET_ADMIN in the network namespace where it acts",
    expiry=f"set timeouts in the kernel, with or without this process; wary for {span(WARY)} after a block",
    break_glass="nft delete table inet tercio",
    invalid=invalid,
    facts=facts,
    read=read,
    prepare=prepare,
    there=there,
    leave=leave,
    plan=plan,
    holds=holds,
    standing=standing,
    words=words,
)
