"""Migrations as Alembic runs them: env.py and every version."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import tercio.store.migrations
from tercio.store.database import migrate, version, writer
from tercio.store.tables import METADATA, VERSION


def scripts() -> ScriptDirectory:
    settings = Config()
    settings.set_main_option("script_location", tercio.store.migrations.__path__[0])
    return ScriptDirectory.from_config(settings)


def test_migrating_nothing_makes_exactly_the_tables(tmp_path: Path):
    engine = writer(tmp_path / "state.db")
    with engine.begin() as connection:
        migrate(connection, tmp_path)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert version(connection, tmp_path) == VERSION
    engine.dispose()


def test_versions_are_one_line_of_four_digits_and_the_code_knows_the_last():
    found = list(scripts().walk_revisions())
    assert scripts().get_heads() == [VERSION]
    assert all(len(each.revision) == 4 and each.revision.isdecimal() for each in found)
    assert [each.revision for each in found] == sorted((each.revision for each in found), reverse=True)


def test_a_migration_that_is_broken_off_leaves_nothing(tmp_path: Path):
    engine = writer(tmp_path / "state.db")
    with engine.connect() as connection:
        transaction = connection.begin()
        migrate(connection, tmp_path)
        transaction.rollback()
        with connection.begin():
            assert not version(connection, tmp_path)
    engine.dispose()
