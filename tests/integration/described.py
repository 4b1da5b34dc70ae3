"""What the API's description promises, to hold answers against it."""

import re
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.integration.conftest import Api

_NAME = "urn:linnet"


@cache
def schema() -> dict[str, Any]:
    """The whole description, as ``/api/schema/`` gives it."""
    found: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return found


def template_of(path: str) -> str:
    """The described address that leads where this path does."""
    return next(known for known in schema()["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path))


def fits(method: str, path: str, answer: Any) -> None:
    """Check that the description names this answer: its status, its media type, and the shape of its body."""
    template = template_of(f"/api/v1/{path}".partition("?")[0])
    described = schema()["paths"][template][method.lower()]["responses"]
    status = str(answer.status_code)
    assert status in described, (method, template, status, answer.content)
    contents = described[status].get("content")
    if contents is None:
        assert answer.content == b"", (method, template, status)
        return
    media_type = answer["Content-Type"].partition(";")[0]
    assert media_type in contents, (method, template, status, media_type)
    if media_type != "text/event-stream":
        place = ("paths", template, method.lower(), "responses", status, "content", media_type, "schema")
        errors = [f"{error.json_path}: {error.message}" for error in _validator(*place).iter_errors(answer.json())]
        assert errors == [], (method, template, status)


def fits_component(name: str, body: Any) -> bool:
    """Whether this is what a named part of the description says."""
    return _validator("components", "schemas", name).is_valid(body)


def checked(api: Api, method: str, path: str, body: Any = None, **more: Any) -> Any:
    """Make a call and hold its answer against the description."""
    answer = api.call(method, path, body, **more)
    fits(method, path, answer)
    return answer


@cache
def _validator(*place: str) -> Draft202012Validator:
    registry = Registry().with_resource(_NAME, DRAFT202012.create_resource(schema()))
    pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in place)
    return Draft202012Validator({"$ref": f"{_NAME}#/{pointer}"}, registry=registry)
