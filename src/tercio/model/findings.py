"""What detection says (OCSF 2004), before anybody decides anything."""

from enum import StrEnum

import msgspec

from tercio.model.events import Provenance


class Level(StrEnum):
    """Sigma's severity of a rule."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says of some events: who (``src``) did what (``techniques``) to whom (``dst``).

    Addresses are as observed, and so are the names of hosts that logged it of themselves; which asset they mean is
    decided later, from the site. ``flow`` is the key under
    which two sightings of one packet are one piece of evidence. ``provenance`` is the strongest that the
    cited events *prove* for the source address. ``machine`` is the link address behind it, where that is known;
    ``author`` who wrote the rule, as it says.
    """

    id: str
    rule: str
    version: str
    title: str
    level: Level
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    events: tuple[str, ...]
    time: int
    received: int
    provenance: Provenance
    src: str
    dst: tuple[str, ...]
    service: str
    port: int
    flow: str
    source: str
    generation: str
    offset: int
    machine: str = ""
    author: str = ""
