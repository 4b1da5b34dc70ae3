"""Leave room in the pages of the sessions table, so that an append's update stays in its page (a HOT update).

Measured on PostgreSQL 15: without room, and with an index on the heartbeat, no update is HOT; see ADR 0002.
"""

from django.db import migrations


def set_fillfactor(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE sessions_app_session SET (fillfactor = 70)")


def reset_fillfactor(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE sessions_app_session RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0001_initial")]

    operations = [migrations.RunPython(set_fillfactor, reset_fillfactor)]
