"""Refusals and failures as HTTP answers, each door in its own words."""

import logging
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from gateway.pages import problem_page
from identity.refusals import Refusal
from scim.door import SCIM_MEDIA_TYPE, scim_error_body

log = logging.getLogger("gatepost")


def refused(request: Request, refusal: Refusal) -> Response:
    """A refusal, by the status of the catalogue."""
    return _answer(request, refusal.status, refusal.code, refusal.message)


async def on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - Starlette calls this for refusals only
    return refused(request, error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: an unknown path, a method that a path does not have."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    answer = _answer(
        request,
        error.status_code,
        HTTPStatus(error.status_code).name,
        "There is nothing at this address."
        if error.status_code == HTTPStatus.NOT_FOUND
        else error.detail,
    )
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def on_failure(request: Request, error: Exception) -> Response:
    """Our fault: the log has the traceback, the caller an id to ask about."""
    request_id = request.state.request_id
    log.error("request %s failed", request_id, exc_info=error)
    return _answer(
        request,
        500,
        "INTERNAL",
        f"Something went wrong on our side. Tell the operator this id: {request_id}",
    )


def _answer(request: Request, status: int, code: str, message: str) -> Response:
    path = request.url.path
    if path.startswith("/scim/"):
        return JSONResponse(
            scim_error_body(status, message), status_code=status, media_type=SCIM_MEDIA_TYPE
        )
    if path.startswith("/graphql"):
        error = {"message": message, "extensions": {"code": code}}
        return JSONResponse({"errors": [error]}, status_code=status)
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(
            problem_page(message, code=code, request_id=request.state.request_id),
            status_code=status,
        )
    body = {"error": {"code": code, "message": message, "requestId": request.state.request_id}}
    return JSONResponse(body, status_code=status)
