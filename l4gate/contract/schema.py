"""The JSON schema of a contract, for editors: with the docstrings of its parts."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DataclassSchema

from l4gate.contract.reading import ADAPTER


class _Described(GenerateJsonSchema):
    """Describes each attribute by the docstring that follows it."""

    def dataclass_schema(self, schema: DataclassSchema) -> JsonSchemaValue:
        """As pydantic has it, with the descriptions."""
        made, said = super().dataclass_schema(schema), _docstrings(schema["cls"])
        for field in schema["schema"]["fields"]:
            name = field["name"]
            if name in said:
                made["properties"][field.get("validation_alias", name)]["description"] = said[name]
        return made


def schema() -> dict[str, Any]:
    """The JSON schema of a contract."""
    made = ADAPTER.json_schema(by_alias=True, schema_generator=_Described)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _docstrings(kind: type) -> dict[str, str]:
    """What stands below each attribute of a class, by the attribute's name."""
    found = {}
    for kind_body in ast.parse(inspect.getsource(kind)).body:
        for pair in pairwise(getattr(kind_body, "body", [])):
            match pair:
                case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                    found[name] = inspect.cleandoc(text)
    return found
