"""The store's own process: the engine, and ClickHouse's HTTP interface on 127.0.0.1 in front of it."""

import asyncio
import signal
import socket
from pathlib import Path

import uvicorn

from tercio.store.clickhouse import THIS_MACHINE
from tercio.store.engine import Engine
from tercio.store.http import Account, Interface
from tercio.store.lock import WriterLock

LONGEST_HEAD = 1 << 20
"""Bytes of a request's first line and headers: parameters come in the address."""

MOST_CONNECTIONS = 64

FAREWELL = 2
"""Seconds that answers under way get at the end."""


def serve(folder: Path, port: int, account: Account) -> None:
    """Serve the store in ``folder`` until SIGTERM or SIGINT. Raises StateLocked where another process has it, Refusal
    where the engine can't open it, OSError where the folder can't be made or the port is taken."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = WriterLock(folder.with_name(f"{folder.name}.lock"))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # Else each answer waits 40 ms for its end.
        listening.bind((THIS_MACHINE, port))
        engine = Engine(folder)
        settings = uvicorn.Config(
            Interface(engine, account),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=LONGEST_HEAD,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=FAREWELL,
        )
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: None)  # The server ends by it, and then sends it again to who had it before.
        try:
            asyncio.run(uvicorn.Server(settings).serve(sockets=[listening]))
        finally:
            engine.close()
            lock.release()
