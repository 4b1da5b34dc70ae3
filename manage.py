#!/usr/bin/env python
"""Runs Django's commands, and this project's own."""

import os
import sys


def main() -> None:
    """Hand the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")
    if sys.argv[1:2] == ["bootstrap"]:
        # The settings need a SECRET_KEY, and the log files a folder: both come before Django.
        from linnet_sessions.firstrun import prepare

        prepare()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
