"""Whom Tercio is measured against, on the same seeds, with the same sensors and the same hands."""

from collections.abc import Callable

from tercio.drills.baselines.alert import OnAlert
from tercio.drills.baselines.clairvoyant import Clairvoyant
from tercio.drills.baselines.nothing import Nothing
from tercio.drills.baselines.partial import Brainless, Unled, handless
from tercio.drills.baselines.person import AskPerson
from tercio.drills.simulated.defenders import Brief, Defender, Tercio
from tercio.drills.simulated.truth import Truth
from tercio.model.findings import Level

Making = Callable[[Brief, Truth], Defender]
"""Makes a defender. The truth is for those who are told it: a person who looks, and the clairvoyant."""


def _untold(make: Callable[[Brief], Defender]) -> Making:
    return lambda brief, _: make(brief)


TERCIO = "tercio"
CLAIRVOYANT = "clairvoyant"

BASELINES: dict[str, Making] = {
    "do nothing": _untold(lambda _: Nothing()),
    "block on alert": _untold(OnAlert),
    "block on alert for good": _untold(lambda brief: OnAlert(brief, span=0)),
    "severity threshold": _untold(lambda brief: OnAlert(brief, Level.HIGH)),
    "always ask": AskPerson,
}
"""What others do."""

WITHOUT: dict[str, Making] = {
    "brain": _untold(Brainless),
    "agents": _untold(Unled),
    "products": _untold(handless),
}
"""Tercio without one of its arms."""

DEFENDERS: dict[str, Making] = {
    TERCIO: _untold(Tercio),
    CLAIRVOYANT: Clairvoyant,
    **BASELINES,
    **{f"without {arm}": making for arm, making in WITHOUT.items()},
}
"""Everybody who can defend, by name."""
