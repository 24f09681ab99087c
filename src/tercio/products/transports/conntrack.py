"""The conntrack tool, for what nft cannot do: forgetting connections. 40 ms a call: never between evidence and a
block."""

import shutil
import subprocess

WHERE = "/usr/sbin:/sbin:/usr/bin:/bin"
"""Not PATH: the process has a privilege that whoever sets PATH may lack."""


def conntrack(arguments: str) -> str:
    """Run ``conntrack`` with arguments separated by spaces. Returns why it failed, in one line; empty where it worked,
    also where no connection matched. Needs CAP_NET_ADMIN in the network namespace."""
    tool = shutil.which("conntrack", path=WHERE)
    if tool is None:
        return "the conntrack tool is missing (install conntrack), so old connections were not forgotten"
    try:
        done = subprocess.run(
            [tool, *arguments.split()], capture_output=True, text=True, errors="replace", timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"conntrack did not run: {error}"
    said = done.stderr.strip()
    if done.returncode == 0 or "0 flow entries have been deleted" in said:
        return ""
    return f"conntrack failed ({done.returncode}): {(said.splitlines() or [''])[-1]}"
