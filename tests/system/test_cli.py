"""The `betjee` command as a person or a supervisor runs it: what it says, and how it ends."""

import asyncio
import signal

import asyncpg
import pytest

from cli.main import command_line
from runtime.exit_codes import ExitCode
from runtime.servers import EmbeddedServers
from runtime.servers.folder import DataFolder
from runtime.servers.postgres import Postgres

COMMANDS = ("sandbox", "bot", "web", "services", "migrate", "audit", "rebuild", "rekey", "health")
NOWHERE = "postgresql://service_role:hidden@127.0.0.1:9/betjee"
NO_REDIS = "redis://:hidden@127.0.0.1:9/0"


def assert_one_sentence(finished, beginning):
    said = [line for line in finished.stderr.splitlines() if " INFO " not in line]
    assert len(said) == 1, finished.stderr
    assert said[0].startswith(f"betjee: {beginning}"), finished.stderr
    assert "hidden" not in finished.stderr


def test_help_explains_every_command_and_exit_code(betjee):
    finished = betjee("--help")
    assert finished.returncode == ExitCode.DONE
    for command in COMMANDS:
        assert f"\n    {command} " in finished.stdout
    for code in ExitCode:
        assert f"{code.value} " in finished.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as end:
        command_line().parse_args([command, "--help"])
    assert end.value.code == ExitCode.DONE
    assert len(capsys.readouterr().out.splitlines()) > 3


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fly"],
        ["audit", "--exchange", "0"],
        ["rebuild", "--at", "-1"],
        ["rebuild", "--at", str(2**63)],
        ["rebuild", "--at", "5", "--apply"],
    ],
)
def test_what_is_not_understood_is_a_usage_error(capsys, words):
    with pytest.raises(SystemExit) as end:
        command_line().parse_args(words)
    assert end.value.code == ExitCode.USAGE
    assert "usage: betjee" in capsys.readouterr().err


def test_a_wrong_setting_ends_every_command(betjee):
    finished = betjee("migrate", DATABASE_URL="mysql://hidden@db")
    assert finished.returncode == ExitCode.SETTING_WRONG
    assert_one_sentence(finished, "DATABASE_URL is not a valid address")


@pytest.mark.parametrize(
    ("command", "settings", "missing"),
    [
        ("bot", {}, "DISCORD_TOKEN"),
        (
            "bot",
            {"DISCORD_TOKEN": "hidden", "DATABASE_OWNER_URL": NOWHERE, "REDIS_URL": NO_REDIS},
            "DATABASE_URL",
        ),
        ("migrate", {"DATABASE_URL": NOWHERE}, "DATABASE_OWNER_URL"),
        ("rekey", {"DATABASE_URL": NOWHERE, "BETJEE_HASH_KEY": "x" * 32}, "DATABASE_OWNER_URL"),
        ("audit", {"DATABASE_OWNER_URL": NOWHERE}, "DATABASE_URL"),
        ("health", {}, "DATABASE_URL"),
        ("health", {"DATABASE_URL": NOWHERE}, "REDIS_URL"),
    ],
)
def test_a_missing_setting_is_named(betjee, data_folder, command, settings, missing):
    finished = betjee(command, **settings)
    assert finished.returncode == ExitCode.SETTING_WRONG
    assert_one_sentence(finished, f"{missing} is not set")
    assert list(data_folder.iterdir()) == []  # Nothing was started for it.


@pytest.mark.parametrize("command", ["migrate", "audit", "rebuild", "health"])
def test_a_database_that_is_not_there_is_told_in_one_sentence(betjee, command):
    finished = betjee(command, DATABASE_URL=NOWHERE, DATABASE_OWNER_URL=NOWHERE, REDIS_URL=NO_REDIS)
    assert finished.returncode == ExitCode.SERVICE_UNREACHABLE
    assert_one_sentence(finished, "The database could not be reached")


def test_an_embedded_server_that_cannot_start_is_told_in_one_sentence(betjee, data_folder):
    (data_folder / "run").mkdir()
    (data_folder / "run").chmod(0o777)
    finished = betjee("services")
    assert finished.returncode == ExitCode.SERVICE_UNREACHABLE
    assert_one_sentence(finished, "The folder ")


def test_services_prints_three_addresses_and_stays_until_stopped(data_folder, start_services, betjee):
    services = start_services()
    assert [line.split("=")[0] for line in services.lines] == [
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "REDIS_URL",
    ]
    assert services.process.poll() is None
    assert betjee("health", **services.addresses).returncode == ExitCode.DONE
    assert betjee("health").stdout == "The database and Redis answer.\n"
    assert betjee("health", REDIS_URL=NO_REDIS).returncode == ExitCode.SERVICE_UNREACHABLE
    services.process.send_signal(signal.SIGTERM)
    rest, said = services.process.communicate()
    assert services.process.returncode == ExitCode.DONE
    assert rest == ""
    assert "Started the servers" in said
    assert Postgres(DataFolder(data_folder)).running_pid is None
    stopped = betjee("health")
    assert stopped.returncode == ExitCode.SETTING_WRONG
    assert_one_sentence(stopped, "DATABASE_URL is not set, and no embedded one runs on the data folder")
    assert Postgres(DataFolder(data_folder)).running_pid is None


def test_health_names_what_does_not_answer(servers, database, betjee):
    finished = betjee("health", DATABASE_URL=database.service_url, REDIS_URL=NO_REDIS)
    assert finished.returncode == ExitCode.SERVICE_UNREACHABLE
    assert_one_sentence(finished, "Redis does not answer")


def test_a_fresh_folder_is_migrated_audited_and_rebuilt(betjee, data_folder):
    first = betjee("migrate")
    assert first.returncode == ExitCode.DONE, first.stderr
    assert first.stdout.splitlines()[0].startswith("applied 0001_")
    assert betjee("migrate").stdout == "The database is up to date.\n"
    for words in (["audit"], ["rebuild"], ["rebuild", "--apply"]):
        finished = betjee(*words)
        assert finished.returncode == ExitCode.DONE, finished.stdout + finished.stderr
    with EmbeddedServers(data_folder) as servers:
        assert not servers.were_running  # Each command stopped what it had started.


def test_a_command_joins_services_and_leaves_them_running(data_folder, start_services, betjee):
    services = start_services()
    pid = Postgres(DataFolder(data_folder)).running_pid
    assert betjee("migrate").returncode == ExitCode.DONE
    assert betjee("audit").returncode == ExitCode.DONE
    assert Postgres(DataFolder(data_folder)).running_pid == pid
    assert services.stop() == ExitCode.DONE


def test_a_database_that_is_newer_than_the_program_is_refused(betjee, start_services):
    services = start_services()
    assert betjee("migrate").returncode == ExitCode.DONE

    async def come_from_the_future():
        connection = await asyncpg.connect(services.addresses["DATABASE_OWNER_URL"])
        await connection.execute("insert into public.betjee_migrations values ('9999_future', 'checksum')")
        await connection.close()

    asyncio.run(come_from_the_future())
    finished = betjee("migrate")
    assert finished.returncode == ExitCode.DATABASE_UNFIT
    assert_one_sentence(finished, "The database's shapes do not fit")
