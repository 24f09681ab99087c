"""One episode: an estate, whoever is at work in it, a defender between them; every count as one plain value."""

import msgspec

from tercio.model.commands import Target


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """A change that stood in the world: from ``since`` (the hand's read-back) to ``ended``. ``right`` says that it was
    aimed at a machine that the intruder held before it ended; ``cost`` is what it took from the site beside stopped
    processes (cents); ``cuts`` the processes' flows that it refused."""

    target: Target
    since: int
    ended: int
    right: bool
    cost: int
    cuts: int = 0


class Impact(msgspec.Struct, frozen=True):
    """A process that stopped, or an asset whose data were lost: when, and what that costs (cents)."""

    what: str
    at: int
    cost: int


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, by the truth. Instants; 0 where something never happened. Money in cents.

    ``began`` is the intruder's first hostile deed, ``sensed`` when the first record of one that a rule matched reached
    the defender, ``contained`` when the first right act stood. ``hostile`` counts his deeds, ``landed`` those that
    worked, ``refused`` those that a wall stopped. ``impacts`` are what he reached, ``trips`` the processes that the
    defence itself stopped. ``acts`` are all that stood. ``missed`` counts hostile deeds that no defender could have
    known of, by reason (``no sensor``, ``no rule``, ``sensor silent``, ``unseen``). ``disturbed`` counts benign deeds
    that a wall refused, ``views_lost`` and ``alarms_lost`` the processes' own flows of that kind. ``restored`` is how
    long the last act stood after the intruder's last deed (microseconds), ``returned`` whether he did something that
    worked after an act against him had ended. ``questions``, ``decisions``, ``incidents`` and ``cited`` are the
    defender's own counts. ``attack`` is what impacts cost, ``production`` what trips and acts cost.
    """

    seed: int
    family: str
    defender: str
    intruder: str
    kind: str
    size: int
    length: int
    began: int = 0
    sensed: int = 0
    contained: int = 0
    hostile: int = 0
    landed: int = 0
    refused: int = 0
    impacts: tuple[Impact, ...] = ()
    trips: tuple[Impact, ...] = ()
    acts: tuple[Act, ...] = ()
    missed: dict[str, int] = {}
    disturbed: int = 0
    views_lost: int = 0
    alarms_lost: int = 0
    restored: int = 0
    returned: bool = False
    questions: int = 0
    decisions: int = 0
    incidents: int = 0
    cited: int = 0
    turns: int = 0

    @property
    def wrong(self) -> tuple[Act, ...]:
        """What stood against somebody innocent."""
        return tuple(act for act in self.acts if not act.right)

    @property
    def attack(self) -> int:
        """What the intruder cost the site (cents)."""
        return sum(impact.cost for impact in self.impacts)

    @property
    def production(self) -> int:
        """What the defence cost the site (cents)."""
        return sum(trip.cost for trip in self.trips) + sum(act.cost for act in self.acts)

    @property
    def contained_before_impact(self) -> bool:
        """Whether he was contained before he reached anything, or never reached anything."""
        return not self.impacts or 0 < self.contained <= min(impact.at for impact in self.impacts)
