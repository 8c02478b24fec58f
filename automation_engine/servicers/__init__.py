"""gRPC servicers, one per service, and the interceptors that stand before all of them.

A servicer reads and writes rows and messages; it never performs work. "Run now" is a stored event.
"""
