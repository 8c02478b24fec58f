"""Credentials at rest, sealed under a key that never lies in the database; and what is signed under that key.

The key comes from the operator (``AUTOMATION_ENGINE_SECRET_KEY``: Fernet keys, comma-separated, of which the first
encrypts and all decrypt) or, without one, from a file in the data folder that is made at first use. To rotate, put a
new key in front; drop the old one when everything was encrypted anew.

Source: the Fernet specification; ``cryptography.fernet.MultiFernet``; RFC 2104 for signatures.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from automation_engine.errors import InvalidArgument, SecretsUnreadable

KEY_FILE = "secret.key"
"""Name of the key file in the data folder, readable by its owner alone."""

KEY_VARIABLE = "AUTOMATION_ENGINE_SECRET_KEY"
"""The environment variable that ``keys`` come from."""


class SecretBox:
    """Seals and opens mappings of text, and bytes; signs, and knows its signatures again."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            # Without the cause, whose message could hold the key.
            raise InvalidArgument.of(
                KEY_VARIABLE, "each key must be 32 bytes in URL-safe base64, as Fernet.generate_key() makes them"
            ) from None
        # A key of its own: what Fernet does with the secret tells nothing about signatures, nor the other way round.
        derived = [
            hmac.digest(base64.urlsafe_b64decode(key), b"automation-engine signatures", "sha256") for key in keys
        ]
        self._macs = [hmac.new(key, digestmod="sha256") for key in derived]

    @classmethod
    def open(cls, data_dir: Path, keys: str | None = None) -> SecretBox:
        """Open with ``keys`` (comma-separated), or with the key file, made if there is none.

        Raises ``InvalidArgument`` for what is no key, and for a key file that others may read.
        """
        given = [key.strip() for key in (keys or "").split(",") if key.strip()]
        return cls(given or [_file_key(data_dir / KEY_FILE)])

    def __repr__(self) -> str:
        return "SecretBox()"

    def sign(self, data: bytes) -> bytes:
        """Return a signature of 32 bytes (HMAC-SHA-256) under the first key. ``data`` says what it is for."""
        return _signature(self._macs[0], data)

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Whether it is the signature of these data, under whichever key."""
        return any(hmac.compare_digest(_signature(mac, data), signature) for mac in self._macs)

    def encrypt(self, values: Mapping[str, str]) -> bytes:
        """Seal under the first key."""
        return self.seal(orjson.dumps(dict(values)))

    def decrypt(self, sealed: bytes) -> dict[str, str]:
        """Open under whichever key fits. Raises ``SecretsUnreadable`` when none does."""
        values: dict[str, str] = orjson.loads(self.unseal(sealed))
        return values

    def seal(self, data: bytes) -> bytes:
        """Seal what is no mapping of text."""
        return self._fernet.encrypt(data)

    def unseal(self, sealed: bytes) -> bytes:
        """Open what ``seal`` returned. Raises ``SecretsUnreadable``."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SecretsUnreadable(
                f"stored credentials can't be decrypted: put the key that sealed them back, either into {KEY_VARIABLE} "
                f"(behind the new key) or as {KEY_FILE} in the data folder, or enter the credentials again"
            ) from None


def _signature(mac: hmac.HMAC, data: bytes) -> bytes:
    copy = mac.copy()
    copy.update(data)
    return copy.digest()


def _file_key(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        _create(path, Fernet.generate_key())
        mode = path.stat().st_mode
    if stat.S_IMODE(mode) & 0o077:
        raise InvalidArgument.of(KEY_VARIABLE, f"{path} may be read by others: chmod 600 it, or give the key here")
    return path.read_text("ascii", errors="replace").strip()


def _create(path: Path, key: bytes) -> None:
    """Create the file whole or not at all; of several processes that start at once, the first one's key stays."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, key + b"\n")
        os.fsync(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        os.close(descriptor)
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
