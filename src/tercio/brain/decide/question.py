"""Everything that a decision depends on, as one value: the input that the journal keeps and a replay reads."""

import msgspec

from tercio.model.commands import Effect
from tercio.model.decisions import Reach
from tercio.model.incidents import Incident
from tercio.model.processes import ProcessState
from tercio.model.site import Process, Site
from tercio.model.units import SECOND
from tercio.model.whereabouts import Machine


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What people set about time (spans in microseconds).

    ``span`` is the length of a first lease; ``horizon`` how long until people have taken over (what the attacker does
    later is theirs to stop); ``wait`` how long *wait for evidence* waits; ``answer`` how long a person takes to
    answer a question; ``half_life`` how fast belief fades; ``tempo`` is ``average`` or ``industrialised``.
    """

    span: int = 300 * SECOND
    horizon: int = 1800 * SECOND
    wait: int = 60 * SECOND
    answer: int = 600 * SECOND
    half_life: int = 4 * 3600 * SECOND
    tempo: str = "industrialised"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One incident at one instant, with what it can be answered with. ``held_off`` names candidates that were rolled
    back or undone in this incident and must not come again by themselves (target names); ``machines`` is what names of
    the incident mean now, where more is known of them than the site says."""

    site: Site
    incident: Incident
    processes: dict[str, ProcessState]
    effects: tuple[Effect, ...]
    reaches: tuple[Reach, ...]
    outlook: Outlook
    now: int
    held_off: tuple[str, ...] = ()
    machines: dict[str, Machine] = {}


def lines_of(site: Site) -> tuple[Process, ...]:
    """The processes by name. A dictionary's own order is the file's at first and the journal's in a replay."""
    return tuple(process for _, process in sorted(site.processes.items()))
