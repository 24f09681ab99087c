"""Background for the loop bench: EVE records of innocent hosts, appended to a file at a steady rate.

``python background.py FILE RATE SEED`` writes until its standard input ends, then says in one JSON line how many
records it wrote and in how many seconds. Records are our own, in the form that Suricata 7 writes: half are flows,
three tenths DNS, two tenths answered Modbus reads of a controller that the site does not list. None is an attack.
"""

import json
import random
import select
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

BEAT = 0.01
"""Seconds between two writes."""

KINDS = 4096
"""Different records; what changes from one use to the next is the time."""

TIME = "@TIME@"


def template(number: int, chance: random.Random) -> str:
    """One record as a line, with ``TIME`` where its time goes."""
    client, server = f"10.78.{number % 8}.{1 + number % 250}", f"10.79.0.{1 + number % 20}"
    kind = chance.choices(("flow", "dns", "modbus"), (5, 3, 2))[0]
    record: dict[str, object] = {
        "timestamp": TIME,
        "flow_id": chance.randrange(1 << 50),
        "in_iface": "br-office",
        "event_type": kind,
        "src_ip": client,
        "src_port": 1024 + chance.randrange(60_000),
        "dest_ip": server,
        "dest_port": {"flow": 443, "dns": 53, "modbus": 502}[kind],
        "proto": "UDP" if kind == "dns" else "TCP",
        "community_id": f"1:{chance.randbytes(20).hex()}",
    }
    return json.dumps(record | PARTS[kind](number), separators=(",", ":")) + "\n"


def flow(number: int) -> dict[str, object]:
    """What a flow adds: an ordinary TLS session that is over."""
    sizes = {"pkts_toserver": 12, "pkts_toclient": 15, "bytes_toserver": 1800 + number, "bytes_toclient": 9000}
    state = {"start": TIME, "end": TIME, "age": 2, "state": "closed", "reason": "timeout", "alerted": False}
    return {"app_proto": "tls", "flow": sizes | state, "tcp": {"tcp_flags": "1b", "state": "closed", "syn": True}}


def dns(number: int) -> dict[str, object]:
    """What a DNS record adds: a question for a name inside."""
    name = f"host{number % 500}.example"
    return {"dns": {"type": "query", "id": number, "rrname": name, "rrtype": "A", "tx_id": 0, "opcode": 0}}


def modbus(number: int) -> dict[str, object]:
    """What a Modbus record adds: an answered read of two holding registers."""
    shared: dict[str, object] = {"transaction_id": number % 65_536, "protocol_id": 0, "unit_id": 1, "function_raw": 3}
    shared |= {"function_code": "RdHoldRegs", "access_type": "READ | HOLDING", "error_flags": "NONE"}
    request = shared | {"read": {"address": number % 100, "quantity": 2}}
    return {
        "modbus": {"id": 1, "request": request, "response": shared | {"read": {"data": "\u0001\u0002\u0003\u0004"}}}
    }


PARTS = {"flow": flow, "dns": dns, "modbus": modbus}


def records(seed: int) -> Iterator[tuple[str, ...]]:
    """The records in turn, for ever, each in the pieces that its time goes between."""
    chance = random.Random(seed)  # noqa: S311  # Seeded records, no secret.
    pieces = [tuple(template(number, chance).split(TIME)) for number in range(KINDS)]
    while True:
        yield from pieces


def main() -> None:
    """Write at the rate given until standard input ends."""
    path, rate, source = Path(sys.argv[1]), float(sys.argv[2]), records(int(sys.argv[3]))
    began, written = time.monotonic(), 0
    with path.open("a", encoding="ascii") as file:
        while not select.select([sys.stdin], [], [], BEAT)[0]:
            due = int((time.monotonic() - began) * rate) - written
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
            file.write("".join(now.join(next(source)) for _ in range(due)))
            file.flush()
            written += due
    print(json.dumps({"records": written, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main()
