"""The templates as CloudFormation sees them: what SAM makes of the text.

Nothing here reads the template's text: a property that SAM drops, moves or adds is seen as it
will be, not as it was written.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from tools.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEMPLATE = ROOT / "template.yaml"
ARCHIVE_TEMPLATE = ROOT / "stacks/archive.yaml"
REGISTRY_TEMPLATE = ROOT / "stacks/registry.yaml"

Document = dict[str, Any]


@cache
def source() -> Document:
    """Return the template, its code already uploaded as `sam deploy` would leave it."""
    return uploaded(TEMPLATE)


def uploaded(path: Path) -> Document:
    """Return a template, its code already uploaded as `sam deploy` would leave it."""
    template: Document = yaml_parse(path.read_text())
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/bundle.zip"
    return template


def translate(template: Document, parameters: Mapping[str, str] | None = None) -> Document:
    """Return what SAM makes of a template, as it does in CloudFormation.

    Raises:
        InvalidDocumentException: SAM refuses it.
    """
    given = dict(parameters or {})
    session = boto3.Session(region_name="eu-west-1")
    translator = Translator({}, Parser(), boto_session=session)
    done: Document = translator.translate(copy.deepcopy(template), given)
    return done


@cache
def translated() -> Document:
    """Return what SAM makes of the template."""
    return translate(source())


@cache
def archive_template() -> Document:
    """Return what SAM makes of the template of an archive in an account of its own."""
    return translate(uploaded(ARCHIVE_TEMPLATE))


@cache
def registry_template() -> Document:
    """Return the template of another account's registry, which CloudFormation reads as it is."""
    found: Document = yaml_parse(REGISTRY_TEMPLATE.read_text())
    return found
