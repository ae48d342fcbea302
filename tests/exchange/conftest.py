"""Random tests share a test's database, since each example founds an exchange of its own."""

from tests.sql.blocking import watcher
from tests.sql.shared_database import database

__all__ = ["database", "watcher"]
