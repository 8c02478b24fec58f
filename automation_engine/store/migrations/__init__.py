"""The schema's history, applied at every start; ``docs/architecture.md`` says how to add to it."""
