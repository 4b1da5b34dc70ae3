"""Steps that run beside the service's own code, in a process of their own: ``python -m tests.benchmarks.inside``."""
