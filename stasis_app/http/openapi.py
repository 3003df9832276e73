"""The OpenAPI 3.1 document, made from the route table and the models it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from aiohttp.typedefs import Handler
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from stasis_app import __version__
from stasis_app.http.problems import PROBLEM_JSON, ProblemDocument

_REFERENCE = "#/components/schemas/{model}"
_PATH_PARAMETER = re.compile(r"\{(\w+)(?::[^}]*)?\}")

_ERRORS = {
    400: "The body is not JSON.",
    401: "No token, or none of the configured ones.",
    403: "Not allowed; `detail` says what would allow it.",
    404: "No such call.",
    409: "Not possible now; `detail` says why.",
    415: "The body is not declared as JSON.",
    422: "Fields are wrong; `errors` names each.",
    503: "Asterisk is out of reach; try again later.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation: how it is reached, who may, and the models of what goes in and out."""

    method: str
    path: str
    handler: Handler
    tag: str
    token: bool = True
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200
    result: type[BaseModel] | None = None
    content_type: str = "application/json"
    errors: tuple[int, ...] = ()
    also: Mapping[int, str] | None = None  # further statuses that answer with the same model

    @property
    def name(self) -> str:
        """Name of the operation: that of its handler."""
        return getattr(self.handler, "__name__", self.path)


def document(routes: Iterable[Route], server: str = "/") -> dict[str, Any]:
    """The document for these routes."""
    routes = list(routes)
    schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        bare = _PATH_PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(bare, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "stasis-app",
            "version": __version__,
            "summary": "Calls between a PBX and the CRM: see them, set them up, end them.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "one of http.tokens"}},
        },
    }


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    used: set[tuple[type[BaseModel], str]] = {(ProblemDocument, "serialization")}
    for route in routes:
        used |= {(model, "validation") for model in (route.query, route.body) if model}
        used |= {(route.result, "serialization")} if route.result else set()
    ordered = sorted(used, key=lambda item: item[0].__name__)
    _, definitions = models_json_schema(ordered, ref_template=_REFERENCE)  # type: ignore[arg-type]
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def _operation(route: Route, schemas: Mapping[str, Any]) -> dict[str, Any]:
    text = cleandoc(route.handler.__doc__ or "")
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": text.split("\n")[0],
        "tags": [route.tag],
        "responses": _responses(route),
    }
    if "\n" in text:
        operation["description"] = text
    if route.token:
        operation["security"] = [{"token": []}]
    if parameters := [*_path_parameters(route), *_query_parameters(route, schemas)]:
        operation["parameters"] = parameters
    if route.body:
        operation["requestBody"] = {"required": True, "content": {"application/json": _schema_of(route.body)}}
    return operation


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, description in ((route.status, "Done."), *(route.also or {}).items()):
        responses[str(status)] = {"description": description}
        if route.result:
            responses[str(status)]["content"] = {route.content_type: _schema_of(route.result)}
        elif route.status != 204:
            responses[str(status)]["content"] = {route.content_type: {"schema": {"type": "string"}}}
    for status in sorted({*route.errors, *((401,) if route.token else ())}):
        responses[str(status)] = {
            "description": _ERRORS[status],
            "content": {PROBLEM_JSON: _schema_of(ProblemDocument)},
        }
    return responses


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = _PATH_PARAMETER.findall(route.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(route: Route, schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not route.query:
        return []
    schema = schemas[route.query.__name__]
    required = schema.get("required", [])
    parameters = []
    for name, declared in schema["properties"].items():
        parameter = {"name": name, "in": "query", "required": name in required, "schema": declared}
        if text := declared.get("description"):
            parameter["description"] = text
        parameters.append(parameter)
    return parameters


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": {"$ref": _REFERENCE.format(model=model.__name__)}}
