from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from tercio.store import tables


def test_the_tables_are_sql_for_both_databases():
    for table in tables.METADATA.sorted_tables:
        on_postgres = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        on_sqlite = str(CreateTable(table).compile(dialect=sqlite.dialect()))
        wide = [column.name for column in table.columns if column.type is tables.NUMBER]
        assert on_postgres.count("BIGINT") == len(wide)
        assert "BIGINT" not in on_sqlite
        assert all(f"{name} INTEGER" in on_sqlite.replace('"', "") for name in wide)


def test_every_row_has_a_name():
    assert all(len(table.primary_key) for table in tables.METADATA.sorted_tables)


def test_only_salt_and_body_of_the_journal_may_go():
    assert {c.name for t in tables.METADATA.sorted_tables for c in t.columns if c.nullable} == {"salt", "body"}
