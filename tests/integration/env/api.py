"""The memory API as the tests call it: every answer is held to the served description."""

import json
from urllib.parse import quote, urlencode

from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from .wire import Client, call

JSON = "application/json"
LINES = "application/x-ndjson"


def part(text):
    """One segment of a path."""
    return quote(text, safe="")


class Api:
    """A caller with a key (None: without one)."""

    def __init__(self, program, key="sk-one", headers=()):
        self.program = program
        self.headers = list(headers)
        if key:
            self.headers.append(("Authorization", f"Bearer {key}"))
        self._description = None

    def description(self):
        if self._description is None:
            self._description = call(self.program.port, "GET", "/memory/api/openapi.json").json()
        return self._description

    def call(self, method, path, body=None, content_type=JSON, query=None, checked=True):
        target = path + ("?" + urlencode(query) if query else "")
        headers = list(self.headers)
        if body is not None and content_type:
            headers.append(("Content-Type", content_type))
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        reply = call(self.program.port, method, target, headers, data)
        if checked:
            self.check(method, path, reply)
        return reply

    def get(self, path, **query):
        return self.call("GET", path, query=query)

    def delete(self, path, **query):
        return self.call("DELETE", path, query=query)

    # --- the description -------------------------------------------------------------------

    def operation(self, method, path):
        """That of a path as it was called."""
        parts = path.split("/")
        for template, item in self.description()["paths"].items():
            names = template.split("/")
            alike = len(names) == len(parts) and all(n == p or n.startswith("{") for n, p in zip(names, parts))
            if alike and method.lower() in item:
                return item[method.lower()]
        raise AssertionError(f"{method} {path} is not described")

    def check(self, method, path, reply):
        assert reply.get("cache-control") == "no-store", reply
        assert reply.get("x-request-id"), reply
        described = self.operation(method, path)["responses"]
        assert str(reply.status) in described, (method, path, reply)
        [(content_type, media)] = described[str(reply.status)]["content"].items()
        assert reply.get("content-type") == content_type
        if content_type == JSON:
            self.validate(reply.json(), media["schema"])
        else:
            for line in reply.body.splitlines():
                self.validate(json.loads(line), {"$ref": "#/components/schemas/Exchange"})

    def validate(self, document, schema):
        name = schema["$ref"].removeprefix("#/components/schemas/")
        resource = DRAFT202012.create_resource(self.description())
        registry = Registry().with_resource("urn:api", resource)
        schema = {"$ref": f"urn:api#/components/schemas/{name}"}
        OAS31Validator(schema, registry=registry).validate(document)
        members = self.description()["components"]["schemas"][name]["properties"]
        assert set(document) <= set(members), f"{name} has more than is described: {document}"

    # --- the routes --------------------------------------------------------------------------

    def users(self, **query):
        return self.get("/memory/api/users", **query).json()["users"]

    @staticmethod
    def of(user, *more):
        return "/".join(["/memory/api/users", part(user), *map(part, more)])

    def exchanges(self, user, **query):
        return self.get(self.of(user, "exchanges"), **query).json()["exchanges"]

    def edit(self, whose, exchange, **texts):
        return self.call("PATCH", self.of(whose, "exchanges", exchange), texts)

    def pause(self, user, paused=True):
        return self.call("PUT", self.of(user, "pause"), {"paused": paused})

    def search(self, user, q, **query):
        return self.get(self.of(user, "search"), q=q, **query).json()["hits"]

    def explain(self, user, q, **query):
        return self.get(self.of(user, "explain"), q=q, **query).json()

    def export(self, user, **query):
        return self.get(self.of(user, "export"), **query).body

    def import_(self, user, lines, content_type=LINES):
        return self.call("POST", self.of(user, "import"), lines, content_type)

    def stream(self, method, target, headers=(), receive_buffer=None):
        """A call under way, to be read piece by piece."""
        client = Client(self.program.port, receive_buffer)
        client.request(method, target, self.headers + list(headers))
        return client
