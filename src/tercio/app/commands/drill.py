"""``tercio drill``: seeded intrusions and benign days, Tercio beside others, and the scoreboard."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from tercio.app.settings import cores
from tercio.app.terminal import CALLED, Json, emit, err, fail, out
from tercio.drills.baselines import BASELINES, CLAIRVOYANT, TERCIO
from tercio.drills.simulated.board import Board
from tercio.drills.simulated.drill import Drill
from tercio.drills.simulated.episode import Episode
from tercio.drills.simulated.intruders import INTRUDERS
from tercio.drills.simulated.parameters import FAMILIES, SHIFTED
from tercio.drills.simulated.players import PlayerEnded, run
from tercio.drills.simulated.restraint import Saved, restraint
from tercio.drills.simulated.trials import curve
from tercio.model.tomltable import nearest

MOST_TRIALS = 10
"""The attacker's cost is followed up to so many trials a day here; ``bench restraint`` goes further."""


class Arm(StrEnum):
    """What Tercio can be left without."""

    BRAIN = "brain"
    AGENTS = "agents"
    PRODUCTS = "products"


def drill(
    *,
    simulated: Annotated[bool, typer.Option("--simulated", help="On the simulated site, without packets.")] = False,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1_000_000, help="How many episodes.")] = 100,
    first: Annotated[int, typer.Option("--first", min=1, help="The first seed; the same seeds, the same drill.")] = 1,
    family: Annotated[
        list[str] | None, typer.Option("--family", help="A family of parameters; else all shifted ones.")
    ] = None,
    intruder: Annotated[list[str] | None, typer.Option("--intruder", help="A kind of intruder; else all.")] = None,
    without: Annotated[Arm | None, typer.Option("--without", help="Judge Tercio without one of its arms.")] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, max=64, help="How many play; else one for each processor.")
    ] = None,
    json: Json = False,
) -> None:
    """Play seeded intrusions and benign days against Tercio and say what it did right and wrong.

    The real brain and agents, on estates of 10 to 500 assets that are made up with their sensors, their hands and the
    people at work there. Every second seed is a benign day. The same seeds are played with nobody at all, with what
    others do (block on alert, a severity threshold, always ask a person), and with a clairvoyant, who says what could
    have been stopped. Nothing is touched and nothing is kept; for a drill with packets there is `tercio demo`.
    """
    if not simulated:
        fail(f"add --simulated; the drill with real packets is `{CALLED} demo`", 2)
    judged = f"without {without}" if without else TERCIO
    played = Drill(
        seeds=seeds,
        first=first,
        families=_known(family, FAMILIES, "family") or tuple(each.name for each in SHIFTED),
        intruders=_known(intruder, INTRUDERS, "intruder") or tuple(INTRUDERS),
        defenders=tuple(dict.fromkeys((judged, TERCIO, CLAIRVOYANT, *BASELINES))),
    )
    keys = restraint(_played(played, processes or cores()), played, judged)
    with err.status("what one more trial costs"):
        keys["attacker_cost_ratio"] = tuple(curve(first, MOST_TRIALS, judged))
    if json:
        emit(keys)
    else:
        out.print(page(keys))


def _known(names: Iterable[str] | None, known: Mapping[str, object], what: str) -> tuple[str, ...]:
    for name in names or ():
        if name not in known:
            fail(f"there is no {what} {name!r}{nearest(name, known)}; there are {', '.join(known)}", 2)
    return tuple(dict.fromkeys(names or ()))


def _played(played: Drill, processes: int) -> list[Episode]:
    told: list[Episode] = []
    try:
        with Progress(console=err, transient=True) as progress:
            task = progress.add_task("episodes", total=played.seeds)
            for each in run(played, processes):
                told += each
                progress.advance(task)
    except PlayerEnded as error:
        fail(str(error))
    return told


def page(keys: Mapping[str, Any]) -> RenderableType:
    """The scoreboard: everybody who played, then by family and by intruder, and which seeds to look at."""
    judged, own = keys["defender"], keys["board"]
    first, last = keys["seed"], keys["seed"] + keys["n"] - 1
    return Group(
        Text(f"{keys['n']:,} episodes (seeds {first} to {last}), {own.benign:,} of them benign days."),
        _table("defender", {judged: own, **keys["baselines"]}, keys["money_saved"]),
        Text(
            "wrong: episodes in which something innocent was cut off; benign: the same of benign days; "
            "stopped: of what a clairvoyant stops; loss: what an episode costs the site; "
            "saved: against this one (at least: with 95 % certainty)\n"
        ),
        _table(f"{judged}, by family", keys["families"]),
        Text(""),
        _table(f"{judged}, by intruder", keys["intruders"]),
        Text(
            f"\n{judged} was wrong in {own.wrong_rate:.1%} of all episodes, with 95 % certainty in at most "
            f"{own.wrong_rate_upper95:.1%}, and asked {own.questions_a_shift:.2f} questions a shift."
        ),
        Text(f"Its worst family is {keys['worst_family']}."),
        Text(f"Something innocent was cut off with seeds: {_seeds(keys['wrong_seeds'])}."),
        Text(f"What could have been stopped was not with seeds: {_seeds(keys['lost_seeds'])}."),
        *(
            Text(f"{point.trials:,} trials a day: each costs us {point.ratio:,.2f} times what it costs the intruder.")
            for point in keys["attacker_cost_ratio"]
        ),
    )


def _table(name: str, boards: Mapping[str, Board], saved: Mapping[str, Saved] | None = None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(name, no_wrap=True)
    for head in ("wrong", "benign", "stopped", "loss", *(("saved", "at least") if saved is not None else ())):
        table.add_column(head, justify="right", no_wrap=True)
    for row, board in boards.items():
        spared = saved.get(row) if saved is not None else None
        table.add_row(
            row,
            f"{board.wrong_rate:.1%}",
            f"{board.wrong_benign_rate:.1%}" if board.benign else "-",
            "-" if board.contained_before_impact is None else f"{board.contained_before_impact:.0%}",
            f"{board.loss:,.0f}",
            *((f"{spared.mean:,.0f}", f"{spared.lower95:,.0f}") if spared is not None else ()),
        )
    return table


def _seeds(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds)) or "none"
