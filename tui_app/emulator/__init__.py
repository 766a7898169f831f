"""The remote platform in one process, for the demo, the tests and other people's clients; speaks only the wire.

Nothing here may import the client's models or transport: shared code would let both agree on one mistake.
"""
