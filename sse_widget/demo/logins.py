"""Who may read a demo stream: Basic, Digest, and bearer tokens that expire.

Pure: what a client sent in, whether it is let in out. The names and passwords are public: this protects
nothing, it is there to try a client on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets

USER, PASSWORD = "demo", "secret"
_REALM = "sse-widget demo"
_KEY = secrets.token_bytes(32)  # a token of another server is none


def basic(authorization: str) -> bool:
    """Whether an `Authorization` header has the right user and password (RFC 7617)."""
    scheme, _, value = authorization.partition(" ")
    try:
        given = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and given == f"{USER}:{PASSWORD}"


def challenge() -> str:
    """What `/digest` asks for in `WWW-Authenticate` (RFC 7616)."""
    return f'Digest realm="{_REALM}", qop="auth", algorithm=SHA-256, nonce="{_seal("nonce")}"'


def digest(authorization: str, method: str, target: str) -> bool:
    """Whether an `Authorization` header answers the challenge, for a request of this target."""
    given = dict(re.findall(r'(\w+)="?([^",]*)"?', authorization.partition(" ")[2]))
    user = _sha(f"{USER}:{_REALM}:{PASSWORD}")
    request = _sha(f"{method}:{target}")
    parts = [given.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")]
    return (
        authorization.lower().startswith("digest ")
        and given.get("uri") == target
        and given.get("nonce") == _seal("nonce")
        and given.get("response") == _sha(f"{user}:{':'.join(parts)}:{request}")
    )


def issue(now: float, lifetime: float) -> str:
    """A bearer token for so many seconds."""
    until = f"{now + lifetime:.3f}"
    return f"{until}-{_seal(until)}"


def expires(authorization: str) -> float:
    """When the token of an `Authorization` header expires; 0 where it has none of ours."""
    scheme, _, token = authorization.partition(" ")
    until, _, seal = token.partition("-")
    if scheme.lower() != "bearer" or not hmac.compare_digest(seal.encode(), _seal(until).encode()):
        return 0.0
    return float(until)


def _seal(text: str) -> str:
    return hmac.new(_KEY, text.encode(), "sha256").hexdigest()[:32]


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
