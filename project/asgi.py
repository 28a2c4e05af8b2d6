"""Web entry point: pages and API by HTTP, live changes by WebSocket."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

from project.handler import http_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
http = http_application()  # loads the apps: what follows needs them

from project.intake import EventIntake  # noqa: E402
from workflows_app.live.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": EventIntake(http),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
        ),
    }
)
