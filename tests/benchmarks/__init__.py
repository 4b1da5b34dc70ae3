"""How fast the service is, beside the least that the same work could cost on the same machine.

``python -m tests.benchmarks`` measures every figure, ``python -m tests.benchmarks NAME …`` some of them, and
``--quick`` only tries whether they still run. Each figure is a ratio: the service and its baseline take turns on one
server, so that a slow machine or a busy minute slows both. The result is a table, and ``var/bench.json``.

``figures/`` says what is measured. What needs Django runs in processes of their own: ``inside/`` beside the service's
code, ``bare/`` as the baselines' web server. ``load.py`` is the process that sends the requests.
"""
