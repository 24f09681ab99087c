"""The entrance of a checkout, on this machine's own shell, without touching the machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import tree

RUN = tree.ROOT / "run"
AWK = tree.ROOT / "requirements" / "backports.awk"


def backports(tmp_path: Path, **files: str) -> str:
    paths = []
    for name, text in files.items():
        paths.append(tmp_path / name.replace("__", "."))
        paths[-1].write_text(text)
    done = subprocess.run(
        ["awk", "-v", "codename=bookworm", "-f", str(AWK), *map(str, paths)], capture_output=True, text=True, check=True
    )
    return done.stdout


MAIN = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"


def test_backports_come_from_the_same_mirror_with_the_same_key(tmp_path: Path):
    security = MAIN.replace("mirror", "security").replace("bookworm bookworm-updates", "bookworm-security")
    written = backports(tmp_path, a__sources=f"# ours\n{security}\n{MAIN}Signed-By: /usr/share/keyrings/k.gpg\n")
    assert written == (
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/k.gpg\n"
    )


def test_a_key_inside_the_file_comes_along(tmp_path: Path):
    written = backports(tmp_path, a__sources=f"{MAIN}Signed-By:\n -----BEGIN PGP\n .\n abc\n")
    assert written.endswith("Signed-By:\n -----BEGIN PGP\n .\n abc\n")


def test_the_old_format_is_read_too(tmp_path: Path):
    text = (
        "# deb http://no.example/debian bookworm main\n"
        "deb cdrom:[Debian]/ bookworm main\n"
        "deb-src http://src.example/debian bookworm main\n"
        "deb [ arch=amd64 signed-by=/k.gpg ] http://mirror.example/debian bookworm main # ours\n"
    )
    written = backports(tmp_path, sources__list=text)
    assert "URIs: http://mirror.example/debian\n" in written
    assert "Signed-By: /k.gpg\n" in written


@pytest.mark.parametrize(
    "text",
    [
        "",
        MAIN.replace("bookworm ", "trixie "),
        MAIN + "Enabled: no\n",
        MAIN.replace("Types: deb", "Types: deb-src"),
        MAIN + "\n" + MAIN.replace("bookworm bookworm-updates", "bookworm-backports"),
    ],
    ids=["nothing", "another release", "switched off", "sources only", "there already"],
)
def test_nothing_is_added_where_nothing_fits_or_it_is_there(tmp_path: Path, text: str):
    assert backports(tmp_path, a__sources=text) == ""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks set up to ./run: this environment, stamped as made for it."""
    root = tmp_path / "checkout"
    (root / "requirements").mkdir(parents=True)
    shutil.copy(RUN, root / "run")
    shutil.copy(AWK, root / "requirements")
    shutil.copy(tree.ROOT / "pyproject.toml", root)
    shutil.copy(tree.ROOT / "requirements" / "lock.txt", root / "requirements")
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    python = venv / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (root / ".venv").symlink_to(venv)
    sums = "".join(
        subprocess.run(["cksum"], stdin=(root / f).open("rb"), capture_output=True, text=True, check=True).stdout
        for f in ("requirements/lock.txt", "pyproject.toml")
    )
    (venv / "made-from").write_text(f"{root}\n{sums}")
    return root


def run(root: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": path or os.environ["PATH"]}
    return subprocess.run(
        ["/bin/sh", str(root / "run"), *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH on which neither suricata nor apt is found, and everything else is."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for folder in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for tool in Path(folder).iterdir():
            if tool.name not in ("suricata", "apt-get", "sudo") and not (tools / tool.name).is_symlink():
                (tools / tool.name).symlink_to(tool)
    return str(tools)


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",)])
def test_help_names_every_command(checkout: Path, arguments: tuple[str, ...]):
    done = run(checkout, *arguments)
    assert done.returncode == 0
    assert all(f"  {name}" in done.stdout for name in ("demo", "test", "check", "bench", "tercio", "lock"))


def test_an_unknown_command_is_told(checkout: Path):
    done = run(checkout, "destroy")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "there is no command 'destroy'" in done.stderr


def test_bench_asks_for_a_name(checkout: Path):
    assert "bench needs a name" in run(checkout, "bench").stderr


def test_what_is_set_up_starts_without_a_word(checkout: Path, bare_path: str):
    done = run(checkout, "tercio", "no-such-command", path=bare_path)
    assert "run:" not in done.stderr
    assert not (checkout / ".tercio").exists()


@pytest.mark.skipif(Path("/usr/sbin/suricata").exists(), reason="suricata lies where ./run always looks")
def test_without_suricata_and_apt_the_demo_stops_with_what_to_install(checkout: Path, bare_path: str):
    done = run(checkout, "demo", path=bare_path)
    assert done.returncode == 1
    assert "please install: " in done.stderr
    assert "suricata" in done.stderr.split("please install: ")[1]
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(Path("/usr/sbin/suricata").exists(), reason="suricata lies where ./run always looks")
def test_without_suricata_and_apt_the_tests_go_on_and_say_so(checkout: Path, bare_path: str):
    done = run(checkout, "test", "--version", path=bare_path)
    assert "going on without" in done.stderr
    assert "pytest" in done.stdout
    assert done.returncode == 0


def test_bench_finds_its_measurements_in_the_checkout_from_anywhere(checkout: Path, bare_path: str):
    (checkout / "bench").mkdir()
    (checkout / "bench" / "__main__.py").write_text("import sys; print(sys.argv[1:])\n")
    done = run(checkout, "bench", "loop", "--json", path=bare_path)
    assert done.stdout == "['loop', '--json']\n"


def test_a_call_through_a_link_finds_its_checkout(checkout: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(checkout / "run")
    done = subprocess.run([str(tmp_path / "link"), "bench"], capture_output=True, text=True, check=False)
    assert "bench needs a name" in done.stderr


@pytest.mark.parametrize("script", ["run", ".ci/run"])
def test_scripts_are_plain_shell_and_executable(script: str):
    path = tree.ROOT / script
    assert path.read_text().startswith("#!/bin/sh\n")
    assert os.access(path, os.X_OK)
    subprocess.run(["/bin/sh", "-n", str(path)], check=True)


def test_the_lock_names_hashes_and_no_place():
    text = (tree.ROOT / "requirements" / "lock.txt").read_text()
    pins = [line for line in text.splitlines() if "==" in line]
    assert len(pins) > 30
    assert text.count("--hash=sha256:") >= len(pins)
    assert "http" not in text
    assert "--find-links" not in text
