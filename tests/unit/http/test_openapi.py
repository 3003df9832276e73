"""The OpenAPI document describes the API that is really there."""

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from stasis_app.http.openapi import document
from stasis_app.http.routes import ROUTES
from stasis_app.http.texts import TEXTS


@pytest.fixture(scope="module")
def openapi() -> dict:
    return document(ROUTES)


def test_the_document_is_valid(openapi):
    OpenAPIV31SpecValidator(openapi).validate()


def test_every_route_is_in_it(openapi):
    described = {(method.upper(), path) for path, item in openapi["paths"].items() for method in item}

    assert described == {(route.method, route.path) for route in ROUTES}


def test_every_operation_says_what_it_does_and_who_may(openapi):
    for path, item in openapi["paths"].items():
        for operation in item.values():
            assert operation["summary"], path
            assert ("security" in operation) == ("401" in operation["responses"])


def test_parameters_and_errors_are_described(openapi):
    calls = openapi["paths"]["/api/v1/calls"]

    assert {"state", "limit", "cursor", "since"} <= {parameter["name"] for parameter in calls["get"]["parameters"]}
    assert set(calls["post"]["responses"]) == {"202", "400", "401", "409", "415", "422", "503"}
    assert openapi["paths"]["/api/v1/calls/{id}"]["get"]["parameters"][0]["name"] == "id"


def test_the_page_has_the_same_texts_in_every_language():
    assert len({frozenset(texts) for texts in TEXTS.values()}) == 1
