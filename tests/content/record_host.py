"""Records the cases of rules about Linux hosts: real services, in namespaces of their own.

    python -m tests.content.record_host [RULE...]        (as root; with openssh-server, sudo, cron and auditd installed)

Their logs are taken by systemd's own journal daemon and by the kernel's audit, as on any host. Folders that are written
to (/etc, /home, /run, /var/log, /dev) are copies that only these processes see; the network has no link to anywhere.
The audit log is the kernel's, of which there is one: only processes of these recordings are asked for, and all rules go
at the end.
"""

import contextlib
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing import get_context
from pathlib import Path

from tercio.content import rules_folder

STRANGER, OPERATOR, HOST = "10.77.20.66", "10.77.20.30", "10.77.30.60"
PASSWORD = "harmless-" + "word"
WAIT = 20
LOGIN = 4242
"""The login that the kernel knows these processes by: what others do on this machine is not recorded."""

OVER = b"recording is over"
_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_MOUNTS, _NEW_NAME, _NEW_NET = 0x00020000, 0x04000000, 0x40000000
_KEPT = ("_COMM", "_EXE", "_HOSTNAME", "_PID", "_TRANSPORT", "_UID", "MESSAGE", "PRIORITY")
_KEPT += ("SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "SYSLOG_PID", "__REALTIME_TIMESTAMP")
"""Fields of the journal that are kept: what sensors and rules read, and nothing that names this machine."""


def run(*words: str, may_fail: bool = False, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(words, check=False, capture_output=True, env={**os.environ, **(env or {})}, timeout=30)
    if done.returncode and not may_fail:
        raise RuntimeError(f"{words}: {done.stderr.decode()[:500]}")


def apart(*, net: bool) -> None:
    """Own mounts, own host name, and where wanted an own network with nothing but loopback."""
    if _LIBC.unshare(_NEW_MOUNTS | _NEW_NAME | (_NEW_NET if net else 0)) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    socket.sethostname("gate1")
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "none", "/mnt")
    shutil.copytree("/etc", "/mnt/etc", symlinks=True)
    for name in ("home", "log", "run", "dev"):
        Path("/mnt", name).mkdir()
    for name in ("null", "zero", "random", "urandom", "full", "tty", "ptmx"):
        Path("/mnt/dev", name).touch()
        run("mount", "--bind", f"/dev/{name}", f"/mnt/dev/{name}")
    for name in ("pts", "shm"):
        Path("/mnt/dev", name).mkdir()
        run("mount", "--bind", f"/dev/{name}", f"/mnt/dev/{name}")
    for source, target in (("etc", "/etc"), ("home", "/home"), ("log", "/var/log"), ("run", "/run"), ("dev", "/dev")):
        run("mount", "--bind", f"/mnt/{source}", target)
    os.chdir("/")
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write(f"{HOST} gate1\n")
    if net:
        run("ip", "link", "set", "lo", "up")
        for address in (STRANGER, OPERATOR, HOST):
            run("ip", "addr", "add", f"{address}/32", "dev", "lo")


@contextlib.contextmanager
def started(*words: str, until: Callable[[], bool]) -> Iterator[None]:
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(until)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


# What services say in the journal.


def journal(scenario: Callable[[], None]) -> list[bytes]:
    """The entries that a scenario left."""
    apart(net=True)
    Path("/run/systemd/journal").mkdir(parents=True)
    Path("/run/sshd").mkdir()
    with started("/lib/systemd/systemd-journald", until=Path("/run/systemd/journal/dev-log").exists):
        Path("/dev/log").symlink_to("/run/systemd/journal/dev-log")
        people()
        before = len(entries())
        with started("/usr/sbin/sshd", "-D", *SSHD, until=answers):
            scenario()
        run("logger", OVER.decode())
        wait(lambda: any(OVER in entry for entry in entries()))
        lines = [entry for entry in entries()[before:] if OVER not in entry]
    return [
        json.dumps({key: entry[key] for key in _KEPT if key in entry}).encode() + b"\n"
        for entry in map(json.loads, lines)
    ]


SSHD = ("-o", f"ListenAddress={HOST}", "-o", "UsePAM=no", "-o", "PermitRootLogin=no", "-o", "MaxStartups=100")


def entries() -> list[bytes]:
    done = subprocess.run(["journalctl", "-o", "json", "--no-pager"], check=True, capture_output=True)
    return done.stdout.splitlines(keepends=True)


def people() -> None:
    """An operator, a service without a password, and an administrator."""
    secret = subprocess.run(
        ["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True
    ).stdout.strip()
    run("useradd", "-m", "-s", "/bin/sh", "-p", secret, "anna")
    run("useradd", "-m", "-s", "/bin/sh", "-p", secret, "guest1")
    run("useradd", "-r", "-s", "/bin/sh", "recipes")
    Path("/etc/sudoers.d/anna").write_text("anna ALL=(ALL) NOPASSWD: ALL\nrecipes ALL=(ALL) NOPASSWD: /usr/bin/id\n")


def answers() -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, 22)) == 0


def ssh(source: str, name: str, password: str) -> None:
    ask = Path("/mnt/ask")
    ask.write_text(f"#!/bin/sh\necho {password}\n")
    ask.chmod(0o700)
    options = (
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "NumberOfPasswordPrompts=1",
        f"BindAddress={source}",
    )
    words = [part for option in options for part in ("-o", option)]
    run(
        "ssh",
        *words,
        f"{name}@{HOST}",
        "true",
        may_fail=True,
        env={"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"},
    )


def guesses(source: str, count: int, name: str = "anna") -> None:
    for number in range(count):
        ssh(source, name, f"wrong{number}")


def ssh_guessed() -> None:
    guesses(STRANGER, 9)


def ssh_not_guessed() -> None:
    guesses(STRANGER, 6)
    guesses(OPERATOR, 2)
    ssh(OPERATOR, "anna", PASSWORD)


def ssh_mistyped() -> None:
    guesses(STRANGER, 2)


def ssh_got_in() -> None:
    guesses(STRANGER, 9)
    ssh(STRANGER, "anna", PASSWORD)


def another_got_in() -> None:
    guesses(STRANGER, 9)
    ssh(OPERATOR, "anna", PASSWORD)


def many_names() -> None:
    for name in ("admin", "test", "oracle", "pi", "ubuntu", "postgres"):
        ssh(STRANGER, name, "wrong")


def one_name() -> None:
    guesses(STRANGER, 4, "ana")
    ssh(OPERATOR, "anna", PASSWORD)


def sudo_refused() -> None:
    run(
        "setpriv",
        "--reuid=guest1",
        "--regid=guest1",
        "--clear-groups",
        "sudo",
        "-S",
        "/bin/cat",
        "/etc/shadow",
        may_fail=True,
    )


def sudo_used() -> None:
    run("setpriv", "--reuid=anna", "--regid=anna", "--clear-groups", "sudo", "/usr/bin/id", may_fail=True)


def joins_sudo() -> None:
    run("usermod", "-aG", "sudo", "guest1")


def joins_others() -> None:
    run("usermod", "-aG", "games", "guest1")
    run("usermod", "-s", "/bin/bash", "guest1")


def second_root() -> None:
    run("useradd", "-o", "-u", "0", "-M", "helper")


def new_user() -> None:
    run("useradd", "-m", "trainee")


def crontab_of_service() -> None:
    file = Path("/mnt/tab")
    file.write_text("* * * * * /usr/bin/id\n")
    run("crontab", "-u", "www-data", str(file))


def crontab_of_person() -> None:
    file = Path("/mnt/tab")
    file.write_text("0 5 * * * /usr/bin/id\n")
    run("crontab", "-u", "anna", str(file))
    run("crontab", "-u", "www-data", "-l", may_fail=True)


# What the kernel audits.


def audit(scenario: Callable[[], None]) -> list[bytes]:
    """The records of what these processes ran, and wrote in the folders that are watched."""
    apart(net=False)
    Path("/proc/self/loginuid").write_text(str(LOGIN))
    folder = Path(tempfile.mkdtemp(prefix="tercio-audit-", dir="/mnt"))
    Path("/etc/audit/auditd.conf").write_text(
        f"log_file = {folder}/audit.log\nlog_format = RAW\nflush = DATA\nname_format = HOSTNAME\nlocal_events = yes\n"
        "write_logs = yes\nspace_left = 75\nspace_left_action = IGNORE\n"
        "admin_space_left = 50\ndisk_full_action = IGNORE\n"
    )
    log = folder / "audit.log"
    people_at_home()
    try:
        with started(
            "auditd", "-n", "-s", "nochange", until=lambda: log.exists() and b"DAEMON_START" in log.read_bytes()
        ):
            run("auditctl", "-D")
            run("auditctl", "-e", "1")
            run(
                "auditctl",
                "-a",
                "always,exit",
                "-F",
                "arch=b64",
                "-S",
                "execve",
                "-F",
                f"auid={LOGIN}",
                "-F",
                "key=ran",
            )
            for path in ("/etc/cron.d", "/etc/sudoers.d", "/home/anna/.ssh"):
                run(
                    "auditctl",
                    "-a",
                    "always,exit",
                    "-F",
                    f"dir={path}",
                    "-F",
                    "perm=wa",
                    "-F",
                    f"auid={LOGIN}",
                    "-F",
                    "key=wrote",
                )
            wait(lambda: log.read_bytes().count(b"op=add_rule") >= 3)
            before = len(log.read_bytes().splitlines())
            scenario()
            run("auditctl", "-m", "over", may_fail=True)
            wait(
                lambda: (
                    b"over" in log.read_bytes().rpartition(b"type=USER ")[2]
                    or b"op=set audit_enabled=0" in log.read_bytes()
                )
            )
            return _of_the_scenario(log.read_bytes().splitlines(keepends=True)[before:])
    finally:
        run("auditctl", "-D", may_fail=True)
        run("auditctl", "-e", "0", may_fail=True)


def _of_the_scenario(lines: list[bytes]) -> list[bytes]:
    """The records without those of what set up the audit, and of programs that were not found."""
    ours = {_event(line) for line in lines if b'comm="auditctl"' in line or b"success=no" in line}
    told = [line for line in lines if b"text=over" not in line]
    return [line for line in told if _event(line) not in ours or b"type=CONFIG_CHANGE" in line]


def _event(line: bytes) -> bytes:
    return line.partition(b"msg=audit(")[2].partition(b")")[0]


def people_at_home() -> None:
    run("useradd", "-m", "-s", "/bin/sh", "anna")
    Path("/home/anna/.ssh").mkdir()


def as_web(*words: str) -> None:
    run("setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", *words, may_fail=True)


def audit_stopped() -> None:
    run("auditctl", "-e", "0")


def audit_changed() -> None:
    run("auditctl", "-b", "1024")


def web_runs_shell() -> None:
    as_web("/bin/sh", "-c", "id")


def web_runs_program() -> None:
    as_web("/usr/bin/id")
    run("/bin/sh", "-c", "id")


def _answered(server: socket.socket) -> None:
    server.accept()[0].close()


@contextlib.contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answered, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def shell_outward() -> None:
    with listening() as port:
        run("/bin/bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}; echo >&3", may_fail=True)


def shell_here() -> None:
    run("/bin/bash", "-c", "exec 3</dev/null; echo")


def logs_destroyed() -> None:
    for name in ("auth.log", "syslog"):
        Path("/var/log", name).write_text("a line\n")
    run("shred", "-u", "/var/log/auth.log")
    run("rm", "-f", "/var/log/syslog")


def logs_read() -> None:
    Path("/var/log/auth.log").write_text("a line\n")
    run("tail", "/var/log/auth.log")
    Path("/mnt/scratch").write_text("a line\n")
    run("shred", "-u", "/mnt/scratch")


def service_stopped() -> None:
    run("systemctl", "stop", "auditd", may_fail=True)
    run("systemctl", "disable", "--now", "rsyslog", may_fail=True)


def service_restarted() -> None:
    run("systemctl", "status", "auditd", may_fail=True)
    run("systemctl", "stop", "nginx", may_fail=True)


def key_written() -> None:
    run("cp", "/etc/hostname", "/home/anna/.ssh/authorized_keys")


def hosts_written() -> None:
    run("cp", "/etc/hostname", "/home/anna/.ssh/known_hosts")


def task_written() -> None:
    run("cp", "/etc/hostname", "/etc/cron.d/sync")


def sudoers_written() -> None:
    run("cp", "/etc/hostname", "/etc/sudoers.d/helper")


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"nothing\n")

    def log_message(self, *_: object) -> None:
        pass


def fetched(target: str) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    run("curl", "-s", "-o", target, f"http://127.0.0.1:{server.server_port}/tool")
    server.shutdown()


def fetched_to_scratch() -> None:
    fetched("/dev/shm/tercio-tool")
    Path("/dev/shm/tercio-tool").unlink()


def fetched_to_home() -> None:
    fetched("/home/anna/page")


def rights_lent() -> None:
    shutil.copy("/usr/bin/id", "/mnt/id")
    run("chmod", "u+s", "/mnt/id")


def rights_set() -> None:
    shutil.copy("/usr/bin/id", "/mnt/id")
    run("chmod", "755", "/mnt/id")


SCENARIOS: dict[str, tuple[Callable[..., list[bytes]], Callable[[], None], Callable[[], None]]] = {
    "ssh-refused": (journal, one_name, sudo_used),
    "ssh-granted": (journal, another_got_in, ssh_mistyped),
    "ssh-guessing": (journal, ssh_guessed, ssh_not_guessed),
    "ssh-guessed": (journal, ssh_got_in, another_got_in),
    "ssh-many-names": (journal, many_names, one_name),
    "sudo-refused": (journal, sudo_refused, sudo_used),
    "joins-sudo": (journal, joins_sudo, joins_others),
    "second-root": (journal, second_root, new_user),
    "crontab-of-service": (journal, crontab_of_service, crontab_of_person),
    "audit-stopped": (audit, audit_stopped, audit_changed),
    "web-account-runs-shell": (audit, web_runs_shell, web_runs_program),
    "shell-outward": (audit, shell_outward, shell_here),
    "logs-destroyed": (audit, logs_destroyed, logs_read),
    "logging-service-stopped": (audit, service_stopped, service_restarted),
    "ssh-key-written": (audit, key_written, hosts_written),
    "system-task-written": (audit, task_written, key_written),
    "sudoers-written": (audit, sudoers_written, task_written),
    "fetched-to-scratch": (audit, fetched_to_scratch, fetched_to_home),
    "rights-lent": (audit, rights_lent, rights_set),
}


def record(rule: str, kind: str) -> None:
    """One case, in a process of its own: namespaces are not left again."""
    way, positive, negative = SCENARIOS[rule]
    target = rules_folder() / rule / f"{kind}.ndjson"
    scenario = positive if kind == "positive" else negative
    process = get_context("fork").Process(target=lambda: target.write_bytes(b"".join(way(scenario))))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{rule}: {kind} could not be recorded")


if __name__ == "__main__":
    for name in sys.argv[1:] or SCENARIOS:
        for each in ("positive", "negative"):
            record(name, each)
