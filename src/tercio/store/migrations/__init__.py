"""How a state of one version becomes one of the next: run by the loop when it opens the state, by nobody else."""
