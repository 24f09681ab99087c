import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tercio.products.transports import conntrack as module
from tercio.products.transports.conntrack import conntrack
from tests.products.field import Namespace


@pytest.fixture(scope="module")
def space(spaces: Callable[[], Namespace]) -> Namespace:
    if shutil.which("conntrack") is None:
        pytest.skip("conntrack is missing")
    made = spaces()
    made.nft("table inet t { chain c { type filter hook input priority 0; ct state new accept; }; }")
    return made


def test_it_forgets_what_matches_and_only_that(space: Namespace) -> None:
    def work() -> tuple[list[str], list[str]]:
        servers = [socket.create_server(("127.0.0.1", port)) for port in (5001, 5002)]
        lines = [socket.create_connection(("127.0.0.1", port)) for port in (5001, 5002)]
        before = space.run("conntrack -L -p tcp").splitlines()
        assert conntrack("-D -f ipv4 -p tcp --orig-src 127.0.0.1 --orig-dst 127.0.0.1 --orig-port-dst 5001") == ""
        after = space.run("conntrack -L -p tcp").splitlines()
        for each in (*servers, *lines):
            each.close()
        return before, after

    before, after = space.inside(work)
    assert any("dport=5001" in line for line in before)
    assert not any("dport=5001" in line for line in after)
    assert any("dport=5002" in line for line in after)


@pytest.mark.parametrize("family", ["ipv4 -p tcp --orig-src 10.1.2.3", "ipv6 -p tcp --orig-src fd00::9"])
def test_nothing_to_forget_is_no_failure(space: Namespace, family: str) -> None:
    assert space.inside(lambda: conntrack(f"-D -f {family}")) == ""


def test_a_failure_is_one_line(space: Namespace) -> None:
    said = space.inside(lambda: conntrack("-D --orig-src nonsense"))
    assert said.startswith("conntrack failed")
    assert "\n" not in said


def test_its_absence_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "WHERE", str(tmp_path))
    assert "conntrack tool is missing" in conntrack("-D")


def test_a_tool_that_does_not_run_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "conntrack").write_bytes(b"\x7fELF nonsense")
    (tmp_path / "conntrack").chmod(0o700)
    monkeypatch.setattr(module, "WHERE", str(tmp_path))
    assert "did not run" in conntrack("-D")
