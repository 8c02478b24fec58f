"""Performing what was decided: ticks, the doorbell queue, and one performer for each kind of work."""
