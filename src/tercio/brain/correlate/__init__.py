"""Finding -> Incident: one incident from IT foothold to PLC, beliefs about assets, the state of processes."""
