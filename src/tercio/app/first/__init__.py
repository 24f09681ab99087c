"""The first files of a site, for ``tercio init``: small, complete, in shadow; each line says what it is for."""
