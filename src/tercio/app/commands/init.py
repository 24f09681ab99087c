"""The command that begins: the files that a site needs, to be filled in."""

import json as text_of
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from tercio.app.suricata import INCLUDED, RULES, texts, to_do
from tercio.app.terminal import CALLED, Json, emit, fail, out, sentence
from tercio.model.siteparse import parse_site

FILES = {"tercio.toml": 0o644, "site.toml": 0o644, "gateway.toml": 0o600, INCLUDED: 0o644, RULES: 0o644}
"""What is written, and who may read it."""


def init(
    folder: Annotated[Path, typer.Argument(help="Where to; made where it is not there.")] = Path(),
    json: Json = False,
) -> None:
    """Write the files that a site needs, with a word on each line: settings, the plant, the hand's own file, and what
    the site's Suricata must be told.

    Nothing that is there already is overwritten. Everything begins in shadow.
    """
    here = folder.absolute()
    if there := [here / name for name in FILES if (here / name).exists()]:
        fail(f"{', '.join(map(str, there))}: there already, so nothing was written; name another folder")
    try:
        here.mkdir(parents=True, exist_ok=True)
        for name, text in _texts(here).items():
            _write(here / name, FILES[name], text)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}; name a folder that this user may write")
    if json:
        emit({"written": [str(here / name) for name in FILES]})
        return
    settings = here / "tercio.toml"
    sentence(out, f"Written to {here}: {', '.join(FILES)}. Describe your plant in site.toml, then:", "")
    for words in ("site check", "site suricata", "doctor", "up"):
        sentence(out, f"  {CALLED} {words} --settings {shlex.quote(str(settings))}", "")
    sentence(out, to_do(here), "")


def _texts(here: Path) -> dict[str, str]:
    own = [name for name in FILES if name.endswith(".toml")]
    forms = {name: files("tercio.app.first").joinpath(name).read_text(encoding="utf-8") for name in own}
    filled = {n: t.replace("@FOLDER@", text_of.dumps(str(here))[1:-1]) for n, t in forms.items()}  # TOML's, too.
    return filled | texts(parse_site(forms["site.toml"]), here)


def _write(path: Path, mode: int, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        path.chmod(mode)
        file.write(text)
