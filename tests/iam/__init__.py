"""An evaluator of IAM policies, written from AWS's documentation alone.

It judges what the service produces, so it shares no code with it and imports none of it. It knows
one kind of caller, the session of an assumed role, because that is what a vended token is. Where
the documentation leaves something open it takes the reading that allows more.

Sources, all in the IAM user guide (docs.aws.amazon.com/IAM/latest/UserGuide/):
`reference_policies_evaluation-logic_policy-eval-denyallow.html`, `…_policy-eval-basics.html`,
`reference_policies_evaluation-logic-cross-account.html`, `reference_policies_elements_*.html`,
`reference_policies_condition-single-vs-multi-valued-context-keys.html`,
`reference_policies_variables.html`.
"""

from tests.iam.evaluator import Policies, Request, Verdict, evaluate
from tests.iam.patterns import matches

__all__ = ["Policies", "Request", "Verdict", "evaluate", "matches"]
