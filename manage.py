#!/usr/bin/env python
"""Runs Django's commands, and this project's own."""

import os
import sys


def main() -> None:
    """Hand the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")
    # A command does one thing at a time; and a pool would only say after seconds that no connection can be had.
    os.environ.setdefault("DATABASE_POOL_MAX", "0")
    if sys.argv[1:2] == ["bootstrap"]:
        # The settings need a SECRET_KEY, and the log files a folder: both come before Django.
        from linnet_sessions.firstrun import prepare

        prepare()
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError, InterfaceError

    try:
        execute_from_command_line(sys.argv)
    except (DatabaseError, InterfaceError):
        from linnet_sessions.reach import why_no_database

        if reason := why_no_database(makes_tables=sys.argv[1:2] in (["bootstrap"], ["migrate"])):
            sys.exit(reason)
        raise


if __name__ == "__main__":
    main()
