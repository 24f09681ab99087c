"""The loop: one pure turn (``engine``), and the shell that has the only clock (``run``)."""
