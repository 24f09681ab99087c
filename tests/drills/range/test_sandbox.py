import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from tercio.drills.range import sandbox
from tercio.drills.range.sandbox import inside, missing_tools, refusal, wrap
from tests.drills.unprivileged import reason, unprivileged

CROWD = """
import subprocess, sys, time
for line in ("netns add a", "-n a link add x type veth peer name y", "-n a link set x up"):
    subprocess.run(["ip", *line.split()], check=True)
for wrapper in ([], ["setsid"], ["nsenter", "--net=/run/netns/a", "--"]):
    subprocess.Popen([*wrapper, sys.executable, "-c", "import time; time.sleep(60)", sys.argv[2]])
open(sys.argv[1], "w").write("ready")
time.sleep(float(sys.argv[3]))
"""
PARENT = """
import subprocess, sys, time
subprocess.Popen(sys.argv[1:])
time.sleep(60)
"""


def wait_for(holds, seconds=90.0):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def mounts():
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if "tercio-range" in line]


def names():
    run = Path("/run/netns")
    return sorted(p.name for p in run.iterdir()) if run.exists() else []


def crowd(tmp_path, marker, seconds):
    return wrap([sys.executable, "-c", CROWD, str(tmp_path / "ready"), marker, str(seconds)])


@pytest.mark.parametrize("victim", ["the parent", "the sandbox"])
@pytest.mark.usefixtures("sandboxed")
def test_everything_dies_with_kill_9(tmp_path, marked, victim):
    marker, before = f"marker-{uuid.uuid4()}", names()
    command = crowd(tmp_path, marker, 60)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *command] if victim == "the parent" else command)
    try:
        assert wait_for((tmp_path / "ready").exists)
        assert wait_for(lambda: len(marked(marker)) >= 5)
        assert names() == before, "its namespaces are not seen outside"
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert wait_for(lambda: not marked(marker)), marked(marker)
    finally:
        parent.kill()
        parent.wait()
    assert names() == before
    assert not mounts()


@pytest.mark.usefixtures("sandboxed")
def test_everything_dies_when_the_command_ends(tmp_path, marked):
    marker = f"marker-{uuid.uuid4()}"
    done = subprocess.run(crowd(tmp_path, marker, 0.2), check=False)
    assert done.returncode == 0
    assert wait_for(lambda: not marked(marker)), marked(marker)
    assert not mounts()


@pytest.mark.usefixtures("sandboxed")
def test_the_status_and_the_words_of_the_command_come_through():
    done = subprocess.run(wrap(["sh", "-c", "echo said; exit 7"]), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, "said\n")


@pytest.mark.usefixtures("sandboxed")
def test_files_and_sockets_are_shared_and_the_network_is_not(tmp_path):
    script = """
import socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[1]); server.listen()
    print([name for _, name in socket.if_nameindex()], flush=True)
    client, _ = server.accept()
    client.sendall(b"from inside")
    client.close()
"""
    path = tmp_path / "socket"
    command = wrap([sys.executable, "-c", script, str(path)])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout.readline().strip() == "['lo']"
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                assert client.recv(100) == b"from inside"
        finally:
            running.kill()


def test_without_root_it_takes_a_user_namespace(monkeypatch):
    monkeypatch.setattr(sandbox.os, "geteuid", lambda: 1000)
    assert wrap(["true"])[:4] == ["unshare", "--user", "--map-root-user", "setpriv"]


REFUSED = "from tercio.drills.range.sandbox import refusal; print(refusal())"


@pytest.mark.usefixtures("sandboxed")
def test_where_a_sandbox_can_be_made_nothing_is_refused():
    assert refusal() == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: drops its capabilities")
def test_root_without_capabilities_is_told_of_his_container():
    caged = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", REFUSED]
    done = subprocess.run(caged, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"root may make no namespaces here \(.+\): run it outside .*\n", done.stdout), done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: maps many users into a namespace")
def test_a_user_whom_the_kernel_refuses_is_told_the_setting_and_what_to_do():
    """In a user namespace of its own, whose limit on further ones is really set to 0."""
    inner = 'read -r _; exec sh -c \'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"\' sh "$@"'
    with unprivileged() as user:
        if "cannot run" in (words := reason(user)):
            pytest.skip(words)
        command = ["unshare", "--user", "sh", "-c", inner, "sh", *user.command("-c", REFUSED)]
        piped = subprocess.PIPE
        with subprocess.Popen(command, text=True, env=user.environment, stdin=piped, stdout=piped) as running:
            own, here = Path(f"/proc/{running.pid}/ns/user"), Path("/proc/self/ns/user").readlink()
            assert wait_for(lambda: own.readlink() != here)
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{running.pid}/{name}").write_text("0 0 65536\n")
            said, _ = running.communicate("\n", timeout=60)
    key = "user.max_user_namespaces"
    assert said == (
        f"this kernel lets users make no namespaces ({key} is 0): "
        f"run it with sudo, or allow it with: sudo sysctl -w {key}=15000\n"
    )


def test_inside_names_the_namespace_and_keeps_the_command():
    assert inside("gw", ["nft", "-f", "-"]) == ["nsenter", "--net=/run/netns/gw", "--", "nft", "-f", "-"]


def test_a_missing_tool_is_named_with_its_package(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "nft is missing: install the package nftables" in missing_tools()
    assert len(missing_tools()) == len(sandbox.TOOLS)
