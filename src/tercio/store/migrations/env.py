"""What Alembic runs: the versions, on the connection it was given, inside the transaction that is open there."""

from alembic import context

from tercio.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
