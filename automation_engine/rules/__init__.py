"""The rule engine: pure values and functions of *(state, event, now)*.

No clock, no I/O, no database: what is decided here can be replayed, simulated and proven. ``engine.decide`` is the only
way in.
"""
