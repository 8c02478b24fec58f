"""Storage behind one small protocol: see ``protocol``."""
