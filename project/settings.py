"""Settings, all from the environment; docs/configuration.md lists them."""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from django.utils.csp import CSP

from project.environment import (
    database_settings,
    embedded_broker_url,
    embedded_database_url,
    env_bool,
    env_days,
    env_int,
    env_list,
    env_text,
    extra_apps,
    home_folder,
    listen_address,
    secret_key,
)

BASE_DIR = Path(__file__).resolve().parent.parent
ROLE = env_text("COUNTERSIGN_ROLE", "manage")

# --- This installation ---------------------------------------------------------------------
COUNTERSIGN_HOME = home_folder()
HOST = env_text("HOST", "127.0.0.1")
PORT = env_int("PORT", 8000)
PUBLIC_URL = env_text("PUBLIC_URL").rstrip("/")  # as people reach it, where a proxy stands before
SECRET_KEY = secret_key(COUNTERSIGN_HOME)
DEBUG = env_bool("DEBUG")
LOG_LEVEL = env_text("LOG_LEVEL", "INFO").upper()

# --- Engine --------------------------------------------------------------------------------
WORKERS = env_int("WORKERS", 1, lowest=1)
WORKER_SLOTS = env_int("WORKER_SLOTS", 32, lowest=1)
LEASE_SECONDS = env_int("LEASE_SECONDS", 30, lowest=1)
EVENTS_KEPT_DAYS = env_days("EVENTS_KEPT_DAYS", 90)
DELIVERIES_KEPT_DAYS = env_days("DELIVERIES_KEPT_DAYS", 30)

# --- Agents --------------------------------------------------------------------------------
ANTHROPIC_API_KEY = env_text("ANTHROPIC_API_KEY")
ANTHROPIC_BASE_URL = env_text("ANTHROPIC_BASE_URL")
STAND_IN = env_bool("STAND_IN")
EGRESS_ALLOW = env_list("EGRESS_ALLOW")  # host:port that guarded HTTP may reach although private

# --- Mail: printed unless there is a server -------------------------------------------------
EMAIL_SERVER = env_text("EMAIL_HOST")
MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": EMAIL_SERVER,
            "port": env_int("EMAIL_PORT", 587),
            "username": env_text("EMAIL_HOST_USER"),
            "password": env_text("EMAIL_HOST_PASSWORD"),
            "use_tls": env_bool("EMAIL_USE_TLS", True),
            "timeout": 5,  # seconds; below idle_in_transaction_session_timeout
        },
    }
    if EMAIL_SERVER
    else {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
}
DEFAULT_FROM_EMAIL = env_text("DEFAULT_FROM_EMAIL", "countersign@localhost")

# --- Who may ask ---------------------------------------------------------------------------
_public = urlsplit(PUBLIC_URL)
IS_HTTPS = _public.scheme == "https"
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS") or sorted(
    {"localhost", "127.0.0.1", "[::1]", HOST, _public.hostname or "localhost"} - {"0.0.0.0", "::"}  # noqa: S104
)
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"] if PUBLIC_URL else []

# --- Database and broker -------------------------------------------------------------------
DATABASE_URL = env_text("DATABASE_URL")
DATABASE_POOL = env_int("DATABASE_POOL", 8, lowest=1)  # connections of one process, at most
DATABASES = {
    "default": database_settings(
        DATABASE_URL or embedded_database_url(COUNTERSIGN_HOME),
        role=ROLE,
        pool_size=0 if ROLE in ("manage", "prepare") else DATABASE_POOL,
    )
}
# The live relay's own connection; behind a transaction-mode pooler, give it a direct address.
LISTEN_DSN = listen_address(
    env_text("LISTEN_DATABASE_URL") or DATABASE_URL or embedded_database_url(COUNTERSIGN_HOME),
    role=ROLE,
)
BROKER_URL = env_text("BROKER_URL") or embedded_broker_url(COUNTERSIGN_HOME)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# A message is a nudge and the row is the truth: so messages are acknowledged early, never
# repeated, never delayed, and give no result.
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 3
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_connect_timeout": 3,
    "socket_timeout": 30,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "steps"
CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum" if BROKER_URL.startswith("amqp") else "classic"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 0

# --- Django --------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "channels",
    "workflows_app",
    "workflows_app.agents",
    "workflows_app.evidence",
    "workflows_app.gallery",
    "approvals_app",
    *extra_apps(),  # of the operator: they bring kinds and tools of their own
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "project.static_files.StaticFilesMiddleware",
    "project.errors.problem_middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
AUTH_USER_MODEL = "workflows_app.User"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en-gb"
DATA_UPLOAD_MAX_MEMORY_SIZE = 26_500_000  # an input may have 25 MB, and its envelope some more

STATIC_URL = "/static/"
STATIC_ROOT = None  # nothing is collected: files are served from where they are
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- Browser rules -------------------------------------------------------------------------
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
# Installations on one machine share cookies, whatever their ports: each has a name of its own.
SESSION_COOKIE_NAME = "countersign_" + hashlib.sha256(SECRET_KEY.encode()).hexdigest()[:8]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = IS_HTTPS

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": f"%(asctime)s %(levelname)s {ROLE} %(name)s: %(message)s"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "celery": {"level": env_text("CELERY_LOG_LEVEL", "WARNING").upper()},
        "httpx": {"level": "WARNING"},
        "mcp": {"level": "WARNING"},
        "uvicorn": {"level": "WARNING"},
    },
}
