"""Another key of the hashes than the one the database knows: noticed, refused, and accepted only on purpose."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from exchange.acts import Suspect, WipeMode
from exchange.database import Database as ConnectionPool
from exchange.errors import OtherHashKey, QuestionRefused, RequestRejected
from exchange.exchange import Exchange
from exchange.hash_key import rekey
from exchange.models import Identity
from runtime.exit_codes import ExitCode
from runtime.keyed_hashes import KeyedHashes, keyed_hashes
from runtime.settings import settings_from
from tests.conftest import HASHES, Database
from tests.sql.blocking import holding, wait_for_waiting, watcher
from tests.system.conftest import ANSWER_SECONDS, Betjee, environment

__all__ = ["watcher"]

OURS = "the key under which everything was hashed"
OTHER = "another key, made up when a folder was lost"
OTHER_HASHES = KeyedHashes(OTHER.encode())


async def test_the_first_key_becomes_the_one_and_another_is_refused(exchange: Exchange):
    await exchange.check_hash_key(HASHES.fingerprint)
    with pytest.raises(
        OtherHashKey, match=r"^The key of the hashes is not .* `betjee rekey` goes on without it\.$"
    ):
        await exchange.check_hash_key(OTHER_HASHES.fingerprint)
    await exchange.check_hash_key(HASHES.fingerprint)


async def test_of_two_programs_that_begin_at_once_with_different_keys_one_is_refused(
    exchange: Exchange, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
):
    first = "select betjee.check_hash_key($1)"
    async with holding(connection_owner, first, OTHER_HASHES.fingerprint):
        second = asyncio.create_task(exchange.check_hash_key(HASHES.fingerprint))
        await wait_for_waiting(watcher, "check_hash_key")
    with pytest.raises(OtherHashKey):
        await second


async def test_only_the_owner_accepts_another_key_and_may_go_back(exchange: Exchange, database: Database):
    await exchange.check_hash_key(HASHES.fingerprint)
    with pytest.raises(QuestionRefused, match="Only the owner"):
        await rekey(database.service_url, OTHER_HASHES.fingerprint, OTHER_HASHES.identity)
    assert await rekey(database.owner_url, OTHER_HASHES.fingerprint, OTHER_HASHES.identity) is True
    assert await rekey(database.owner_url, OTHER_HASHES.fingerprint, OTHER_HASHES.identity) is False
    with pytest.raises(OtherHashKey):
        await exchange.check_hash_key(HASHES.fingerprint)
    assert await rekey(database.owner_url, HASHES.fingerprint, HASHES.identity) is True
    await exchange.check_hash_key(HASHES.fingerprint)


async def test_what_is_lost_with_a_key_comes_back_with_it(exchange: Exchange, database: Database):
    """Why it matters: under another key the bonus is granted once more, and no query fails."""
    leaver = Identity("discord", "2", "Mallory")
    exchange_id = await exchange.open_exchange(1, "discord", "900", "JEE", Identity("discord", "1", "Meera"))

    async def bonus_paise(hashes: KeyedHashes, request_id: int) -> int:
        """What somebody gets who signs up, and leaves again."""
        hashing = Exchange(ConnectionPool(database.service_url), hash_identity=hashes.identity)
        registered = await hashing.register_user(exchange_id, request_id, leaver)
        await hashing.delete_user(exchange_id, request_id + 1, registered.user_id, leaver)
        await hashing.close()
        return registered.bonus_paise

    assert await bonus_paise(HASHES, 10) > 0
    assert await bonus_paise(HASHES, 20) == 0
    assert await bonus_paise(OTHER_HASHES, 30) > 0
    assert await bonus_paise(HASHES, 40) == 0


async def test_who_has_an_account_stays_known_under_another_key(exchange: Exchange, database: Database):
    """A ban, and a wipe by what was known before, keep out whoever they are of; nobody gets a second bonus."""
    people = [Identity("discord", str(number), f"Bot {number}") for number in range(3)]
    exchange_id = await exchange.open_exchange(1, "discord", "900", "JEE", Identity("discord", "9", "Meera"))
    (owner,) = await exchange.list_moderators(exchange_id)
    users = [
        (await exchange.register_user(exchange_id, 10 + place, identity)).user_id
        for place, identity in enumerate(people)
    ]
    await exchange.ban_user(exchange_id, 20, owner.user_id, users[0], people[0], reason="Odd.")
    wiped = Suspect(users[1], "discord", "1")
    wipe = await exchange.plan_wipe(
        exchange_id, 21, owner.user_id, [wiped], mode=WipeMode.BURN, reason="Bots."
    )
    await exchange.check_hash_key(HASHES.fingerprint)
    assert await rekey(database.owner_url, OTHER_HASHES.fingerprint, OTHER_HASHES.identity)

    other = Exchange(ConnectionPool(database.service_url), hash_identity=OTHER_HASHES.identity)
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("update betjee.wipes set due_at = planned_at where wipe_id = $1", wipe.wipe_id)
    await connection.close()
    await other.apply_deadlines(exchange_id)
    for place in (0, 2):
        await other.delete_user(exchange_id, 30 + place, users[place], people[place])
    for place in (0, 1):
        with pytest.raises(RequestRejected, match="You are banned"):
            await other.register_user(exchange_id, 40 + place, people[place])
    assert (await other.register_user(exchange_id, 42, people[2])).bonus_paise == 0
    await other.close()


async def test_going_back_to_a_key_under_which_they_were_known_too(exchange: Exchange, database: Database):
    leaver = Identity("discord", "2", "Mallory")
    exchange_id = await exchange.open_exchange(1, "discord", "900", "JEE", Identity("discord", "1", "Meera"))
    (owner,) = await exchange.list_moderators(exchange_id)
    await exchange.check_hash_key(HASHES.fingerprint)
    member = await exchange.register_user(exchange_id, 10, leaver)
    await exchange.delete_user(exchange_id, 11, member.user_id, leaver)
    assert await rekey(database.owner_url, OTHER_HASHES.fingerprint, OTHER_HASHES.identity)
    other = Exchange(ConnectionPool(database.service_url), hash_identity=OTHER_HASHES.identity)
    member = await other.register_user(exchange_id, 12, leaver)
    await other.ban_user(exchange_id, 13, owner.user_id, member.user_id, leaver, reason="Odd.")
    await other.close()
    assert await rekey(database.owner_url, HASHES.fingerprint, HASHES.identity)
    await exchange.delete_user(exchange_id, 14, member.user_id, leaver)
    with pytest.raises(RequestRejected, match="You are banned"):
        await exchange.register_user(exchange_id, 15, leaver)


COMMANDS = {
    "bot": {"DISCORD_TOKEN": "nobodys", "DISCORD_API_BASE": "http://127.0.0.1:9/api"},
    "web": {"BETJEE_PUBLIC_URL": "https://betjee.example", "BETJEE_WEB_PORT": "0"},
    "sandbox": {"BETJEE_SANDBOX_PORT": "0"},
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_program_with_another_key_does_not_begin_and_says_what_to_do(
    betjee: Betjee, database: Database, command: str
):
    ours = keyed_hashes(settings_from({"BETJEE_HASH_KEY": OURS}))
    assert asyncio.run(rekey(database.owner_url, ours.fingerprint, ours.identity))
    addresses = {
        "DATABASE_URL": database.service_url,
        "DATABASE_OWNER_URL": database.owner_url,
        "REDIS_URL": database.redis_url,
    }
    finished = betjee(command, BETJEE_HASH_KEY=OTHER, **addresses, **COMMANDS[command])
    assert finished.returncode == ExitCode.HASH_KEY_UNKNOWN, finished.stderr
    (said,) = [line for line in finished.stderr.splitlines() if line.startswith("betjee: ")]
    assert "Put back BETJEE_HASH_KEY" in said
    assert "`betjee rekey`" in said


def test_accepting_a_key_lets_programs_begin_again(betjee: Betjee, database: Database, data_folder: Path):
    ours = keyed_hashes(settings_from({"BETJEE_HASH_KEY": OURS}))
    assert asyncio.run(rekey(database.owner_url, ours.fingerprint, ours.identity))
    settings = {"DATABASE_OWNER_URL": database.owner_url, "BETJEE_HASH_KEY": OTHER}
    accepted = betjee("rekey", **settings)
    assert (accepted.returncode, accepted.stderr) == (ExitCode.DONE, "")
    assert "stays known" in accepted.stdout
    assert "knows already" in betjee("rekey", **settings).stdout

    settings |= {"DATABASE_URL": database.service_url, "REDIS_URL": database.redis_url, **COMMANDS["web"]}
    web = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "web"],
        env=environment(data_folder, settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert web.stderr is not None
    try:
        assert any("Serving https://betjee.example" in line for line in web.stderr)
    finally:
        web.send_signal(signal.SIGTERM)
        web.communicate(timeout=ANSWER_SECONDS)
    assert web.returncode == ExitCode.DONE


async def test_the_key_cannot_be_had_from_what_is_stored(
    exchange: Exchange, connection_owner: asyncpg.Connection
):
    await exchange.check_hash_key(KeyedHashes(OURS.encode()).fingerprint)
    stored = await connection_owner.fetchval("select h::text from betjee.hash_key h")
    assert OURS not in stored
    assert OURS.encode().hex() not in stored
