

import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
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
            name='Session',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('tenant', models.CharField(blank=True, help_text='Who shares topics with the owner.', max_length=64)),
                ('topic', models.CharField(blank=True, max_length=120, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9][A-Za-z0-9._:/-]{0,119}$')])),
                ('policy', models.CharField(choices=[('ephemeral', 'ephemeral'), ('pinned', 'pinned'), ('private', 'private')], max_length=10)),
                ('tier', models.CharField(choices=[('free', 'free'), ('paid', 'paid'), ('premium', 'premium'), ('ultra', 'ultra')], max_length=10)),
                ('settings', models.JSONField(blank=True, default=dict, help_text="Linnet's own settings of this call.")),
                ('stt_active', models.BooleanField(default=False)),
                ('state', models.CharField(choices=[('active', 'active'), ('closed', 'closed')], default='active', max_length=8)),
                ('close_reason', models.CharField(blank=True, choices=[('ended', 'ended'), ('idle', 'idle'), ('detached', 'detached'), ('max_lifetime', 'max_lifetime'), ('superseded', 'superseded'), ('interrupted', 'interrupted'), ('error', 'error'), ('staff', 'staff')], max_length=12)),
                ('started_at', models.DateTimeField()),
                ('last_activity_at', models.DateTimeField()),
                ('idle_timeout', models.DurationField(help_text='As the policy had it when the session started.')),
                ('expires_at', models.DateTimeField()),
                ('hard_expires_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('token_mac', models.BinaryField(max_length=32, null=True, unique=True)),
                ('epoch', models.PositiveIntegerField(default=1)),
                ('last_seq', models.PositiveIntegerField(default=0)),
                ('content_bytes', models.PositiveBigIntegerField(default=0, help_text='Size of the events before sealing.')),
                ('speaker_count', models.PositiveIntegerField(default=0)),
                ('labels', models.BinaryField(null=True)),
                ('labels_revision', models.PositiveIntegerField(default=0)),
                ('snapshot_removed_at', models.DateTimeField(blank=True, null=True)),
                ('snapshot_removed_because', models.CharField(blank=True, max_length=8)),
                ('sweep_after', models.DateTimeField()),
                ('close_attempts', models.PositiveSmallIntegerField(default=0)),
                ('close_failed_at', models.DateTimeField(blank=True, help_text='When closing first failed; nothing is lost meanwhile.', null=True)),
                ('close_error', models.CharField(blank=True, max_length=40)),
                ('quarantined_at', models.DateTimeField(blank=True, null=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-started_at', '-id'],
                'permissions': [('end_session', 'Can end a live session, saving its snapshot'), ('release_session', 'Can release a session from quarantine')],
            },
        ),
        migrations.CreateModel(
            name='ResumedSnapshot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('snapshot_id', models.UUIDField()),
                ('source_session_id', models.UUIDField(help_text='The session that the snapshot was made of.')),
                ('events', models.PositiveIntegerField()),
                ('after_seq', models.PositiveIntegerField(help_text='Where the break in the timeline shows.')),
                ('imported_at', models.DateTimeField()),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='resumed', to='sessions_app.session')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='JournalBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first_seq', models.PositiveIntegerField()),
                ('last_seq', models.PositiveIntegerField()),
                ('sealed', models.BinaryField()),
                ('created_at', models.DateTimeField()),
                ('answered_expires_at', models.DateTimeField(help_text='The deadline this append was answered with.')),
                ('idempotency_mac', models.BinaryField(max_length=32, null=True)),
                ('body_mac', models.BinaryField(max_length=32, null=True)),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sessions_app.session')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Entitlement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tier', models.CharField(choices=[('free', 'free'), ('paid', 'paid'), ('premium', 'premium'), ('ultra', 'ultra')], max_length=10)),
                ('valid_until', models.DateTimeField(blank=True, help_text='Empty: without an end. After this the user is on the free plan.', null=True)),
                ('tenant', models.CharField(blank=True, help_text='Users of one tenant share topics: only one of them can hold a topic at a time.', max_length=64)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('tier__in', ['free', 'paid', 'premium', 'ultra'])), name='entitlement_tier_known')],
            },
        ),
        migrations.CreateModel(
            name='Preferences',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('default_policy', models.CharField(blank=True, choices=[('ephemeral', 'ephemeral'), ('pinned', 'pinned'), ('private', 'private')], default='', max_length=10)),
                ('retention_days', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('recent_limit', models.PositiveSmallIntegerField(default=10)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'preferences',
                'constraints': [models.CheckConstraint(condition=models.Q(('default_policy__in', ['', 'ephemeral', 'pinned', 'private'])), name='preferences_policy_known'), models.CheckConstraint(condition=models.Q(('retention_days__isnull', True), ('retention_days__gte', 1), _connector='OR'), name='preferences_retention_positive'), models.CheckConstraint(condition=models.Q(('recent_limit__gte', 1), ('recent_limit__lte', 50)), name='preferences_recent_limit_in_range')],
            },
        ),
        migrations.AddIndex(
            model_name='session',
            index=models.Index(fields=['owner', '-started_at', '-id'], name='session_owner_newest'),
        ),
        migrations.AddIndex(
            model_name='session',
            index=models.Index(fields=['-started_at', '-id'], name='session_newest'),
        ),
        migrations.AddIndex(
            model_name='session',
            index=models.Index(condition=models.Q(('quarantined_at__isnull', True), ('state', 'active')), fields=['sweep_after'], name='session_sweep_due'),
        ),
        migrations.AddIndex(
            model_name='session',
            index=models.Index(condition=models.Q(('state', 'active')), fields=['owner'], name='session_owner_live'),
        ),
        migrations.AddIndex(
            model_name='session',
            index=models.Index(condition=models.Q(('quarantined_at__isnull', False)), fields=['quarantined_at'], name='session_quarantined'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(('policy__in', ['ephemeral', 'pinned', 'private'])), name='session_policy_known'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(('tier__in', ['free', 'paid', 'premium', 'ultra'])), name='session_tier_known'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(('close_reason__in', ['', 'ended', 'idle', 'detached', 'max_lifetime', 'superseded', 'interrupted', 'error', 'staff'])), name='session_reason_known'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('close_reason', ''), ('closed_at__isnull', True), ('state', 'active'), ('token_mac__isnull', False)), models.Q(('closed_at__isnull', False), ('state', 'closed'), ('token_mac__isnull', True), models.Q(('close_reason', ''), _negated=True)), _connector='OR'), name='session_state_and_reason_agree'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__lte', models.F('hard_expires_at')), ('last_activity_at__lte', models.F('expires_at')), ('started_at__lte', models.F('last_activity_at'))), name='session_clocks_in_order'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(('epoch__gte', 1)), name='session_epoch_from_one'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(('quarantined_at__isnull', True), ('state', 'active'), _connector='OR'), name='session_quarantine_is_live'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.UniqueConstraint(condition=models.Q(('close_failed_at__isnull', True), ('state', 'active'), models.Q(('topic', ''), _negated=True)), fields=('owner', 'topic'), name='session_one_live_per_owner_and_topic'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.UniqueConstraint(condition=models.Q(('close_failed_at__isnull', True), ('state', 'active'), models.Q(('topic', ''), _negated=True), models.Q(('tenant', ''), _negated=True)), fields=('tenant', 'topic'), name='session_one_live_per_tenant_and_topic'),
        ),
        migrations.AddConstraint(
            model_name='resumedsnapshot',
            constraint=models.UniqueConstraint(fields=('session', 'snapshot_id'), name='resumed_once_per_session'),
        ),
        migrations.AddConstraint(
            model_name='journalbatch',
            constraint=models.UniqueConstraint(condition=models.Q(('last_seq__gte', models.F('first_seq'))), fields=('session', 'last_seq'), name='journal_one_batch_per_seq'),
        ),
        migrations.AddConstraint(
            model_name='journalbatch',
            constraint=models.UniqueConstraint(condition=models.Q(('idempotency_mac__isnull', False)), fields=('session', 'idempotency_mac'), name='journal_one_batch_per_key'),
        ),
        migrations.AddConstraint(
            model_name='journalbatch',
            constraint=models.CheckConstraint(condition=models.Q(('first_seq__gte', 1), ('last_seq__gte', django.db.models.expressions.CombinedExpression(models.F('first_seq'), '-', models.Value(1)))), name='journal_seq_in_order'),
        ),
        migrations.AddConstraint(
            model_name='journalbatch',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('body_mac__isnull', True), ('idempotency_mac__isnull', True)), models.Q(('body_mac__isnull', False), ('idempotency_mac__isnull', False)), _connector='OR'), name='journal_key_has_body'),
        ),
    ]
