"""What looks like a secret: names such as `access_token`, and values such as a long key.

It judges a name or a value by its letters alone, and masks nothing itself.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

# What stands in the place of a secret.
MASK = "***"

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = frozenset(
    [
        "key",
        "keys",
        "token",
        "tokens",
        "auth",
        "auths",
        "authorization",
        "secret",
        "secrets",
        "sig",
        "sigs",
        "signature",
        "signatures",
        "pass",
        "passwd",
        "password",
        "passwords",
        "passphrase",
        "passcode",
        "pwd",
        "credential",
        "credentials",
        "cred",
        "creds",
        "session",
        "sessions",
        "sid",
        "jwt",
        "bearer",
        "code",
        "codes",
        "otp",
        "totp",
        "hmac",
        "csrf",
        "xsrf",
        "cookie",
        "cookies",
        "pat",
        "apikey",
        "ticket",
        "tickets",
    ]
)
# In one word, as in `jsessionid`: whatever is before or behind.
_SECRET_PARTS = re.compile(
    r"token$|secret|apikey|passw|passphrase|signature|credential|sess(?:ion)?id|sessionkey|"
    r"(?:auth|access|secret|private|account|master|service|shared|signing|encryption|client|user|"
    r"license|subscription)key|authcode|authtoken|bearer"
)
# Beginnings that makers of tokens give them, so that a leaked one is found.
TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[\w-]+\.|sk-|(?:sk|rk|pk)_(?:live|test)_|whsec_|gh[pousr]_|github_pat_|gl[a-z]{2,5}-\w|glsa_|glc_|"
    r"xox[a-z](?:\.xox[a-z])?-|xapp-|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8}|AIza[\w-]{8}|ya29\.|GOCSPX-|"
    r"npm_\w{16}|pypi-\w{16}|hf_\w{16}|dop_v1_|doo_v1_|shp(?:at|ca|pa|ss)_|SG\.[\w-]{8}|sq0[a-z]{3}-|"
    r"lin_api_|dapi[0-9a-f]{16}|nvapi-|gsk_\w{16}|pplx-\w{16}|xai-\w{16}|AGE-SECRET-KEY-|"
    r"bot\d{6,}:|\d{8,10}:AA[\w-]{20}|(?i:bearer|basic) )|-----BEGIN "
)
SCHEME = re.compile(r"(?i)(?:bearer|basic|token|digest|apikey) ")
USERINFO = re.compile(r"(?<=://)[^\s/@?#'\"<>]*@")
MIXED = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[\w.~+=:-]{10,}")
_LONG = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")


def secret_name(name: str) -> bool:
    """Whether a value of this name is a secret by its name: `access_token`, `JSESSIONID`, `secretKey`."""
    if any(word.lower() in _SECRET_WORDS for word in _WORDS.findall(name)):
        return True
    return bool(_SECRET_PARTS.search(re.sub(r"[^a-z0-9]", "", name.lower())))


def secret_value(value: str) -> bool:
    """Whether this looks like a secret, whatever its name is: a token, a long key, a URL with one."""
    if TOKEN.search(value) or _LONG.fullmatch(value):
        return True
    # A URL in a URL, or a query in a query: secret where there is a secret in it.
    inner = unquote(value)
    parts = (part.partition("=") for part in re.split("[&;?]", inner))
    return bool(USERINFO.search(inner)) or any(
        mark and rest and (secret_name(unquote(name)) or TOKEN.search(unquote(rest)))
        for name, mark, rest in parts
    )
