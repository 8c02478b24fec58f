"""What a prompt preset runs on: see ``protocol``."""
