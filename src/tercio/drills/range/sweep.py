"""A TCP connect sweep: what a scanner and an intruder both do. Bounded: at most 399 connections a sweep."""

import asyncio
import errno
import ipaddress
import time
from collections.abc import Sequence

from tercio.drills.range.traces import Connect, Trace, now

PORTS = (502, 102, 44818, 4840, 80, 22)
"""Modbus, S7, EtherNet/IP, OPC UA, web, SSH."""
MOST = 399
"""No sweep tries more than this many connections."""
PATIENCE = 0.4
"""Seconds that an attempt waits for an answer."""


async def sweep(targets: Sequence[str], ports: Sequence[int], rate: float, trace: Trace) -> list[Connect]:
    """Try every port on every target, port by port, ``rate`` connections a second; trace each when it is known."""
    pairs = [(target, port) for port in ports for target in targets][:MOST]
    began = time.monotonic()
    tasks = []
    for number, (target, port) in enumerate(pairs):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        tasks.append(asyncio.create_task(_attempt(target, port, trace)))
    return list(await asyncio.gather(*tasks))


def addresses(network: str, first: int, last: int) -> list[str]:
    """Host parts ``first`` to ``last`` of a network, written as the range writes them (decimal in both families)."""
    net = ipaddress.ip_network(network)
    if net.version == 4:
        return [str(net.network_address + number) for number in range(first, last + 1)]
    return [f"{net.network_address}{number}" for number in range(first, last + 1)]


async def _attempt(target: str, port: int, trace: Trace) -> Connect:
    at, local_port = now(), 0
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(target, port)
        local_port = int(writer.get_extra_info("sockname")[1])
        writer.close()
        outcome = "open"
    except TimeoutError:
        outcome = "timeout"
    except OSError as error:
        outcome = outcome_of(error)
    done = Connect(at, target, port, outcome, local_port)
    trace.add(done)
    return done


def outcome_of(error: OSError) -> str:
    """A failed connection or send in one word."""
    return {
        errno.ECONNREFUSED: "refused",
        errno.ECONNRESET: "reset",
        errno.EPIPE: "reset",
        errno.ETIMEDOUT: "timeout",
    }.get(error.errno or 0, "unreachable")
