"""Who may do what: the officers that the loop employs, as one table."""

import msgspec


class Officer(msgspec.Struct, frozen=True):
    """One officer: his duty, what he is given, which journal records he may cause, and to whom he turns when he may not
    go on. ``module`` is where he is written."""

    name: str
    duty: str
    inputs: str
    powers: tuple[str, ...]
    escalates_to: str
    module: str


ROSTER: tuple[Officer, ...] = (
    Officer(
        name="watch officer",
        duty="say which changes of an incident need a decision now",
        inputs="an incident, and the same before",
        powers=("incident",),
        escalates_to="commander",
        module="tercio.agents.watch",
    ),
    Officer(
        name="commander",
        duty="have each candidate ruled by the mandate, and order what the chosen plan may do",
        inputs="a decision, its rulings, the leases that stand",
        powers=("decision", "authorisation", "command"),
        escalates_to="security, and the process engineer where a process loses a flow",
        module="tercio.agents.commander",
    ),
    Officer(
        name="engineer",
        duty="renew, release or hand over what stands",
        inputs="a lease, the belief behind it, its limits",
        powers=("command", "effect"),
        escalates_to="a named person, when a lease is still wanted but may not last longer",
        module="tercio.agents.engineer",
    ),
    Officer(
        name="scribe",
        duty="say in one plain sentence what happened",
        inputs="any record",
        powers=(),
        escalates_to="nobody",
        module="tercio.agents.scribe",
    ),
)


def may(officer: str, record: str) -> bool:
    """Whether an officer may cause a kind of record. Raises KeyError for somebody who is not on the roster."""
    return record in {o.name: o.powers for o in ROSTER}[officer]
