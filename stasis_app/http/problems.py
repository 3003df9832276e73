"""Errors of the API as problem documents (RFC 9457, `application/problem+json`)."""

from __future__ import annotations

import http
import uuid
from collections.abc import Sequence
from typing import TypeVar

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from loguru import logger
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stasis_app.http.dependencies import NoSuchCallError, NotAllowedError, NotPossibleError, UnavailableError

PROBLEM_JSON = "application/problem+json"

ModelT = TypeVar("ModelT", bound=BaseModel)


class FieldProblem(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(description="where it is: body.number, query.limit")
    problem: str = Field(description="what is wrong, and what is expected")


class ProblemDocument(BaseModel):
    """RFC 9457 section 3. `type` is about:blank: the status says the kind."""

    model_config = ConfigDict(json_schema_extra={"title": "Problem"})

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[FieldProblem] = Field(default_factory=list)


class Problem(Exception):
    """An answer other than success; `detail` says what to do about it."""

    def __init__(
        self, status: int, detail: str, *, errors: Sequence[FieldProblem] = (), headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or {}

    def response(self) -> web.Response:
        """The problem document."""
        document = ProblemDocument(
            title=http.HTTPStatus(self.status).phrase, status=self.status, detail=self.detail, errors=self.errors
        )
        return web.Response(
            status=self.status,
            body=orjson.dumps(document.model_dump(exclude_defaults=True)),
            content_type=PROBLEM_JSON,
            headers=self.headers,
        )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error leaves as a problem document; an unexpected one with an id that is in the log, and nothing else."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except NotPossibleError as error:
        return Problem(409, str(error)).response()
    except NotAllowedError as error:
        return Problem(403, str(error)).response()
    except NoSuchCallError as error:
        return Problem(404, f"There is no call {str(error)!r}; it may have ended meanwhile.").response()
    except UnavailableError as error:
        return Problem(503, str(error), headers={"Retry-After": "5"}).response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return Problem(error.status, _hint(error), headers=allowed).response()
    except Exception:
        reference = uuid.uuid4().hex[:8]
        logger.exception("request {} {} failed, reference {}", request.method, request.path, reference)
        return Problem(500, f"An error of the service; its log has it under {reference}.").response()


def _hint(error: web.HTTPException) -> str:
    match error.status:
        case 404:
            return "There is nothing at this address; /api/v1/openapi.json lists what there is."
        case 413:
            return "The body is larger than any request of this API."
        case 405:
            return f"Use {error.headers.get('Allow', 'another method')}."
        case _:
            return error.reason


def query_of(request: web.Request, model: type[ModelT]) -> ModelT:
    """The query string as a model; raises a 422 problem naming each wrong parameter."""
    return _validated(model, dict(request.query), "query")


async def body_of(request: web.Request, model: type[ModelT]) -> ModelT:
    """The JSON body as a model; raises a 415, 400 or 422 problem."""
    if request.content_type != "application/json":
        raise Problem(415, "Send the body as JSON, with Content-Type: application/json.")
    try:
        given = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"The body is not JSON: {error}.") from error
    if not isinstance(given, dict):
        raise Problem(422, "The body must be a JSON object.")
    return _validated(model, given, "body")


def _validated(model: type[ModelT], given: dict[str, object], where: str) -> ModelT:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        wrong = [
            FieldProblem(field=".".join((where, *(str(part) for part in item["loc"]))), problem=item["msg"])
            for item in error.errors()
        ]
        raise Problem(422, "Some fields are wrong; errors names each.", errors=wrong) from error
