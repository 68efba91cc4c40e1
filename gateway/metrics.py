"""`/metrics`, for a Prometheus server that the operator gave the token to.

Coming from this machine proves nothing: behind a proxy on the same machine, everybody does.
"""

from secrets import compare_digest

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.settings import Settings


async def endpoint(request: Request) -> Response:
    """The counts of this process. Without a token in the settings, there is nothing here."""
    settings: Settings = request.app.state.settings
    if settings.metrics_token is None:
        raise HTTPException(404)
    given = request.headers.get("authorization", "")
    if not compare_digest(given.encode(), f"Bearer {settings.metrics_token}".encode()):
        raise HTTPException(401, "Send the token.", {"WWW-Authenticate": "Bearer"})
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    headers = {"Content-Type": media_type, "Cache-Control": "no-store"}
    return Response(encode(REGISTRY), headers=headers)
