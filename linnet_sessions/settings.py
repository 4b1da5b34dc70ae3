"""Every setting, read from the environment (and from ``.env``) through django-environ.

``docs/settings.md`` explains each one; ``checks.py`` of the two apps validates the numbers at start.
A required secret has no default: a service without its own secrets does not start.
"""

import os
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

from csp import constants as csp

from linnet_sessions.environment import Environment, folder_of
from sessions_app.jsonbody import MAX_JOURNAL_BYTES
from sessions_app.live.database import THREADS as LIVE_THREADS

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()
# Values that are already in the environment win over the file.
Environment.read_env(os.environ.get("LINNET_ENV_FILE", BASE_DIR / ".env"))

#: Everything the service writes: database, keyring, broker, logs.
VAR_DIR = Path(env.str("LINNET_VAR", default=str(BASE_DIR / "var"))).resolve()

# --- Django -------------------------------------------------------------------------------------------

SECRET_KEY = env.secret("SECRET_KEY")
CLOUD_MODE = env.bool("CLOUD_MODE", default=False)
DEMO_MODE = env.bool("DEMO_MODE", default=False)
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "snapshots",
    "sessions_app",
]

MIDDLEWARE = [
    "sessions_app.middleware.ModeHeaderMiddleware",
    "linnet_sessions.page_headers.PageHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "sessions_app.middleware.IdentityMiddleware",
    "sessions_app.middleware.PaidTierMiddleware",
    "sessions_app.limiting.LimitMiddleware",
    "sessions_app.limiting.SignInLimitMiddleware",
]

# A redirect would turn a POST without the slash into a GET; an address that is not ours says so instead.
APPEND_SLASH = False
ROOT_URLCONF = "linnet_sessions.urls"
ASGI_APPLICATION = "linnet_sessions.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# As much as the largest body may have (docs/api.md), and never spooled to disk: it holds content, unsealed.
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_JOURNAL_BYTES

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"

#: How many requests a web process works on at a time; the others wait for their turn.
WEB_THREADS = env.int("WEB_THREADS", default=16)

# --- Pages, and who may use the API from other pages ----------------------------------------------------

#: Everything that a page loads is ours, and nothing is written into it: no inline script, no inline style.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [csp.NONE],
        "script-src": [csp.SELF],
        "style-src": [csp.SELF],
        "img-src": [csp.SELF, "data:"],
        "font-src": [csp.SELF],
        "connect-src": [csp.SELF],
        "form-action": [csp.SELF],
        "frame-ancestors": [csp.NONE],
        "base-uri": [csp.NONE],
    }
}
#: Origins of other front ends, which call the REST API with a token. Cookies are never taken from there.
CLIENT_ORIGINS = env.list("CLIENT_ORIGINS", default=[])
if CLIENT_ORIGINS:
    INSTALLED_APPS.append("corsheaders")
    MIDDLEWARE.insert(0, "corsheaders.middleware.CorsMiddleware")
    CORS_ALLOWED_ORIGINS = CLIENT_ORIGINS
    CORS_URLS_REGEX = r"^/api/v1/"
    CORS_ALLOW_CREDENTIALS = False
    CORS_ALLOW_METHODS = ["DELETE", "GET", "PATCH", "POST"]
    CORS_ALLOW_HEADERS = ["authorization", "content-type", "idempotency-key", "last-event-id", "x-session-token"]
    CORS_EXPOSE_HEADERS = ["allow", "content-disposition", "date", "retry-after"]
    CORS_PREFLIGHT_MAX_AGE = 600  # seconds

SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE = "Lax"
if CLOUD_MODE:
    # Behind TLS only. On one machine the service speaks plain HTTP to loopback, where these would lock
    # the person out of their own admin.
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    # A load balancer asks for the state past the proxy; the answer holds nothing that needs TLS.
    SECURE_REDIRECT_EXEMPT = [r"^health/?$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# --- Who is asking ------------------------------------------------------------------------------------

#: Self-hosted: the user who sits at this machine; empty: being here is not enough.
SELF_HOSTED_USER = env.str("SELF_HOSTED_USER", default="demo")
#: In a demo: live sessions of all visitors together.
DEMO_MAX_SESSIONS = env.int("DEMO_MAX_SESSIONS", default=10)
#: In the cloud: the key of Linnet's JWT, the header into which a proxy puts it, and the proxies that may.
DIRECTUS_JWT_SECRET = env.str("DIRECTUS_JWT_SECRET", default="")
CLOUD_SESSION_HEADER = env.str("CLOUD_SESSION_HEADER", default="X-CF-Session")
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])

# --- Database -----------------------------------------------------------------------------------------

DATABASE_PREPARE_THRESHOLD = env.int("DATABASE_PREPARE_THRESHOLD", default=5)
# One for each thread that may need one at a time, so that none waits for a connection (docs/adr/0017).
DATABASE_POOL_MAX = env.int("DATABASE_POOL_MAX", default=WEB_THREADS + LIVE_THREADS)
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # SQLite before 3.51.3 can corrupt a write-ahead log that is reset while it is read (docs/adr/0005).
    _journal_mode = "WAL" if sqlite3.sqlite_version_info >= (3, 51, 3) else "DELETE"
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # secure_delete overwrites what is deleted: a destroyed key must not stay readable in a free page.
        "init_command": (f"PRAGMA journal_mode={_journal_mode}; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"),
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["OPTIONS"] = {
        # A server that is gone without a word is given up within seconds, not after the kernel's many minutes.
        "connect_timeout": 5,  # seconds
        "keepalives_idle": 30,  # seconds
        "tcp_user_timeout": 20_000,  # milliseconds
        # What the address itself says (?sslmode=verify-full) wins over what is above.
        **DATABASES["default"].get("OPTIONS", {}),
        # Bound on the server, so that no value of ours is written into its error log; and planned once a connection:
        # measured, an append spends a third less time in the database.
        "server_side_binding": True,
        "prepare_threshold": DATABASE_PREPARE_THRESHOLD or None,
    }
    # Neither lasts where a pooler between gives each transaction to another of its connections.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = not DATABASE_PREPARE_THRESHOLD
    if DATABASE_POOL_MAX:
        # At most so many, and given back after each request (docs/adr/0010).
        DATABASES["default"]["OPTIONS"]["pool"] = {
            "min_size": 0,
            "max_size": DATABASE_POOL_MAX,
            # How long a request waits for a connection before it is answered with 503.
            "timeout": 3,  # seconds
            # Attempts start anew after this, so that they never get as rare as a back-off of minutes would make them.
            "reconnect_timeout": 5,  # seconds
        }

# --- Cache --------------------------------------------------------------------------------------------

#: Counters of the rate limits, and what the licence server said last. Nothing is lost with it, and without it the
#: service is right, only not limited, and the licence server is asked more often.
_cache = env.cache_url("CACHE_URL", default="locmemcache://")
# django-environ spells ?key_prefix= in a Redis address small, where Django looks for it in capitals.
CACHES: dict[str, dict[str, Any]] = {
    "default": {"KEY_PREFIX": "linnet", **{name.upper(): value for name, value in _cache.items()}}
}
_cache_options = CACHES["default"].setdefault("OPTIONS", {})
if CACHES["default"]["BACKEND"] == "django.core.cache.backends.redis.RedisCache":
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # One short try: nobody should wait for something that the request can do without.
    _cache_options |= {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "retry": Retry(NoBackoff(), 0)}
    _cache_options["pool_class"] = "linnet_sessions.redis_pool.SharedPool"
else:
    _cache_options.setdefault("MAX_ENTRIES", 100_000)
#: The licence server's last answer stands in for it for a day: it must not be forgotten when a process ends.
CACHES["plans"] = CACHES["default"]
if CACHES["default"]["BACKEND"] == "django.core.cache.backends.locmem.LocMemCache":
    CACHES["plans"] = {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(VAR_DIR / "plans"),
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }

# --- Live ---------------------------------------------------------------------------------------------

#: Between the web processes of many machines; empty: each process tells its own streams, the database the others'.
LIVE_BUS_URL = env.str("LIVE_BUS_URL", default="")
#: Streams that one user may have open on one web process.
STREAM_MAX_OPEN = env.int("STREAM_MAX_OPEN", default=50)

# --- Sessions, leases, retention ----------------------------------------------------------------------

SESSION_IDLE_TTL_S = env.int("SESSION_IDLE_TTL_S", default=90)
SESSION_PAID_TTL_S = env.int("SESSION_PAID_TTL_S", default=1800)
SESSION_PRIVATE_TTL_S = env.int("SESSION_PRIVATE_TTL_S", default=2700)
SESSION_MAX_LIFETIME_S = env.int("SESSION_MAX_LIFETIME_S", default=43_200)
SESSION_MAX_LIVE = env.int("SESSION_MAX_LIVE", default=5)
SWEEP_INTERVAL_S = env.int("SWEEP_INTERVAL_S", default=30)
SNAPSHOT_RETENTION_DAYS = env.int("SNAPSHOT_RETENTION_DAYS", default=30)
SNAPSHOT_RETENTION_ENDED_DAYS = env.int("SNAPSHOT_RETENTION_ENDED_DAYS", default=14)
API_WRITES_PER_MINUTE = env.int("API_WRITES_PER_MINUTE", default=1200)
API_STARTS_PER_MINUTE = env.int("API_STARTS_PER_MINUTE", default=60)
SIGN_IN_TRIES_PER_MINUTE = env.int("SIGN_IN_TRIES_PER_MINUTE", default=6)
TIER_RESOLVER = env.str("TIER_RESOLVER", default="local")
HEIMDALL_URL = env.str("HEIMDALL_URL", default="")
HEIMDALL_ADMIN_TOKEN = env.str("HEIMDALL_ADMIN_TOKEN", default="")
LINNET_LICENSE_KEY = env.str("LINNET_LICENSE_KEY", default="")

#: The key-encryption keys: a file, or the same JSON in a variable.
SNAPSHOT_KEYRING_FILE = env.str("SNAPSHOT_KEYRING_FILE", default=str(VAR_DIR / "keyring.json"))
SNAPSHOT_KEYRING = env.str("SNAPSHOT_KEYRING", default="")

# --- Celery -------------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://localhost")
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if CELERY_BROKER_URL.startswith("filesystem://"):
    _broker = VAR_DIR / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker / "messages"),
        "data_folder_out": str(_broker / "messages"),
        "control_folder": str(_broker / "control"),
    }
elif CELERY_BROKER_URL.startswith("redis"):
    # Redis hands a message out again that was not acknowledged in this time: longer than any task may take.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600}  # seconds
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Never give up: the broker's return needs nobody to restart the workers.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_DEFAULT_QUEUE = env.str("CELERY_TASK_DEFAULT_QUEUE", default="linnet")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
# An entry that was not picked up within its interval is dropped: the next one does the same work.
CELERY_BEAT_SCHEDULE = {
    "close sessions past their deadline": {
        "task": "sessions_app.tasks.sweep",
        "schedule": SWEEP_INTERVAL_S,
        "options": {"expire_seconds": SWEEP_INTERVAL_S},
    },
    "purge snapshots past their retention": {
        "task": "sessions_app.tasks.purge_snapshots",
        "schedule": 3600,
        "options": {"expire_seconds": 3600},
    },
}

# --- REST ---------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["sessions_app.api.authentication.MiddlewareAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["sessions_app.api.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "sessions_app.api.schema.Description",
    "DEFAULT_VERSIONING_CLASS": None,
    "EXCEPTION_HANDLER": "sessions_app.api.problems.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
API_TOKEN_TTL_DAYS = env.int("API_TOKEN_TTL_DAYS", default=90)
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=API_TOKEN_TTL_DAYS),
    "TOKEN_PREFIX": "lna_",
    "AUTO_REFRESH": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Linnet Sessions",
    "DESCRIPTION": (
        "Keeps Linnet's annotated conversations: leases, sealed snapshots, resume. Errors are problem documents "
        "(RFC 9457) with a stable `code`; [all codes](/api/docs/errors/). A method that an address does not take is "
        "answered with 405 and the header `Allow`."
    ),
    "TAGS": [
        {"name": "sessions", "description": "Live sessions and closed ones, and the live stream."},
        {"name": "snapshots", "description": "What is kept of closed sessions: export, retention, import."},
        {"name": "settings", "description": "The user's preferences, and everything that the settings panel shows."},
        {"name": "journal", "description": "An annotator's bulk append."},
    ],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "sessions_app.api.schema.as_markdown",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {"PolicyEnum": ["ephemeral", "pinned", "private"]},
}

# --- Logs ---------------------------------------------------------------------------------------------

#: A file beside the console; empty for the console alone, as in a container.
LOG_FILE = env.str("LOG_FILE", default=str(VAR_DIR / "log" / "linnet.log"))
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    # No handler but these, so that no library writes an exception's text, which may quote content.
    "formatters": {
        "line": {
            "class": "linnet_sessions.logs.ContentFreeFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {
        # Whatever level a worker is started with, which is the root's then: what was closed and purged is told.
        "linnet_sessions": {"level": "INFO"},
        "sessions_app": {"level": "INFO"},
        "snapshots": {"level": "INFO"},
        # Refused requests are the caller's to see; a path or a host that somebody made up does not belong in our log.
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "CRITICAL"},
        # Instead of the handlers that uvicorn gave it.
        "uvicorn": {"level": "INFO", "handlers": [], "propagate": True},
        # Never, whatever the command line says: an address may hold a ticket.
        "uvicorn.access": {"handlers": [], "propagate": False},
        # Celery gives handlers of its own to those of its loggers that have none.
        "celery.task": {"handlers": ["console"], "propagate": False},
        "multiprocessing": {"handlers": ["console"], "propagate": False},
        # At INFO it would write several lines a request.
        "psycopg.pool": {"level": "WARNING"},
    },
}
if LOG_FILE:
    folder_of(LOG_FILE, var="LOG_FILE")
    LOGGING["handlers"]["file"] = {
        "class": "logging.handlers.WatchedFileHandler",
        "filename": LOG_FILE,
        "delay": True,
        "formatter": "line",
    }
    for _logger in (LOGGING["root"], LOGGING["loggers"]["celery.task"], LOGGING["loggers"]["multiprocessing"]):
        _logger["handlers"].append("file")
