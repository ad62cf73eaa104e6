"""Plan file -> the plan of whichever job it is for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from shardplan.errors import InputError
from shardplan.plan.file.read import check_version, parse_json, parse_plan
from shardplan.serving.file.served_plan import JOB, ServedPlan
from shardplan.spec.text.document import read_document
from shardplan.spec.validation.validation import diagnose

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan


def parse_any(text: str, file: str) -> Plan | ServedPlan:
    """The plan in a text; ``file`` is what messages call it. Raises InputError."""
    return parse_served(text, file) if _is_served(text) else parse_plan(text, file)


def parse_served(text: str, file: str) -> ServedPlan:
    """The plan of a model that is served. Raises InputError."""
    check_version(parse_json(text, file), text, file)
    try:
        return ServedPlan.model_validate_json(text)
    except ValidationError as error:
        document = read_document(text, file)
        raise InputError(diagnose(ServedPlan, document, (), error, ServedPlan.of_plain)) from None


def _is_served(text: str) -> bool:
    """Whether a text says so; what is no JSON says nothing."""
    if '"job"' not in text:
        return False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("job") == JOB
