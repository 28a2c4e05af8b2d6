"""Where sockets lead."""

from django.urls import path

from workflows_app.live.consumers import LiveConsumer

websocket_urlpatterns = [path("ws/live/", LiveConsumer.as_asgi())]
