"""The parts of production: PostgreSQL, Redis, RabbitMQ and nginx, with web, worker and beat as processes of their own.

``make test-production`` runs these tests. The servers are looked for at their usual ports of this machine;
``DATABASE_URL``, ``CELERY_BROKER_URL`` and ``CACHE_URL`` name others. nginx need only be there (Debian: ``nginx``).
"""
