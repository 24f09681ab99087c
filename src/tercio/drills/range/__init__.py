"""The plant range: three zones in network namespaces, a line that can trip, look-alikes that tempt a hasty defender.

``python -m tercio.drills.range --folder F`` runs it without any defence; ``range.Range`` is what drills build on.
Nothing here leaves the namespaces that the sandbox made.
"""
