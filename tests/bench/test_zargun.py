import subprocess
import sys

from bench import zargun
from bench.recorded import ROOT


def test_the_peers_script_needs_nothing_of_ours():
    source = (ROOT / "bench" / "zargun.py").read_text()
    assert zargun.run
    assert "tercio" not in source
    assert "from bench" not in source


def test_without_the_peer_it_ends_with_the_name_of_what_is_missing(tmp_path):
    (tmp_path / "texts.json").write_text("{}")
    (tmp_path / "lines.ndjson").write_text("{}\n")
    words = [
        sys.executable,
        "-P",
        str(ROOT / "bench" / "zargun.py"),
        *map(str, sorted(tmp_path.iterdir(), reverse=True)),
    ]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode
    assert "ModuleNotFoundError" in ended.stderr
