"""One file a version; each spells its own tables, so that a later change of the tables changes no older version."""
