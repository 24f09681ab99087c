"""A worker beside a loop, on real files and a real socket: what it reports, and what becomes of it when either dies."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tercio.loop import worker as worker_of
from tercio.loop.run import Shell
from tercio.loop.sift import sift
from tercio.loop.sources import AT_ONCE, SOCKET, Setup
from tercio.loop.worker import Worker, reported, rules_day, work
from tercio.model.events import Batch, Match
from tercio.model.reports import Report, ToLoop
from tercio.products.sensors import SENSORS
from tercio.products.transports.frames import LARGEST, Refused
from tests.loop.given import BASIS, PLC1, SOURCE, START, WS1, alert, content, poll
from tests.loop.shell import living, records, setup, until, write
from tests.loop.test_sift import fragile, poisoned


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_of, "RETRY", 0.02)


def now() -> int:
    return time.time_ns() // 1000


def away(folder: Path, **changes: object) -> Setup:
    """A loop whose only source is a worker's."""
    return setup(folder, hands={}, workers={"w": (SOURCE,)}, **changes)


@contextlib.asynccontextmanager
async def working(of: Setup) -> AsyncIterator[asyncio.Task[None]]:
    worker = Worker("w", of.content, of.folder / SOCKET)
    task = asyncio.create_task(worker.live())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def end(shell: Shell) -> int:
    return shell._state.offsets.get(SOURCE, ("", 0))[1]


def intruder(number: int) -> bytes:
    """A line that is a finding of its own."""
    return alert(now(), f"10.77.10.{number}", PLC1)


def found(folder: Path) -> list[str]:
    """Who was found, as often as a line of his counted."""
    told = [msgspec.json.decode(r.body)["finding"]["src"] for r in records(folder, "finding")]
    return sorted(told, key=lambda address: int(address.rpartition(".")[2]))


def test_a_worker_reports_what_it_reads_and_the_loop_decides(tmp_path: Path):
    of = away(tmp_path)

    async def story() -> None:
        async with living(of) as (shell, _), working(of):
            write(tmp_path, poll(now()), *[poll(now())] * 1000, intruder(90), b"cut\n")
            await until(lambda: shell._state.memory.unparsed == {SOURCE: 1})
            assert shell._state.offsets[SOURCE][1] == (tmp_path / "eve.json").stat().st_size
            assert shell._state.memory.views == (SOURCE,)

    asyncio.run(story())
    assert found(tmp_path) == ["10.77.10.90"]


def test_whoever_dies_no_line_is_lost_and_none_counts_twice(tmp_path: Path):
    """Lines are written all the time, while the worker and the loop are ended in turn."""
    of = away(tmp_path)
    hosts = iter(range(60, 240))

    def more(count: int) -> None:
        for _ in range(count):
            write(tmp_path, poll(now()), intruder(next(hosts)))

    async def story() -> None:
        more(3)  # Before the first start: the past.
        for _ in range(3):
            async with living(of) as (shell, _):
                more(5)
                for _ in range(3):
                    async with working(of):
                        more(5)
                        await until(lambda: shell._state.memory.windows.clocks)
                    more(3)
                async with working(of):
                    size = (tmp_path / "eve.json").stat().st_size
                    await until(lambda: end(shell) == size)  # noqa: B023
                more(4)
        async with living(of) as (shell, _), working(of):
            size = (tmp_path / "eve.json").stat().st_size
            await until(lambda: end(shell) == size)
            assert sum(incident.repeats for incident in shell._state.incidents.values()) == 0

    asyncio.run(story())
    last = next(hosts) - 1
    assert found(tmp_path) == [f"10.77.10.{number}" for number in range(63, last + 1)]
    assert last > 140


def test_a_record_that_fails_in_the_worker_is_told_kept_and_passed(tmp_path: Path):
    of = away(tmp_path, content=content(sensors={SOURCE: fragile()}))

    async def story() -> None:
        async with living(of) as (shell, _), working(of):
            write(tmp_path, poisoned(now()), intruder(90), poisoned(now()))
            await until(lambda: shell._state.memory.unparsed == {SOURCE: 2})

    asyncio.run(story())
    (loss,) = [msgspec.json.decode(r.body)["loss"] for r in records(tmp_path, "loss")]
    assert "RecursionError" in loss
    assert found(tmp_path) == ["10.77.10.90"]


def test_a_worker_runs_no_further_ahead_than_its_credit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker_of, "AT_ONCE", 1)
    of = away(tmp_path)

    async def story() -> None:
        async with living(of) as (shell, _):
            reports = shell._sources._reports
            monkeypatch.setattr(reports, "take", lambda _: ())
            async with working(of):
                write(tmp_path, *[poll(now())] * 100)
                await until(lambda: reports.seats()[0].waiting == 16)
                await asyncio.sleep(0.1)
                assert reports.seats()[0].waiting == 16
                assert SOURCE not in shell._state.offsets
                monkeypatch.undo()
                size = (tmp_path / "eve.json").stat().st_size
                await until(lambda: end(shell) == size)

    asyncio.run(story())


def test_what_cannot_be_read_is_told_by_the_loop(tmp_path: Path):
    of = away(tmp_path)

    async def story() -> None:
        async with living(of) as (shell, _), working(of):
            write(tmp_path, poll(now()), intruder(90))
            await until(lambda: shell._state.incidents)
            (tmp_path / "eve.json").write_bytes(poll(now() + 1))
            await until(lambda: records(tmp_path, "loss"))

    asyncio.run(story())
    (loss,) = [msgspec.json.decode(r.body) for r in records(tmp_path, "loss")]
    assert loss["source"] == SOURCE
    assert "when it was truncated" in loss["loss"]


def test_a_worker_with_other_rules_is_sent_away_with_the_reason(tmp_path: Path):
    of = away(tmp_path)
    other = replace(of.content, basis=replace(BASIS, rules="other"))

    async def story() -> None:
        async with living(of) as (shell, _):
            with pytest.raises(Refused, match="its rules or sources are others than the loop's"):
                await work("w", other, of.folder / SOCKET)
            assert "others than the loop's" in shell._sources._reports.seats()[0].why

    asyncio.run(story())


def test_a_worker_reads_its_rules_by_the_day_of_its_loop(tmp_path: Path):
    """Else an exception that ended since the loop began would make them strangers."""
    of = away(tmp_path, day="2026-02-28")

    async def story() -> None:
        asking = asyncio.create_task(asyncio.to_thread(rules_day, of.folder / SOCKET))
        await asyncio.sleep(0.05)
        async with living(of):
            assert await asking == date(2026, 2, 28)

    asyncio.run(story())


def test_a_worker_waits_for_its_loop_and_ends_when_told(tmp_path: Path):
    async def story() -> None:
        worker = Worker("w", content(), tmp_path / SOCKET)
        task = asyncio.create_task(worker.live())
        await asyncio.sleep(0.1)
        assert not task.done()
        worker.stop()
        await asyncio.wait_for(task, 60)

    asyncio.run(story())


def test_what_cannot_be_reported_is_left_out_alone_and_kept():
    lines = [alert(START, WS1, PLC1, sport=port) for port in range(4)]
    (lot,) = sift(content(), Batch(SOURCE, "g", 0, tuple(lines), START))
    first, huge, many, last = lot.seen
    huge = replace(huge, event=replace(huge.event, offset=huge.event.offset, received=2**80))
    many = replace(many, matches=tuple(Match("r", n, {"f": "x" * 1000}) for n in range(LARGEST // 1000)))
    report = Report(SOURCE, (replace(lot, seen=(first, huge, many, last)),))
    got = msgspec.msgpack.decode(reported(report)[4:], type=ToLoop)
    (told,) = got.lots
    assert told.seen == (first, last)
    assert [(each.raw, each.reason) for each in told.unparsed] == [
        (lines[1], "it can't be reported: OverflowError"),
        (lines[2], "it can't be reported: rules found too much in it"),
    ]
    assert (told.offset, told.end) == (lot.offset, lot.end)


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_reading_of_nothing_but_ends_of_lines_is_one_report(sensor: str):
    """Nothing takes more room in a report than a line of one byte that nobody understands."""
    name = "s" * 64  # as long as settings let it be
    of = replace(content(), sensors={name: SENSORS[sensor]})
    lots = sift(of, Batch(name, "f" * 64, 0, (b"\n",) * AT_ONCE, START))
    assert sum(lot.records for lot in lots) == AT_ONCE
    assert len(reported(Report(name, lots))) <= LARGEST
