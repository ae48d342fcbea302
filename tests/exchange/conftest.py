"""How random tests run: a bounded number of examples, more by BETJEE_HYPOTHESIS=thorough, seeds always printed."""

import os

from hypothesis import HealthCheck, settings

from tests.sql.blocking import watcher
from tests.sql.shared_database import database

__all__ = ["database", "watcher"]

# Each example founds an exchange of its own, so it does not matter that they share a test's database.
SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile(
    "bounded", max_examples=150, deadline=None, print_blob=True, suppress_health_check=SHARED
)
settings.register_profile("thorough", settings.get_profile("bounded"), max_examples=3_000)
settings.load_profile(os.environ.get("BETJEE_HYPOTHESIS", "bounded"))
