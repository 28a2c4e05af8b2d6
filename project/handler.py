"""Django's ASGI handler, with each request carried out whole in one thread."""

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneThreadHandler(ASGIHandler):
    """Passes a request to a thread once, instead of once for each step of each middleware.

    Nothing here waits in the event loop: views and middleware ask the database, and Django would
    hand each of their halves to a thread and back.
    """

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer in the request's own thread, which is where its connection is closed too."""
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)


def http_application() -> OneThreadHandler:
    """Load the apps and give the application for pages and the API."""
    django.setup(set_prefix=False)
    return OneThreadHandler()
