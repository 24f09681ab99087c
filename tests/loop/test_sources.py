"""What is read when: what comes first before all else, and of the rest a little at once."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from tercio.loop import sources
from tercio.loop.sift import sight
from tercio.loop.sources import SOCKET, Began, Setup, Sources
from tercio.model.reports import Hello, Report, Taken, Welcome
from tercio.model.sifted import Sifted
from tercio.products.sensors import SENSORS
from tests.loop.given import START, content, poll
from tests.loop.shell import setup, until
from tests.products.transports.test_reports import Peer

NAMES = ("ot", "a", "b", "c")
LINE = poll(START)


def of(folder: Path, **changes: object) -> Setup:
    paths = {name: folder / name for name in NAMES}
    for path in paths.values():
        path.touch()
    many = content(sensors=dict.fromkeys(NAMES, SENSORS["suricata"]))
    return setup(folder, content=many, sources=paths, bulk=frozenset("abc"), **changes)


def began(**changes: object) -> Began:
    return replace(Began({}, START, frozenset(), START), **changes)


def made(of: Setup, told: list[str] | None = None, **changes: object) -> Sources:
    words: list[str] = [] if told is None else told
    return Sources(
        of, began(**changes), wake=lambda: None, report=lambda *w: words.append(" ".join(w)), say=lambda *_: None
    )


def write(folder: Path, name: str, count: int) -> None:
    with (folder / name).open("ab") as file:
        file.write(LINE * count)


def read(this: Sources) -> list[tuple[str, int]]:
    """The sources of one reading in their order, with the number of their lines."""
    return [(lot.source, (lot.end - lot.offset) // len(LINE)) for lot in this.read(START) if lot.end > lot.offset]


def test_what_comes_first_is_read_first_and_the_rest_takes_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "AT_ONCE", 10 * len(LINE))
    this = made(of(tmp_path))
    this.read(START)
    for name, count in (("a", 25), ("b", 6), ("c", 12), ("ot", 15)):
        write(tmp_path, name, count)
    found = [read(this)]
    while this.behind:
        found.append(read(this))
    for turn in found:
        assert sum(count for name, count in turn if name != "ot") <= 10, (
            "of the rest in all as much as of one of the first"
        )
    assert [turn[0] for turn in found[:2]] == [("ot", 10), ("ot", 5)]
    assert [name for turn in found[:3] for name, _ in turn if name != "ot"] == ["a", "b", "c", "a"]
    assert {name: sum(n for turn in found for who, n in turn if who == name) for name in NAMES} == {
        "ot": 15,
        "a": 25,
        "b": 6,
        "c": 12,
    }
    this.close()


def test_a_worker_is_told_where_a_first_start_began_though_it_comes_later(tmp_path: Path):
    write(tmp_path, "a", 3)
    shell = of(tmp_path, workers={"w": ("a", "b")})
    (tmp_path / "b").unlink()

    async def story() -> None:
        this = made(shell)
        (begin,) = [lot for lot in this.read(START) if lot.source == "a"]
        assert (begin.offset, begin.end, begin.records) == (3 * len(LINE), 3 * len(LINE), 0)
        assert not [lot for lot in this.read(START) if lot.source == "a"], "that is said once"
        shell.folder.mkdir(exist_ok=True)
        await this.listen()
        peer = await Peer.at(shell.folder / SOCKET, Hello("w", sight(shell.content)))
        welcome = await peer.heard()
        assert isinstance(welcome, Welcome)
        assert [(place.source, place.at) for place in welcome.places] == [
            ("a", (begin.generation, begin.end)),
            ("b", None),
        ]
        this.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("began_with", "at"), [({"offsets": {"a": ("g", 7)}}, ("g", 7)), ({"whole": frozenset("a")}, None)]
)
def test_a_worker_is_told_what_was_read_or_that_all_is_wanted(tmp_path: Path, began_with: dict, at: object):
    write(tmp_path, "a", 3)
    this = made(of(tmp_path, workers={"w": ("a",)}), **began_with)
    assert not [lot for lot in this.read(START) if lot.source == "a"]
    assert this._reports._places["a"].at == at
    this.close()


def test_workers_reports_are_taken_behind_the_first_and_in_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "RECORDS", 2)
    told: list[str] = []
    shell = of(tmp_path, workers={"w": ("a",)})

    async def story() -> None:
        this = made(shell, told, whole=frozenset("a"))
        this.read(START)
        shell.folder.mkdir(exist_ok=True)
        await this.listen()
        peer = await Peer.at(shell.folder / SOCKET, Hello("w", sight(shell.content)))
        await peer.heard()
        lots = [Sifted("a", "g", n * 10, n * 10 + 10, START) for n in range(3)]
        peer.say(*(Report("a", (lot,), ("cut",)) for lot in lots))
        await until(lambda: this.behind and this._reports.seats()[0].waiting == 3)
        write(tmp_path, "ot", 1)
        first = this.read(START)
        assert ([lot.source for lot in first], list(first[1:])) == (["ot", "a", "a"], lots[:2])
        assert this.behind
        assert this.read(START) == (lots[2],)
        assert not this.behind
        this.written()
        assert await peer.heard() == Taken(3)
        this.close()
        assert not (shell.folder / SOCKET).exists()

    asyncio.run(story())
    assert told == ["a cut"] * 3


def test_without_workers_nobody_listens(tmp_path: Path):
    shell = of(tmp_path)

    async def story() -> None:
        this = made(shell)
        await this.listen()
        this.close()

    asyncio.run(story())
    assert not (shell.folder / SOCKET).exists()
