"""Keyed hashes of identities and networks: what the database keeps instead of them.

The key is outside the database, so whoever has only a copy of it can recognise nobody: without a
key, the four billion IPv4 addresses are guessed in minutes. Whoever loses the key forgets whose
bonus and whose ban is whose. All processes on one database must have the same.
"""

import contextlib
import hmac
import os
import secrets
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from exchange.verification import NetworkKeys
from runtime.settings import SettingError, Settings

KEY_FILE: Final = "hash.key"
_KEY_BYTES: Final = 32


class KeyedHashes:
    """HMAC-SHA256 under one key. Each purpose has a prefix of its own, so no hash of one is a hash of another."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def fingerprint(self) -> bytes:
        """By which the key is known again, and cannot be had."""
        return self._hash(b"fingerprint")

    def identity(self, provider: str, provider_user_id: str) -> bytes:
        """Somebody's identity at a chat provider."""
        return self._hash(b"identity", provider.encode(), provider_user_id.encode())

    def networks(self, address: str) -> NetworkKeys:
        """The network of an address, in whatever notation.

        An IPv4 address stands for itself alone, also where it is written as IPv6 (`::ffff:192.0.2.1`):
        around it are strangers. An IPv6 customer has a /64, a /56 or a /48 to roam in, so there are
        keys of all three. Raises ValueError for what is no address.
        """
        parsed = _canonical(address)
        if isinstance(parsed, IPv4Address):
            return NetworkKeys(self._hash(b"ipv4 /32", parsed.packed))
        return NetworkKeys(
            self._hash(b"ipv6 /64", parsed.packed[:8]),
            self._hash(b"ipv6 /56", parsed.packed[:7]),
            self._hash(b"ipv6 /48", parsed.packed[:6]),
        )

    def seal(self, purpose: str, *parts: str) -> str:
        """A mark that only this key's holders can make for these parts, as hexadecimal digits."""
        return self._hash(b"seal", purpose.encode(), *(part.encode() for part in parts)).hex()

    def _hash(self, *parts: bytes) -> bytes:
        """Each part is preceded by its length, so that no two lists of parts read alike."""
        message = b"".join(len(part).to_bytes(4, "big") + part for part in (b"betjee", *parts))
        return hmac.digest(self._key, message, "sha256")


def _canonical(address: str) -> IPv4Address | IPv6Address:
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def keyed_hashes(settings: Settings) -> KeyedHashes:
    """The hashes under the key of the settings, or of the data folder, where one is made up the first time.

    Raises SettingError where there is neither.
    """
    if settings.hash_key is not None:
        return KeyedHashes(settings.hash_key.encode())
    try:
        return KeyedHashes(_key_of(settings.data_folder))
    except OSError as error:
        raise SettingError(
            f"BETJEE_HASH_KEY is not set, and the folder {settings.data_folder} cannot hold a key "
            f"({error.strerror}): set one of them."
        ) from error


def _key_of(folder: Path) -> bytes:
    path = folder / KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        return _read_key(path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made_up = folder / f"{KEY_FILE}.{secrets.token_hex(8)}"
    file = os.open(made_up, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, secrets.token_hex(_KEY_BYTES).encode())
        os.fsync(file)
        # Where two processes start at once, the first to link its key here decides for both.
        with contextlib.suppress(FileExistsError):
            os.link(made_up, path)
    finally:
        os.close(file)
        made_up.unlink()
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    key = path.read_bytes().strip()
    if len(key) < _KEY_BYTES:
        raise SettingError(f"The key in {path} is damaged; restore that file from a backup.")
    return key
