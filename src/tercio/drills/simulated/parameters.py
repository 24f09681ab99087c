"""Families of parameters: those that decisions were fitted on, and shifted ones on which they are judged."""

import msgspec

from tercio.model.units import HOUR, SECOND


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What the world is like, beside the estate. Spans in microseconds.

    ``recall`` is the probability that a sensor in place reports a deed, by ATT&CK tactic; ``recall_else`` that of any
    other. ``missing`` is the probability that a sensor is not there at all. A report comes after a log-normal delay
    (``delay`` its median, ``delay_spread`` the spread of its logarithm), and ``duplicate`` is the probability that it
    comes twice. ``noise`` multiplies how often benign things happen, ``tempo`` the time that an intruder takes for a
    step. A hand acts after ``latency`` and fails with probability ``fails``. ``poll`` is how often views ask their
    controllers; ``length`` how long an episode lasts.
    """

    name: str
    recall: dict[str, float] = {}
    recall_else: float = 0.9
    missing: float = 0.0
    delay: int = SECOND // 10
    delay_spread: float = 0.5
    duplicate: float = 0.02
    noise: float = 1.0
    tempo: float = 1.0
    latency: int = SECOND // 50
    fails: float = 0.01
    poll: int = 20 * SECOND
    length: int = 12 * HOUR


FITTED = Parameters(name="fitted")

FAMILIES: dict[str, Parameters] = {FITTED.name: FITTED}
"""Every family by its name."""
