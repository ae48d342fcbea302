"""`betjee health`: whether the services that the other commands would use answer. It starts none."""

import argparse
import asyncio
import sys
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from exchange.database import connect
from runtime.addresses import running_addresses
from runtime.exit_codes import ExitCode
from runtime.settings import Settings

ANSWER_SECONDS: Final = 3.0


def run(_arguments: argparse.Namespace, settings: Settings) -> ExitCode:
    """Log in to the database as the application and ask Redis; the first that fails is named."""
    addresses = running_addresses(settings)
    database_url, redis_url = addresses.service(), addresses.redis()
    asyncio.run(_ask_database(database_url))
    try:
        _ask_redis(redis_url)
    except redis.RedisError as error:
        print(
            f"betjee: Redis does not answer, so limits are counted in each process alone, and signing up and "
            f"moderating wait: {error}",
            file=sys.stderr,
        )
        return ExitCode.SERVICE_UNREACHABLE
    print("The database and Redis answer.")
    return ExitCode.DONE


async def _ask_database(url: str) -> None:
    connection = await connect(url, ANSWER_SECONDS)
    await connection.close()


def _ask_redis(url: str) -> None:
    """A supervisor asks again by itself, so nothing is repeated here."""
    client = redis.Redis.from_url(
        url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    with client:
        client.ping()
