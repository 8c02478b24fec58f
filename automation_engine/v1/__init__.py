"""Messages and services of ``automation_engine.v1``, generated from ``proto/``: edit there, then run ``proto/generate.sh``."""
