"""What to tell a person whose command met no database."""

from django.db import InterfaceError, OperationalError, connection

from snapshots.models import UserKey


def why_no_database(*, makes_tables: bool) -> str:
    """One sentence that says where it was looked for, without the password; empty when it is there, with our tables.

    The classes of errors don't tell: a lock that is held too long and a table that is missing have the same one.
    """
    connection.close()
    try:
        connection.ensure_connection()
    except (InterfaceError, OperationalError) as error:
        return (
            f"The database can't be reached at {_address()} ({type(error).__name__}): check DATABASE_URL, and that the "
            "database's server runs."
        )
    if makes_tables or UserKey._meta.db_table in connection.introspection.table_names():
        return ""
    return (
        f"The database at {_address()} has no tables of this service yet: check LINNET_VAR and DATABASE_URL, or run "
        "`python manage.py migrate` (on one machine `make run` makes everything)."
    )


def _address() -> str:
    """As in ``DATABASE_URL``. Its options are left out: one of them may be a password, too."""
    at = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{at['NAME']}"
    user = f"{at['USER']}@" if at["USER"] else ""
    port = f":{at['PORT']}" if at["PORT"] else ""
    return f"postgres://{user}{at['HOST']}{port}/{at['NAME']}"
