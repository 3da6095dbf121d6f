"""Moments and lengths of time, as people and scripts read them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(at: float) -> str:
    """Return a moment, seconds since the epoch, as RFC 3339 has it: whole seconds, UTC."""
    return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%dT%H:%M:%SZ}"


def parsed(text: str) -> datetime:
    """Return the moment that an RFC 3339 text means, in UTC, which one without an offset is in.

    Raises:
        ValueError: It is none.
    """
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def until(at: float, now: float) -> str:
    """Return a moment as a person reads it, with how far off it is."""
    shown = f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{shown} (in {span(at - now)})" if at > now else f"{shown} ({span(now - at)} ago)"


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: `45 s`, `14 min 30 s`, `1 h 5 min`."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {whole % 60} s" if whole % 60 else f"{minutes} min"
    return f"{whole} s"
