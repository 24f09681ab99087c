"""The processes that keep the past; `tercio up` starts them."""

from tercio.app import archive as archive_process
from tercio.app.eventstore import archive_of, folder_of, password_file
from tercio.app.settings import Settings, SettingsError, load
from tercio.app.storesettings import USER, Kind
from tercio.app.terminal import HERE, SettingsFile, fail
from tercio.products.sensors import SENSORS
from tercio.store.clickhouse import THIS_MACHINE
from tercio.store.events import Events, EventsSilent
from tercio.store.secret import shared_secret

PATIENCE = 60
"""Seconds that the archive waits for one answer of the store."""

LACKS = "is missing: install tercio with its extra, tercio[store]"


def store(settings: SettingsFile = HERE) -> None:
    """The embedded store alone; `tercio up` starts it."""
    loaded = load(settings)
    if loaded.store.kind != Kind.EMBEDDED:
        raise SettingsError(
            f'{loaded.file}: the settings name no store that is started here: [store] kind = "embedded"'
        )
    try:
        from tercio.store.engine import Refusal  # noqa: PLC0415  Nobody else may load the server and the engine.
        from tercio.store.http import Account  # noqa: PLC0415
        from tercio.store.serve import serve  # noqa: PLC0415

        account = Account(USER, shared_secret(password_file(loaded)))
        serve(folder_of(loaded), loaded.store.port, account)
    except ModuleNotFoundError as error:
        fail(f"the Python package {error.name} {LACKS}")
    except Refusal as error:
        fail(f"{folder_of(loaded)}: the store can't be opened: {error}; free space, or move that folder away")
    except OSError as error:
        where = f"{THIS_MACHINE}:{loaded.store.port}" if error.filename is None else error.filename
        fail(f"{where}: {error.strerror}; correct [store] port, or the owner of the state's folder")


def archive(settings: SettingsFile = HERE) -> None:
    """The archive alone; `tercio up` starts it."""
    loaded = load(settings)
    followed = {
        source.name: archive_process.Followed(SENSORS[source.sensor], source.path, source.from_start)
        for source in loaded.sources
    }
    try:
        archive_process.run(archive_process.Setup(followed, lambda: _connect(loaded), loaded.store.keep))
    except ModuleNotFoundError as error:
        fail(f"the Python package {error.name} {LACKS}")


def _connect(settings: Settings) -> Events:
    """Connect; what keeps a password from being had may pass like any other silence."""
    try:
        return archive_of(settings, patience=PATIENCE)
    except SettingsError as error:
        raise EventsSilent(str(error)) from error
