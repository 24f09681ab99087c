"""Where these settings keep all lines, and how to connect to it."""

import os
from pathlib import Path

from tercio.app.assemble import site_of
from tercio.app.settings import Settings, SettingsError, wrong
from tercio.app.storesettings import USER, Kind
from tercio.store.clickhouse import THIS_MACHINE
from tercio.store.events import Events
from tercio.store.keys import KeyUnusable
from tercio.store.secret import read_secret


def folder_of(settings: Settings) -> Path:
    """Where the embedded store lies."""
    return settings.state / "events"


def password_file(settings: Settings) -> Path:
    """Where the embedded store's password lies, once it was started."""
    return settings.state / "store.password"


def url_of(settings: Settings) -> str:
    """The store's address."""
    store = settings.store
    return store.url if store.kind == Kind.CLICKHOUSE else f"http://{THIS_MACHINE}:{store.port}"


def archive_of(settings: Settings, *, patience: int = 300) -> Events:
    """This site's part of the store. Raises SettingsError where the settings name none or its password is not to be
    had, EventsSilent where it does not answer within ``patience`` seconds."""
    if settings.store.kind == Kind.NONE:
        raise SettingsError(
            f"{settings.file}: nothing is kept of the past beyond what findings cite: the settings have no store; "
            f'write [store] with kind = "{Kind.EMBEDDED}", and start `tercio up`'
        )
    user = settings.store.user if settings.store.kind == Kind.CLICKHOUSE else USER
    return Events.connect(url_of(settings), user, password_of(settings), site_of(settings).name, patience=patience)


def password_of(settings: Settings) -> str:
    """The store's password. Raises SettingsError."""
    store = settings.store
    if store.kind == Kind.CLICKHOUSE and store.password_env:
        found = os.environ.get(store.password_env, "")
        if not found:
            words = (
                f"names the variable {store.password_env}, which is not set here; set it for every command that asks"
            )
            raise wrong(settings, [(("store", "password_env"), words)])
        return found
    path = store.password_file if store.kind == Kind.CLICKHOUSE else password_file(settings)
    try:
        return read_secret(path) if path is not None else ""
    except FileNotFoundError:
        made = (
            "it is made when the store first starts: start `tercio up`" if store.kind == Kind.EMBEDDED else "write it"
        )
        raise SettingsError(f"{path} with the store's password does not exist; {made}") from None
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; ask as the user that runs Tercio") from None
    except KeyUnusable as error:
        raise SettingsError(str(error)) from None
