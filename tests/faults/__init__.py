"""The fault harness: real processes, real clients, and something is killed all the time.

``python -m tests.faults --seconds 60`` (or ``--kills 1000``) starts two groups of web processes, two Celery workers and
beat on servers of its own (PostgreSQL, Redis, RabbitMQ), lets clients work on sessions, kills what it can, the servers
too, and then proves from the database and the API that nothing acknowledged was lost. Afterwards it does the same to
variants of the service that are wrong on purpose, and fails if it finds no fault in them: a harness that finds nothing
anywhere proves nothing.

Nothing in the service knows of it. The processes start through ``tests.faults.web`` and ``tests.faults.worker``,
which wrap the database's commit from outside (``failpoints``).
"""

#: The variable that names the run's own queue in the broker.
QUEUE = "FAULTS_QUEUE"
