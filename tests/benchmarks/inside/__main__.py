"""Reads one step a line, ``["module.function", {arguments}]``, does it, and writes what it returns as JSON."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")
django.setup()

for line in sys.stdin:
    step, arguments = json.loads(line)
    module, _, function = step.partition(".")
    told = getattr(import_module(f"tests.benchmarks.inside.{module}"), function)(**arguments)
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
