"""Masking: what may be shown of a URL, and of text that others wrote.

Two ways, for two dangers. A URL is masked by its form (`urls`). What a server said is masked by its content: the
secret values that the user gave are taken out of it (`known_secrets`). Rather too much is hidden than too little.

It must never know a stream, and it reads no file.
"""

from .known_secrets import Secrets
from .looks_secret import MASK, secret_name, secret_value
from .urls import mask_url

__all__ = ["MASK", "Secrets", "mask_url", "secret_name", "secret_value"]
