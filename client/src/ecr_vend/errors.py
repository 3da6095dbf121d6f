"""Every failure of the client once: its code, and the sentence that says what to do.

A sentence is one line, because credential helpers' callers show one line, and never contains the
not-found line of the protocol: with that a registry client would go on anonymously and then fail
with a message that explains nothing.
"""

from __future__ import annotations

NOT_FOUND = "credentials not found in native keychain"
NO_SERVER_URL = "no credentials server URL"
NO_USERNAME = "no credentials username"

ASK_AGAIN = "try again; if it stays so, tell whoever runs your ecr-vend service"

PROBLEMS = {
    # What the person's own settings must say.
    "endpoint_not_set": "no endpoint is set: set ECR_VEND_ENDPOINT, or `endpoint` in {config}, "
    "to the Endpoint output of your ecr-vend stack",
    "region_not_set": "the endpoint's name does not tell its region: set ECR_VEND_REGION, or "
    "`region` in {config}",
    "bad_config": "{where}: {what}",
    "not_an_ecr_host": "{where}: {host} is not an ECR host; write "
    "ACCOUNT.dkr.ecr.REGION.amazonaws.com",
    "not_managed": "{host} is not a registry that this helper answers for: name an ECR host, "
    "ACCOUNT.dkr.ecr.REGION.amazonaws.com, or one that `registries` in {config} names",
    "no_registry": "no grant of yours names a registry, and docker-credential-ecr-login answers "
    "for none: name one with --registry HOST",
    "not_an_image": "{image} is not an image's name: write HOST/REPOSITORY, with :TAG or @DIGEST "
    "where you like",
    "no_registries": "no registry is named: add --registry HOST, or name it in `registries` of "
    "{config}",
    "no_private_folder": "no private folder can be used in {folder} ({detail}): make room there, "
    "or set TMPDIR to a folder of your own",
    "command_not_found": "{command} was not found: check its name, and the PATH",
    "command_not_run": "{command} cannot be run ({detail}): check the file and its mode",
    "not_written": "{where} cannot be written: {detail}",
    "not_said": "`ecr-vend revoke {action}` needs {what}",
    "not_read": "{where} cannot be read: {detail}",
    "no_archive": "there is no manifest of an hour under {where}: give the folder that has "
    "`manifests` and `records` in it",
    "not_a_report": "{where} is there and is no report of ecr-vend's: name another file, or remove "
    "it",
    "no_time": "{option} is {text}: give a time like 2026-10-01T00:00:00Z, --from before --to",
    "no_token": "`ecr-vend audit whose` reads the token from stdin, and there is none: give it the "
    "token alone, docker's `auth`, or what the helper prints",
    "not_confirmed": "nothing was revoked: every token issued before {before} would stop working, "
    "for everybody; answer yes, or add --yes",
    # What AWS says of the caller's credentials.
    "no_credentials": "no AWS credentials were found{profile}: set AWS_PROFILE or "
    "ECR_VEND_PROFILE, run `aws configure` or `aws sso login`, or give this machine a role",
    "no_profile": "the AWS profile {profile} does not exist in {files}: correct "
    "ECR_VEND_PROFILE or AWS_PROFILE, or add it with `aws configure --profile {profile}`",
    "sso_expired": "the AWS sign-in has expired: run `{command}`, then try again",
    "credentials_failed": "AWS credentials could not be had: {detail}",
    "role_not_assumed": "the role {role} could not be assumed ({detail}): check `role` or "
    "ECR_VEND_ROLE, that its trust policy names you, and that you may sts:AssumeRole it",
    "credentials_malformed": "the {what} of the AWS credentials is empty, or holds a blank, a line "
    "break or another character that none has: set it again, without what was copied along",
    "credentials_expired": "the AWS credentials have expired: renew them (sign in again, or "
    "start a new session), then try again",
    "credentials_refused": "AWS does not know these credentials{key}: check that they are whole, "
    "active and of the right account",
    "signature_refused": "AWS refused the request's signature: check the secret access key, and "
    "that the region of {endpoint} is {region} (else set ECR_VEND_REGION)",
    "clock_skew": "this machine's clock differs too much from AWS's{detail}: set the clock (for "
    "instance by NTP), then try again",
    "not_authorised": "these AWS credentials may not call {endpoint}: ask its owner to let "
    "{caller} execute-api:Invoke it (the CallerStatement output of the stack, for revoking "
    "RevokerStatement, for auditing AuditorStatement){request}",
    # What the kubelet and Bazel ask.
    "not_understood": "the request on stdin is not understood: {detail}",
    "plain_http": "{host} is asked for over http://, where anyone on the way could read the "
    "token: use https://",
    "no_role": "the pod's service account names no role: annotate it with {annotation}, and list "
    "that annotation in tokenAttributes of the kubelet's CredentialProviderConfig",
    "not_a_role": "the annotation {annotation} of the pod's service account is {role}, not the ARN "
    "of a role: write arn:aws:iam::ACCOUNT:role/NAME",
    "web_identity_refused": "AWS did not give the pod's service account the role {role}: {detail}: "
    "check the role's trust policy, and that the audience in tokenAttributes is the one it names",
    # What the service says.
    "refused": "refused by policy ({code}): {detail}{advice}{vend}",
    "not_revoked": "not revoked everywhere ({code}): {detail}{states}",
    "bad_request": "the service did not accept the request ({code}): {detail}{vend}",
    "service_too_old": "{endpoint} is ecr-vend {version}, and this client needs {oldest} or newer: "
    "ask its owner to upgrade it, or install an older client",
    "client_too_old": "{endpoint} no longer serves this version of the client: {detail}",
    "not_an_ecr_vend": "{endpoint} is not an ecr-vend service ({detail}): check ECR_VEND_ENDPOINT "
    "against the Endpoint output of the stack",
    "unexpected_answer": "{endpoint} gave an answer that is not understood ({detail}): check that "
    "the endpoint and the version of this helper are right",
    "answer_too_large": "{endpoint} gave an answer larger than {most} MiB: check that it is an "
    "ecr-vend service",
    "throttled": "{endpoint} is being asked too often{detail}: try again later, or ask for fewer "
    "tokens at once",
    "over_budget": "{endpoint} gives no more for now: {detail}",
    "service_down": "{endpoint} does not serve ({detail}): " + ASK_AGAIN,
    "unreachable": "{endpoint} cannot be reached ({detail}): check the endpoint, the network and "
    "the proxy, then try again",
    "not_trusted": "the certificate of {endpoint} is not trusted ({detail}): set AWS_CA_BUNDLE to "
    "your certificate authority's file",
    "timeout": "no answer within {seconds:.0f} s ({detail}): " + ASK_AGAIN,
    "registry_refused": "{registry} did not accept the token (HTTP {status}): this is the "
    "registry's answer, not the service's; tell whoever runs your ecr-vend service",
    "already_expired": "{endpoint} answered with a token that has no life left: set this machine's "
    "clock, or ask for a longer ECR_VEND_TTL",
    "internal": "a fault in the helper itself ({detail}): please report it",
}
"""Code → sentence, with the values it takes."""

UNAVAILABLE = frozenset({"throttled", "over_budget", "service_down", "unreachable", "timeout"})
"""With these the service cannot be asked, so a cached token that still has life is used."""


class Problem(Exception):
    """A failure whose text is for the person at the other end.

    Attributes:
        code: A key of PROBLEMS.
        text: The whole line that is shown.
    """

    def __init__(self, code: str, /, **values: object) -> None:
        self.code = code
        shown = {
            name: clean(value) if isinstance(value, str) else value
            for name, value in values.items()
        }
        self.text = f"ecr-vend: {PROBLEMS[code].format(**shown)}"
        super().__init__(self.text)

    @classmethod
    def recorded(cls, code: str, text: str) -> Problem:
        """Return the failure that another process met and wrote down.

        Raises:
            KeyError: The code is not one of ours.
        """
        problem = cls.__new__(cls)
        if code not in PROBLEMS:
            raise KeyError(code)
        problem.code = code
        problem.text = clean(text, limit=2000)
        Exception.__init__(problem, problem.text)
        return problem

    @property
    def unavailable(self) -> bool:
        """Return whether the service could not be asked, rather than said no."""
        return self.code in UNAVAILABLE


def clean(text: str, *, limit: int = 600) -> str:
    """Return `text` fit for one line of a terminal: printable, bounded, never the not-found line.

    Several clients look for the not-found line anywhere in the output, so a service that quoted
    it would turn a refusal into an anonymous pull.
    """
    line = "".join(letter if letter.isprintable() else " " for letter in text[: limit * 2])
    # A blank in front belongs to the sentence that the value is put into.
    words = " " * line.startswith(" ") + " ".join(line.split())
    for special in (NOT_FOUND, NO_SERVER_URL, NO_USERNAME):
        words = words.replace(special, "(withheld)")
    return words if len(words) <= limit else words[: limit - 1] + "…"
