"""Refusals and failures as HTTP answers, each door in its own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from gateway.graphql.media_types import MediaType, preferred
from gateway.graphql.responses import errors_body, written
from gateway.pages import PAGE_HEADERS, problem_page
from identity.refusals import FAILED, RateLimited, Refusal, failure_message
from scim.door import SCIM_MEDIA_TYPE, scim_error_body


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, before it is put into the words of a door."""

    status: int
    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


async def on_refusal(request: Request, error: Exception) -> Response:
    """A refusal, by the status and the code of the catalogue."""
    assert isinstance(error, Refusal)  # noqa: S101 - Starlette calls this for refusals only
    problem = Problem(error.status, error.code, error.message, error.details)
    response = answer(request, problem)
    if isinstance(error, RateLimited):
        response.headers.update(error.headers)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: an unknown path, a method that a path does not have."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    status = HTTPStatus(error.status_code)
    message = error.detail
    if status is HTTPStatus.NOT_FOUND:
        message = "There is nothing at this address."
    response = answer(request, Problem(status, status.name, message))
    response.headers.update(error.headers or {})
    return response


async def on_failure(request: Request, error: Exception) -> Response:
    """Our fault: the caller gets an id to ask about.

    Starlette raises the error on, so that the server logs its traceback; the id goes along as a
    note, and nothing is logged twice.
    """
    request_id = request.state.request_id
    error.add_note(f"In request {request_id}.")
    problem = Problem(500, FAILED, failure_message(request_id), {"requestId": request_id})
    response = answer(request, problem)
    response.headers["X-Request-Id"] = request_id  # this is sent from outside the middleware
    return response


def answer(request: Request, problem: Problem) -> Response:
    """A problem in the form of the door that the request came to."""
    path = request.url.path
    request_id = request.state.request_id
    if path.startswith("/scim/"):
        body = scim_error_body(problem.status, problem.message)
        return JSONResponse(body, status_code=problem.status, media_type=SCIM_MEDIA_TYPE)
    if path.startswith("/graphql"):
        media_type = preferred(request.headers) or MediaType.JSON
        body = errors_body(problem.message, problem.code, problem.details)
        return written(body, media_type, status=problem.status)
    if "text/html" in request.headers.get("accept", ""):
        page = problem_page(problem.message, code=problem.code, request_id=request_id)
        return HTMLResponse(page, status_code=problem.status, headers=PAGE_HEADERS)
    described = {"message": problem.message, "code": problem.code, **problem.details}
    return JSONResponse(
        {"error": {**described, "requestId": request_id}}, status_code=problem.status
    )
