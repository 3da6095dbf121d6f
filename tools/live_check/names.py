"""What a live check calls the things that it makes."""

from __future__ import annotations


class Names:
    """Names that all begin with one prefix."""

    prefix: str

    @property
    def one(self) -> str:
        """Return the repository that tokens are for."""
        return f"{self.prefix}/one"

    @property
    def two(self) -> str:
        """Return the repository that tokens are not for."""
        return f"{self.prefix}/two"

    @property
    def holder(self) -> str:
        """Return the role that stands in for a vended one: it may do everything with both."""
        return f"{self.prefix}-holder"

    @property
    def caller(self) -> str:
        """Return the role that may call the API, and nothing else."""
        return f"{self.prefix}-caller"

    @property
    def revoker(self) -> str:
        """Return the role that may call the API's routes of revoking, and nothing else."""
        return f"{self.prefix}-revoker"

    @property
    def function(self) -> str:
        """Return the function that a role is tied to."""
        return f"{self.prefix}-function"

    @property
    def other_function(self) -> str:
        """Return the function that has the same role, which is not tied to it."""
        return f"{self.prefix}-other-function"

    @property
    def function_role(self) -> str:
        """Return the role of both functions."""
        return f"{self.prefix}-function-role"

    @property
    def small_stack(self) -> str:
        """Return the stack of one policy, and that policy's name."""
        return f"{self.prefix}-policy"
