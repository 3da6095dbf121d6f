"""The one place where what the embedded stack deploys differs from `template.yaml`.

`adapt` is pure: it takes the parsed template and returns a changed copy, with every change it made
and why. A test compares the two templates and asserts that the list is exactly the difference;
`docs/local.md` shows the same list.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from typing import Any

Template = dict[str, Any]

UNSUPPORTED = ("AWS::CodeDeploy::", "AWS::Logs::QueryDefinition")
"""Beginnings of the resource types for which the emulator refuses the whole stack."""
FUNCTION = "AWS::Serverless::Function"
STREAM = "AWS::Lambda::EventSourceMapping"
SHORTEST_LIFETIME = "VEND_MIN_TTL"
REGISTRY_URL = "PROBE_REGISTRY_URL"
UNKNOWN_KEYS = {"lambda:sourcefunctionarn"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of change.

    Attributes:
        name: What it is called in the documentation.
        why: The reason, for whoever asks whether the embedded stack proves anything.
    """

    name: str
    why: str


UNSUPPORTED_RESOURCE = Rule(
    "unsupported resources are left out",
    "the emulator refuses a stack that has an `AWS::CodeDeploy` resource or a "
    "`AWS::Logs::QueryDefinition`; neither takes part in a vend",
)
GRADUAL_DEPLOYMENT = Rule(
    "functions are deployed at once",
    "SAM turns a deployment preference into CodeDeploy resources, which the emulator refuses",
)
HOST_ARCHITECTURE = Rule(
    "functions run on this machine's architecture",
    "the emulator runs a function in its own interpreter, so the bundle is the one for this host",
)
UPLOADED_CODE = Rule(
    "code comes from the emulator's S3",
    "`sam package` does the same for AWS; the bundle is the one for this host",
)
SHORT_LIFETIMES = Rule(
    "a token may live for seconds",
    "so that the demonstration and the tests can watch one die; on AWS the least is a minute",
)
UNKNOWN_KEY = Rule(
    "conditions on keys that the emulator lacks are left out",
    "it does not know `lambda:SourceFunctionArn`, so it would refuse the function its own calls; "
    "`tests/template` asserts those conditions on the real template",
)
UNKNOWN_DENY = Rule(
    "a policy that denies by such a key is left out",
    "without its condition it would deny the function everything",
)
PROBES_ON_DEMAND = Rule(
    "functions on a schedule or of a stream run when they are asked to",
    "on its schedule the prober would call an endpoint of AWS, and each would write into the "
    "ledger between two lines of a test; the emulator would call the archiving function for every "
    "record at once",
)
REACHABLE_REGISTRY = Rule(
    "the prober finds the registry at the emulator",
    "the real host name leads to AWS",
)
JOINED_LIST = Rule(
    "conditions compare list parameters unjoined",
    "the emulator has no `Fn::Join` in a condition, and keeps a list parameter as one string",
)
RULES = (
    UNSUPPORTED_RESOURCE,
    GRADUAL_DEPLOYMENT,
    HOST_ARCHITECTURE,
    UPLOADED_CODE,
    SHORT_LIFETIMES,
    UNKNOWN_KEY,
    UNKNOWN_DENY,
    PROBES_ON_DEMAND,
    REACHABLE_REGISTRY,
    JOINED_LIST,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One change of the template.

    Attributes:
        path: Keys from the top of the template, positions of list items as numbers.
        kind: `added`, `changed` or `removed`.
        rule: Why.
    """

    path: tuple[str | int, ...]
    kind: str
    rule: Rule

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.kind} {'.'.join(map(str, self.path))}: {self.rule.name}"


@dataclass
class Editor:
    """Changes a template and remembers each change.

    Attributes:
        template: What is changed, in place.
        differences: What was changed, in order.
    """

    template: Template
    differences: list[Difference] = field(default_factory=list)

    def set(self, path: tuple[str | int, ...], value: object, rule: Rule) -> None:
        """Give `path` a value, unless it has it already; what is above it must be there."""
        holder = self.at(path[:-1])
        known = isinstance(holder, list) or path[-1] in holder
        if known and holder[path[-1]] == value:
            return
        holder[path[-1]] = value
        self.differences.append(Difference(path, "changed" if known else "added", rule))

    def remove(self, path: tuple[str | int, ...], rule: Rule) -> None:
        """Remove `path`, if it is there."""
        holder = self.at(path[:-1])
        if path[-1] in holder:
            del holder[path[-1]]
            self.differences.append(Difference(path, "removed", rule))

    def at(self, path: tuple[str | int, ...]) -> Any:
        """Return what stands at `path`; an empty mapping where nothing does."""
        found: Any = self.template
        for key in path:
            if isinstance(found, dict) and key not in found:
                return {}
            found = found[key]
        return found


def host_architecture(machine: str | None = None) -> str:
    """Return Lambda's word for a machine, as `platform.machine` names it."""
    known = {"aarch64": "arm64", "arm64": "arm64"}
    return known.get((machine or platform.machine()).lower(), "x86_64")


def adapt(
    template: Template, *, code: str, architecture: str, url: str
) -> tuple[Template, tuple[Difference, ...]]:
    """Return the template that the emulator gets, and what is different in it.

    Args:
        template: The parsed `template.yaml`, intrinsic functions in their long form.
        code: The `s3://` URI of the uploaded host bundle.
        architecture: Of this machine, in Lambda's words.
        url: Of the emulator.
    """
    editor = Editor(unshared(template))
    leave_out_unsupported(editor)
    leave_out_unknown_denies(editor)
    places: list[tuple[str | int, ...]] = [("Globals", "Function")]
    for name, resource in editor.template["Resources"].items():
        if resource["Type"] == FUNCTION:
            place: tuple[str | int, ...] = ("Resources", name, "Properties")
            places.append(place)
            editor.set((*place, "CodeUri"), code, UPLOADED_CODE)
    for place in places:
        editor.remove((*place, "DeploymentPreference"), GRADUAL_DEPLOYMENT)
        if "Architectures" in editor.at(place):
            editor.set((*place, "Architectures"), [architecture], HOST_ARCHITECTURE)
        if "VEND_MAX_TTL" in editor.at((*place, "Environment", "Variables")):
            editor.set(
                (*place, "Environment", "Variables", SHORTEST_LIFETIME), "1", SHORT_LIFETIMES
            )
        if REGISTRY_URL in editor.at((*place, "Environment", "Variables")):
            editor.set((*place, "Environment", "Variables", REGISTRY_URL), url, REACHABLE_REGISTRY)
    for name, resource in editor.template["Resources"].items():
        if "ScheduleExpression" in resource.get("Properties", {}):
            editor.set(("Resources", name, "Properties", "State"), "DISABLED", PROBES_ON_DEMAND)
        if resource["Type"] == STREAM:
            place = ("Resources", name, "Properties", "Enabled")
            editor.set(place, value=False, rule=PROBES_ON_DEMAND)
    leave_out_unknown_keys(editor, ())
    compare_lists_unjoined(editor, ("Conditions",))
    return editor.template, tuple(editor.differences)


def unshared(value: Any) -> Any:
    """Return a copy in which nothing stands twice.

    A YAML alias parses to one object in several places, where one change would be many.
    """
    if isinstance(value, dict):
        return {key: unshared(held) for key, held in value.items()}
    return [unshared(held) for held in value] if isinstance(value, list) else value


def leave_out_unknown_denies(editor: Editor) -> None:
    """Remove the policies of nothing but denies that rest on a key of `UNKNOWN_KEYS`."""
    for name, resource in list(editor.template["Resources"].items()):
        if resource["Type"] != "AWS::IAM::Policy":
            continue
        statements = resource["Properties"]["PolicyDocument"]["Statement"]
        if all(
            one["Effect"] == "Deny" and condition_keys(one) & UNKNOWN_KEYS for one in statements
        ):
            editor.remove(("Resources", name), UNKNOWN_DENY)


def condition_keys(statement: dict[str, Any]) -> set[str]:
    """Return the keys of a statement's conditions, in lower case."""
    return {key.lower() for held in statement.get("Condition", {}).values() for key in held}


def leave_out_unsupported(editor: Editor) -> None:
    """Remove the resources that the emulator refuses, and the outputs and waits that name them."""
    gone = [
        name
        for name, resource in editor.template["Resources"].items()
        if resource["Type"].startswith(UNSUPPORTED)
    ]
    for name in gone:
        editor.remove(("Resources", name), UNSUPPORTED_RESOURCE)
    for name, output in list(editor.template.get("Outputs", {}).items()):
        if mentioned(output) & set(gone):
            editor.remove(("Outputs", name), UNSUPPORTED_RESOURCE)
    for name, resource in editor.template["Resources"].items():
        waits = resource.get("DependsOn", [])
        waits = [waits] if isinstance(waits, str) else waits
        if set(waits) & set(gone):
            kept = [wait for wait in waits if wait not in gone]
            path = ("Resources", name, "DependsOn")
            if kept:
                editor.set(path, kept, UNSUPPORTED_RESOURCE)
            else:
                editor.remove(path, UNSUPPORTED_RESOURCE)


def mentioned(value: object) -> set[str]:
    """Return the logical ids that `Ref` and `Fn::GetAtt` name anywhere in `value`."""
    if isinstance(value, list):
        return set().union(*map(mentioned, value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*map(mentioned, value.values()))
    if isinstance(value.get("Ref"), str):
        found.add(value["Ref"])
    target = value.get("Fn::GetAtt")
    if isinstance(target, (str, list)):
        found.add(target.split(".")[0] if isinstance(target, str) else str(target[0]))
    return found


def leave_out_unknown_keys(editor: Editor, path: tuple[str | int, ...]) -> None:
    """Remove every condition on a key of `UNKNOWN_KEYS` at `path` and below."""
    value = editor.at(path)
    if isinstance(value, list):
        for position in range(len(value)):
            leave_out_unknown_keys(editor, (*path, position))
    elif isinstance(value, dict):
        for key in list(value):
            if str(key).lower() in UNKNOWN_KEYS:
                editor.remove((*path, key), UNKNOWN_KEY)
            else:
                leave_out_unknown_keys(editor, (*path, key))


def compare_lists_unjoined(editor: Editor, path: tuple[str | int, ...]) -> None:
    """Replace every `Fn::Join` of a whole list parameter, at `path` and below, by the parameter."""
    value = editor.at(path)
    match value:
        case {"Fn::Join": ["", {"Ref": str(parameter)}]}:
            editor.set(path, {"Ref": parameter}, JOINED_LIST)
        case dict():
            for key in list(value):
                compare_lists_unjoined(editor, (*path, key))
        case list():
            for position in range(len(value)):
                compare_lists_unjoined(editor, (*path, position))
