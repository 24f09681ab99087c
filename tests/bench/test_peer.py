import json
import sys
from pathlib import Path

import pytest

from bench import peer
from bench.peer import Unavailable, environment, measure


def test_where_no_environment_can_be_made_the_peer_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="no environment"):
        environment(tmp_path / "file" / "peer")


def test_what_was_installed_is_used_again(tmp_path):
    (tmp_path / "installed").write_text("\n".join(peer.NEEDS))
    assert environment(tmp_path) == tmp_path / "bin" / "python"


def test_a_python_without_the_peer_is_told_from_a_measurement(tmp_path):
    lines = tmp_path / "lines.ndjson"
    lines.write_text(json.dumps({"EventID": 1}) + "\n")
    with pytest.raises(Unavailable, match="No module named"):
        measure(Path(sys.executable), {}, lines, tmp_path)
