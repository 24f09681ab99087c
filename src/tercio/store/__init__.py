"""What outlives a restart: the state, its journal, and how both are proved. The folder holds ``state.db`` (SQLite),
``state.lock``, ``journal.key`` and ``journal.pub``, and ``state.reserve``: space set aside for when the disk is full.
"""
