"""The live stream: what happens in a session, told to whoever watches it.

From below: ``messages`` are what the services publish; ``bus`` carries them to the processes with open streams, in
process or over ``redis_bus``; ``sse`` writes events as text. Above the services: the ``hub`` holds the open streams of
one process, by session in ``channel``; ``watcher`` learns from the database what no bus told; ``stream`` is one open
stream; ``handover`` takes a request from a Django view, so that an open stream holds neither thread nor connection.

The bus may lose anything: each stream knows the last number it sent, and reads the journal where one is missing.
``docs/adr/0014-live-stream.md`` says why it is made like this.
"""
