"""The ASGI application: one process serves every door."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
)
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from gateway import answers, audit_export, metrics, scim_door, sign_in
from gateway.client_address import ClientAddressMiddleware
from gateway.graphql import door as graphql_door
from gateway.graphql.documents import SentBefore
from gateway.mailing import courier_of, mailing
from gateway.pages import PAGE_HEADERS, page
from gateway.posting import posting
from gateway.rate_limits import RateLimits
from gateway.recording import recording
from gateway.request_id import RequestIdMiddleware
from gateway.settings import Settings
from gateway.streams import server_sent, socket
from gateway.streams.bounds import Places, StreamBounds
from gateway.streams.reservations import Reservations
from gateway.streams.stopping import told_to_stop
from gateway.worker import working
from identity import retention
from identity.credentials.key_tokens import installation
from identity.facts import hearing
from identity.mail import Courier
from identity.refusals import Refusal
from identity.webhooks import managing as webhooks
from models.database import opened
from models.migrating import pending, require_migrated
from schema.schema import engine
from schema.sdl import sdl

GARBAGE_THRESHOLD = 50_000
"""New objects after which the youngest are looked through."""

STATIC = Path(__file__).parent / "static"

GRAPHIQL_POLICY = (
    "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'sha256-nzTgYzXYDNe6BAHiiI7NNlfK8n/auuOAhh2t92YvuXo='; "
    "connect-src 'self'; img-src 'self' data:; font-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""The hash is that of the one style element that GraphiQL's dialogs add to lock scrolling."""


def application(
    settings: Settings,
    *,
    more_routes: tuple[BaseRoute, ...] = (),
    stream_bounds: StreamBounds | None = None,
    courier: Courier | None = None,
) -> Starlette:
    """The application on these settings. It opens the database when it starts, and raises
    `NotMigrated` then if the tables are not those of this version. `more_routes` come first.
    `stream_bounds` and `courier` are those of the settings, unless others are given.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with opened(settings.database_url, settings.keys()):
            await require_migrated()
            engine.require_mapped()
            webhooks.use(allow_loopback=settings.allow_loopback_webhooks)
            retention.use(settings.audit_retention_days)
            alone = settings.sqlite_path is not None  # no worker beside it
            installation.use(settings.api_key_environment)
            async with (
                hearing(),
                mailing(courier or courier_of(settings)),
                recording(),
                working() if alone else nullcontext(),
                posting() if alone else nullcontext(),
                aclosing(app.state.rate_limits),
            ):
                leave_start_up_alone()
                with told_to_stop(app.state.stopping):
                    yield

    app = Starlette(
        routes=[*more_routes, *_routes()],
        middleware=[*_addresses(settings), Middleware(RequestIdMiddleware)],
        exception_handlers={
            Refusal: answers.on_refusal,
            HTTPException: answers.on_http_exception,
            Exception: answers.on_failure,
        },
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.sent_before = SentBefore()
    app.state.rate_limits = RateLimits(settings)
    app.state.stopping = asyncio.Event()
    app.state.stream_bounds = stream_bounds or StreamBounds(
        per_session=settings.streams_per_session,
        per_organization=settings.streams_per_organization,
        per_process=settings.streams_per_process,
    )
    app.state.stream_places = Places(app.state.stream_bounds)
    app.state.export_places = Places(audit_export.BOUNDS)
    app.state.stream_reservations = Reservations(app.state.stream_bounds, app.state.stream_places)
    return app


def _routes() -> list[BaseRoute]:
    """The doors, by their addresses."""
    return [
        Route("/graphql", graphql_door.endpoint, methods=graphql_door.METHODS),
        Route("/", home),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics.endpoint),
        Route("/graphql/stream", server_sent.endpoint, methods=server_sent.METHODS),
        WebSocketRoute("/graphql/stream", socket.endpoint),
        Route("/audit/export", audit_export.endpoint, methods=audit_export.METHODS),
        Route("/graphiql", graphiql),
        Route("/schema.graphql", schema_document),
        Route("/scim/v2", scim_door.endpoint, methods=scim_door.METHODS),
        Route("/scim/v2/{path:path}", scim_door.endpoint, methods=scim_door.METHODS),
        *sign_in.routes,
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


def _addresses(settings: Settings) -> list[Middleware]:
    """What tells clients apart behind trusted proxies, if there are any."""
    if not settings.trusted_proxies:
        return []
    return [Middleware(ClientAddressMiddleware, proxies=settings.trusted_proxies)]


def leave_start_up_alone() -> None:
    """Take what start-up made, which stays, out of the garbage collector's sight, and let it look
    less often: an answer makes thousands of small objects that reference counting frees alone.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, 20, 50)


async def home(request: Request) -> Response:
    return HTMLResponse(
        page(
            "Gatepost",
            "<p>A GraphQL gateway with SSO and SCIM.</p>"
            '<p><a class="button" href="/auth/login">Sign in</a></p>'
            '<p class="fine"><a href="/graphiql">GraphiQL</a> · '
            '<a href="/schema.graphql">Schema</a></p>',
        ),
        headers=PAGE_HEADERS,
    )


async def graphiql(request: Request) -> Response:
    headers = {**PAGE_HEADERS, "Content-Security-Policy": GRAPHIQL_POLICY}
    return FileResponse(STATIC / "graphiql" / "index.html", headers=headers)


async def schema_document(request: Request) -> Response:
    return PlainTextResponse(sdl(), media_type="application/graphql; charset=utf-8")


async def healthz(request: Request) -> Response:
    """The process runs."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """The database answers and has the tables of this version."""
    missing = await pending()
    status = {"status": "not migrated", "pending": missing} if missing else {"status": "ok"}
    return JSONResponse(status, status_code=503 if missing else 200)
