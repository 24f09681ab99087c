import base64
import hashlib
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tercio.drills.range.directory import BASE, await_answer, fill, hashed, missing, unprivileged
from tercio.drills.range.traces import SignOn, Started, read_trace

DIRECTORY = "tercio.drills.range.directory"


@pytest.fixture
def slapd() -> None:
    if reason := missing():
        pytest.skip(reason)


@pytest.mark.usefixtures("slapd")
def test_it_serves_its_people_on_loopback_to_whoever_signs_on(stage):
    folder = stage.folder / "directory"
    stage.start(DIRECTORY, "--store", str(folder), "--bind", "127.0.0.1", "::1")
    stage.until(lambda: stage.records("directory", Started))
    account = f"uid=ranger,ou=people,{BASE}"
    ask = ["ldapsearch", "-x", "-LLL", "-H", f"ldap://[::1]:{stage.port}", "-b", BASE, "(title=Process engineer)", "cn"]
    known = [*ask, "-D", account, "-y", str(folder / "passwords" / "ranger")]
    found = subprocess.run(known, capture_output=True, text=True, check=True)
    assert "cn: R. Anger" in found.stdout
    strange = subprocess.run(ask, capture_output=True, text=True, check=False)
    assert "R. Anger" not in strange.stdout, "nobody reads it who has not signed on"
    own = subprocess.run(
        [*known[:-1], str(folder / "passwords" / "ranger"), "userPassword"], capture_output=True, text=True, check=True
    )
    assert "userPassword" not in own.stdout
    assert stage.end("directory") == 0


@pytest.mark.usefixtures("slapd")
def test_on_the_range_it_runs_as_nobody(drill):
    assert drill["directory_uid"] == ([pwd.getpwnam("nobody").pw_uid] if drill["root"] else [0])


@pytest.mark.usefixtures("slapd")
def test_on_the_range_accounts_sign_on_over_both_families(drill):
    traces = Path(drill["folder"], "traces")
    signed = [
        r
        for name in ("signon", "person")
        for r in read_trace(traces / f"{name}.jsonl").records
        if isinstance(r, SignOn)
    ]
    accepted = {(each.account, each.target) for each in signed if each.outcome == "accepted"}
    assert accepted == {("svc-hmi1", "10.77.20.11"), ("eplan", "fd00:77:20::11")}


@pytest.mark.usefixtures("slapd")
def test_passwords_are_new_each_time_and_for_their_owner_only(tmp_path):
    for name in ("one", "two"):
        fill(tmp_path / name)
    kept = [{p.name: p.read_text() for p in (tmp_path / name / "passwords").iterdir()} for name in ("one", "two")]
    assert kept[0].keys() == kept[1].keys() == {"ranger", "mshift", "eplan", "svc-hmi1", "svc-hist1"}
    assert len({*kept[0].values(), *kept[1].values()}) == 10
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in (tmp_path / "one" / "passwords").iterdir())
    assert not any(word in (tmp_path / "one" / "slapd.conf").read_text() for word in kept[0].values())


def test_a_password_is_kept_salted():
    one, two = hashed("secret"), hashed("secret")
    assert one != two
    raw = base64.b64decode(one.removeprefix("{SSHA}"))
    assert raw[:20] == hashlib.sha1(b"secret" + raw[20:], usedforsecurity=False).digest()


@pytest.mark.parametrize(
    ("uid_map", "owner"),
    [
        ("0 0 4294967295\n", 65534),
        ("0 1000 1\n", 0),
        ("0 1000 1\n1 100000 65536\n", 65534),
        ("0 1000 1\n1 100000 1000\n", 0),
    ],
)
def test_who_it_runs_as_is_who_this_user_namespace_knows(uid_map, owner):
    assert unprivileged(uid_map, 65534) == owner


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ((), "slapd is missing: the range runs without its directory; for it install slapd and ldap-utils"),
        (
            ("slapd", "slapadd"),
            "ldapwhoami is missing: the range runs without its directory; for it install ldap-utils",
        ),
        (("slapd", "slapadd", "ldapwhoami"), ""),
    ],
)
def test_what_is_missing_is_one_sentence_with_what_to_do(monkeypatch, there, words):
    monkeypatch.setattr(shutil, "which", lambda tool, **_: tool if tool in there else None)
    assert missing() == words


def test_a_server_that_ended_is_not_waited_for():
    with subprocess.Popen(["false"]) as server:
        server.wait()
        with pytest.raises(TimeoutError, match="its status is 1"):
            await_answer(server, ["127.0.0.1"], 1)
