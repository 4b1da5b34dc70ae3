

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='KeyCanary',
            fields=[
                ('key_id', models.UUIDField(primary_key=True, serialize=False)),
                ('wrapped', models.BinaryField()),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='UserKey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kek_id', models.UUIDField(db_index=True)),
                ('wrapped', models.BinaryField()),
                ('stored_bytes', models.PositiveBigIntegerField(default=0, help_text='Sum of the sizes of the snapshots.')),
                ('created_at', models.DateTimeField()),
                ('owner', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='SessionKey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('session_id', models.UUIDField(unique=True)),
                ('wrapped', models.BinaryField()),
                ('created_at', models.DateTimeField()),
                ('user_key', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='snapshots.userkey')),
            ],
        ),
        migrations.CreateModel(
            name='Snapshot',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('session_id', models.UUIDField(unique=True)),
                ('annotations', models.BinaryField()),
                ('labels', models.BinaryField()),
                ('labels_revision', models.PositiveIntegerField()),
                ('event_count', models.PositiveIntegerField()),
                ('speaker_count', models.PositiveIntegerField()),
                ('size', models.PositiveBigIntegerField(help_text='Sealed bytes.')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(blank=True, help_text='Empty: kept by the user.', null=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
                'permissions': [('keep_snapshot', 'Can keep a snapshot beyond its retention'), ('purge_snapshot', 'Can purge a snapshot before its retention is over')],
                'indexes': [models.Index(fields=['owner', '-created_at', '-id'], name='snapshot_owner_newest'), models.Index(fields=['-created_at', '-id'], name='snapshot_newest'), models.Index(condition=models.Q(('expires_at__isnull', False)), fields=['expires_at'], name='snapshot_expiry')],
                'constraints': [models.CheckConstraint(condition=models.Q(('expires_at__isnull', True), ('expires_at__gte', models.F('created_at')), _connector='OR'), name='snapshot_expires_after_birth')],
            },
        ),
    ]
