"""Embedded PostgreSQL and Valkey, from the programs that two Python packages carry."""

from runtime.servers.embedded import EmbeddedServers
from runtime.servers.errors import ServerError

__all__ = ["EmbeddedServers", "ServerError"]
