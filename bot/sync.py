"""Telling Discord the bot's commands, only when they have changed: it allows few such changes a day."""

import hashlib
import json
import logging
from typing import Any

from discord import app_commands
from redis.asyncio import Redis
from redis.exceptions import RedisError

_log = logging.getLogger(__name__)


async def sync_commands(tree: app_commands.CommandTree[Any], application_id: int, redis: Redis) -> bool:
    """Sync unless these very commands were synced before and Discord still has them. Returns whether it did.

    A Redis that is away or has forgotten only means one sync too many.
    """
    commands = sorted(tree.get_commands(), key=lambda command: command.name)
    digest = hashlib.sha256(
        json.dumps([command.to_dict(tree) for command in commands], sort_keys=True).encode()
    ).hexdigest()
    key = f"betjee:commands:{application_id}"
    if await _recall(redis, key) == digest:
        registered = {command.name for command in await tree.fetch_commands()}
        if registered == {command.name for command in commands}:
            return False
    await tree.sync()
    _log.info("Told Discord the bot's %d commands.", len(commands))
    await _remember(redis, key, digest)
    return True


async def _recall(redis: Redis, key: str) -> str | None:
    try:
        value = await redis.get(key)
    except RedisError as error:
        _log.warning("Redis does not answer, so the commands are synced again: %s", error)
        return None
    return value.decode() if isinstance(value, bytes) else value


async def _remember(redis: Redis, key: str, digest: str) -> None:
    try:
        await redis.set(key, digest)
    except RedisError as error:
        _log.warning("Redis does not answer, so the next start syncs the commands again: %s", error)
