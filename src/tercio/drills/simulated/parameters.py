"""Families of parameters: those that decisions were fitted on, and shifted ones on which they are judged."""

import msgspec

from tercio.model.units import HOUR, SECOND

RECALL = {
    "impair-process-control": 0.97,
    "inhibit-response-function": 0.97,
    "impact": 0.9,
    "lateral-movement": 0.8,
    "discovery": 0.8,
    "credential-access": 0.7,
    "initial-access": 0.6,
    "execution": 0.6,
    "defense-evasion": 0.6,
    "command-and-control": 0.5,
    "exfiltration": 0.5,
}
"""How probable it is that a sensor in its place reports a deed for which there is a rule, by its ATT&CK tactic: the
likeliest counts where there are several. Assumed: what passes the wire to a controller is nearly always read, since
the records of writes are complete; what happens within a host depends on how it logs, and that differs from host to
host."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What the world is like, beside the estate. Spans in microseconds.

    ``recall`` is the probability that a sensor in place reports a deed, by ATT&CK tactic; ``recall_else`` that of any
    other. ``missing`` is the probability that a sensor is not there at all. A report comes after a log-normal delay
    (``delay`` its median, ``delay_spread`` the spread of its logarithm), and ``duplicate`` is the probability that it
    comes twice. ``noise`` multiplies how often benign things happen, ``strange`` how often those do that the fitted
    family does not know; ``tempo`` the time that an intruder takes for a step. A hand acts after ``latency`` and fails
    with probability ``fails``. ``poll`` is how often views ask their controllers; ``length`` how long an episode lasts.
    """

    name: str
    recall: dict[str, float] = msgspec.field(default_factory=lambda: RECALL)
    recall_else: float = 0.8
    missing: float = 0.0
    delay: int = SECOND // 10
    delay_spread: float = 0.5
    duplicate: float = 0.02
    noise: float = 1.0
    strange: float = 0.0
    tempo: float = 1.0
    latency: int = SECOND // 50
    fails: float = 0.01
    poll: int = 20 * SECOND
    length: int = 12 * HOUR


FITTED = Parameters(name="fitted")


def _duller(share: float) -> dict[str, float]:
    return {tactic: round(recall * share, 6) for tactic, recall in RECALL.items()}


SHIFTED: tuple[Parameters, ...] = (
    Parameters(name="quiet", noise=0.3),
    Parameters(name="busy", noise=3.0),
    Parameters(name="hasty", tempo=0.3),
    Parameters(name="patient", tempo=3.0),
    Parameters(name="gaps", missing=0.4),
    Parameters(name="dull", recall=_duller(0.5), recall_else=0.4),
    Parameters(name="late", delay=5 * SECOND, delay_spread=1.2, duplicate=0.3),
    Parameters(name="strange", strange=1.0),
    Parameters(name="numb", latency=3 * SECOND, fails=0.2, poll=60 * SECOND),
    Parameters(
        name="worse",
        recall=_duller(0.7),
        recall_else=0.6,
        missing=0.2,
        delay=2 * SECOND,
        delay_spread=1.0,
        duplicate=0.1,
        noise=2.0,
        strange=0.5,
        tempo=0.5,
        latency=SECOND,
        fails=0.05,
    ),
)
"""Families that nothing was fitted on; each but the last turns one thing far: rates and tempo by a factor of three,
sensors away or half as good, records seconds late and often twice, kinds of false positives that are new, hands that
are slow and often fail. The last turns everything at once, less far."""

FAMILIES: dict[str, Parameters] = {family.name: family for family in (FITTED, *SHIFTED)}
"""Every family by its name."""
