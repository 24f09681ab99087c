"""What an account does to the beliefs of an incident: what it moves, holds up, and proves by itself."""

import msgspec

from tercio.brain.correlate.belief import decayed, likelier, unknown, updated
from tercio.brain.correlate.evidence import Account, added, pieces
from tercio.brain.correlate.likelihood import FORGEABLE_CEILING
from tercio.model.incidents import Belief, Evidence, Incident


def believed(
    half_life: int, home: Incident | None, told: Account, fresh: tuple[Evidence, ...]
) -> tuple[dict[str, Belief], dict[str, Belief]]:
    """Beliefs with and without what could be forged, which never leads above its ceiling: neither alone nor by lifting
    what could not."""
    known = home.evidence if home is not None else ()
    beliefs = dict(home.beliefs) if home is not None else {}
    sure = dict(home.sure) if home is not None else {}
    solid = tuple(piece for piece in known if not piece.forgeable)
    for piece in fresh:
        start = beliefs.get(piece.asset, unknown(told.at))
        belief = decayed(start, told.at, half_life)
        if piece.forgeable:
            sure.setdefault(piece.asset, start)
            beliefs[piece.asset] = updated(belief, piece.stage, added(known, piece), FORGEABLE_CEILING)
        elif piece.asset not in sure:
            beliefs[piece.asset] = updated(belief, piece.stage, added(known, piece))
        else:
            proof = decayed(sure[piece.asset], told.at, half_life)
            sure[piece.asset] = updated(proof, piece.stage, added(solid, piece))
            lifted = updated(belief, piece.stage, added(known, piece), FORGEABLE_CEILING)
            beliefs[piece.asset] = likelier(sure[piece.asset], lifted)
    return beliefs, sure


def keep(told: Account, beliefs: dict[str, Belief], sure: dict[str, Belief], moved: set[str]) -> None:
    """Who is named with nothing new said of him has not gone quiet: belief does not fade. What was announced shows not
    even that, and what can be forged holds up nothing that it could not have raised. ``moved`` are those of whom
    something new was said."""
    named = {told.src, *told.targets} & beliefs.keys() if told.pardon is None else set()
    for name in sorted(named - moved):
        if not told.forgeable or beliefs[name].held <= FORGEABLE_CEILING:
            beliefs[name] = _kept(beliefs[name], told.at)
        if not told.forgeable and name in sure:
            sure[name] = _kept(sure[name], told.at)


def renew(told: Account, round_: int, beliefs: dict[str, Belief], sure: dict[str, Belief]) -> None:
    """What is proven of somebody now says at least what it says alone, however often he did it before: else he would do
    it where nothing can be done about it, let belief fade, and be nearly free to do it where it hurts."""
    name = told.src
    if not told.sound or name not in beliefs:
        return
    piece = pieces(told, round_)[0]
    alone = updated(unknown(told.at), piece.stage, piece.ratio)
    beliefs[name] = likelier(beliefs[name], alone)
    if name in sure:
        sure[name] = likelier(sure[name], alone)


def _kept(belief: Belief, now: int) -> Belief:
    return msgspec.structs.replace(belief, as_of=max(belief.as_of, now))
