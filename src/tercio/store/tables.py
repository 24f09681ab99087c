"""The tables of the state, in SQL that SQLite and PostgreSQL share.

The journal is the truth of what was intended. ``incidents``, ``commands`` and ``effects`` are its projection: the
latest body journaled of each, beside the columns they are listed by.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

VERSION = "0001"
"""The newest migration. Versions are four digits and grow: a larger one is a newer one."""

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits; SQLite makes only an INTEGER primary key the row's own number."""

METADATA = MetaData()

LOG = Table(
    "log",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("size", NUMBER, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
)
"""One row: the log's name, and what must be kept of it to append (32 bytes a peak)."""

JOURNAL = Table(
    "journal",
    METADATA,
    Column("seq", NUMBER, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("time", NUMBER, nullable=False),
    Column("salt", LargeBinary),
    Column("body", LargeBinary),
    Column("digest", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Index("journal_subject", "subject", "seq"),
    Index("journal_kind", "kind", "seq"),
)
"""One row a leaf, ``seq`` from 1 without gaps. An erased row has neither salt nor body."""

CHECKPOINTS = Table(
    "checkpoints",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("size", NUMBER, nullable=False, unique=True),
    Column("note", Text, nullable=False),
)
"""One signed note for each commit that journaled something, ``number`` from 1 without gaps; the first is of size 0."""

OFFSETS = Table(
    "offsets",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("generation", Text, nullable=False),
    Column("offset", NUMBER, nullable=False),
)

SNAPSHOT = Table(
    "snapshot",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

CITED = Table(
    "cited",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("event", LargeBinary, nullable=False),
    Column("raw", LargeBinary, nullable=False),
)

UNPARSED = Table(
    "unparsed",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("generation", Text, nullable=False),
    Column("offset", NUMBER, nullable=False),
    Column("length", NUMBER, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
)
"""The latest lines of each source that nobody understood: a ring of slots. ``length`` is that of the whole line."""

UNPARSED_COUNTS = Table(
    "unparsed_counts",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("total", NUMBER, nullable=False),
)

INCIDENTS = Table(
    "incidents",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("opened", NUMBER, nullable=False),
    Column("updated", NUMBER, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("incidents_updated", "updated", "id"),
    Index("incidents_status", "status", "updated"),
)

COMMANDS = Table(
    "commands",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("lease", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("commands_state", "state"),
)

EFFECTS = Table(
    "effects",
    METADATA,
    Column("lease", Text, primary_key=True),
    Column("incident", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("until", NUMBER, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("effects_state", "state"),
)
