"""Every setting: what it defaults to, what is refused, and that no secret is ever shown."""

import io
import logging
import re
from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path

import pytest

from runtime.logs import SecretsRemoved
from runtime.settings import (
    DISCORD_API_BASE,
    DISCORD_GATEWAY,
    SANDBOX_PORT,
    SettingError,
    Settings,
    settings_from,
)

ROOT = Path(__file__).parents[2]
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"  # noqa: S105 - made up.


def test_nothing_set_means_the_embedded_servers_and_discord_itself():
    settings = settings_from({})
    assert (settings.database_url, settings.database_owner_url, settings.redis_url) == (None, None, None)
    assert (settings.discord_api_base, settings.discord_gateway) == (DISCORD_API_BASE, DISCORD_GATEWAY)
    assert (settings.sandbox_port, settings.log_level) == (SANDBOX_PORT, "INFO")
    assert (settings.metrics_host, settings.metrics_port, settings.log_format) == ("127.0.0.1", None, "text")
    assert settings.data_folder.is_absolute()
    assert (settings.public_url, settings.web_proxies, settings.discord_client_id) == (None, (), None)
    assert (settings.web_host, settings.web_port) == ("127.0.0.1", 8080)


def test_an_empty_value_counts_as_not_set():
    assert settings_from({"DATABASE_URL": "", "REDIS_URL": " ", "BETJEE_SANDBOX_PORT": ""}) == settings_from(
        {}
    )


def test_values_are_taken_as_they_are():
    settings = settings_from(
        {
            "DATABASE_URL": "postgresql://service_role:secret@db:5432/betjee",
            "DATABASE_OWNER_URL": "postgres://exchange_owner@/betjee?host=%2Frun",
            "REDIS_URL": "unix://:secret@/run/valkey.sock",
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_API_BASE": "http://localhost:8080/api/v10/",
            "DISCORD_GATEWAY": "ws://localhost:8080/",
            "BETJEE_DATA": "/srv/betjee",
            "BETJEE_SANDBOX_PORT": "0",
            "LOG_LEVEL": "debug",
            "LOG_FORMAT": "JSON",
            "BETJEE_METRICS_PORT": "0",
            "BETJEE_METRICS_HOST": "::1",
            "BETJEE_PUBLIC_URL": "https://BetJee.example:8443/",
            "BETJEE_WEB_HOST": "::1",
            "BETJEE_WEB_PORT": "8081",
            "BETJEE_WEB_PROXIES": "172.18.0.0/16, 2001:db8::1",
            "DISCORD_CLIENT_ID": "4242",
            "DISCORD_CLIENT_SECRET": "secret",
            "BETJEE_HASH_KEY": "k" * 32,
        }
    )
    assert settings.database_url == "postgresql://service_role:secret@db:5432/betjee"
    assert settings.redis_url == "unix://:secret@/run/valkey.sock"
    assert settings.discord_api_base == "http://localhost:8080/api/v10"
    assert settings.discord_gateway == "ws://localhost:8080/"
    assert settings.data_folder == Path("/srv/betjee")
    assert (settings.sandbox_port, settings.log_level) == (0, "DEBUG")
    assert (settings.metrics_host, settings.metrics_port, settings.log_format) == ("::1", 0, "json")
    assert settings.require_discord_token() == TOKEN
    assert settings.require_public_url() == "https://betjee.example:8443"
    assert (settings.web_host, settings.web_port) == ("::1", 8081)
    assert settings.web_proxies == (ip_network("172.18.0.0/16"), ip_network("2001:db8::1"))
    assert (settings.discord_client_id, settings.discord_client_secret) == ("4242", "secret")
    assert settings.hash_key == "k" * 32


def test_the_page_may_be_reached_without_tls_on_this_machine_alone():
    for address in ("http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080"):
        assert settings_from({"BETJEE_PUBLIC_URL": address}).public_url == address


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://secret@db/betjee"),
        ("DATABASE_URL", "secret"),
        ("DATABASE_OWNER_URL", "postgresql://secret@db:port/betjee"),
        ("DATABASE_OWNER_URL", "postgresql://[secret/betjee"),
        ("REDIS_URL", "http://secret"),
        ("DISCORD_TOKEN", "two words"),
        ("DISCORD_API_BASE", "discord.com/api"),
        ("DISCORD_GATEWAY", "https://gateway.discord.gg"),
        ("BETJEE_DATA", "relative/folder"),
        ("BETJEE_SANDBOX_PORT", "65536"),
        ("BETJEE_SANDBOX_PORT", "-1"),
        ("BETJEE_SANDBOX_PORT", "²"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("BETJEE_METRICS_PORT", "many"),
        ("BETJEE_METRICS_HOST", "here.example"),
        ("BETJEE_PUBLIC_URL", "betjee.example"),
        ("BETJEE_PUBLIC_URL", "http://betjee.example"),
        ("BETJEE_PUBLIC_URL", "https://betjee.example/secret"),
        ("BETJEE_PUBLIC_URL", "https://name:secret@betjee.example"),
        ("BETJEE_PUBLIC_URL", "https://"),
        ("BETJEE_WEB_PORT", "http"),
        ("BETJEE_WEB_PROXIES", "172.18.0.0/16 secret"),
        ("BETJEE_WEB_PROXIES", "172.18.0.1/16"),
        ("DISCORD_CLIENT_ID", "secret"),
        ("BETJEE_HASH_KEY", "secret"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_that_names_it(name, value):
    with pytest.raises(SettingError) as refusal:
        settings_from({name: value})
    sentence = str(refusal.value)
    assert sentence.startswith(name)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "secret" not in sentence


def test_half_of_discords_client_is_refused():
    with pytest.raises(SettingError, match=r"^DISCORD_CLIENT_SECRET is not set"):
        settings_from({"DISCORD_CLIENT_ID": "4242"})
    with pytest.raises(SettingError, match=r"^DISCORD_CLIENT_ID is not set"):
        settings_from({"DISCORD_CLIENT_SECRET": "secret"})


def test_a_missing_address_of_the_page_is_refused_in_one_sentence():
    with pytest.raises(SettingError, match=r"^BETJEE_PUBLIC_URL is not set: .*\.$"):
        settings_from({}).require_public_url()


def test_a_missing_token_is_refused_in_one_sentence():
    with pytest.raises(SettingError, match=r"^DISCORD_TOKEN is not set: .*\.$"):
        settings_from({}).require_discord_token()


def test_the_example_describes_every_setting_and_no_other():
    described = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    renamed = {"data_folder": "BETJEE_DATA"} | {
        name: f"BETJEE_{name.upper()}"
        for name in (
            *("sandbox_port", "public_url", "web_host", "web_port", "web_proxies", "hash_key"),
            *("metrics_host", "metrics_port"),
        )
    }
    settings = {renamed.get(field.name, field.name.upper()) for field in fields(Settings)}
    composed = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert sorted(described) == sorted(settings | composed)


def test_settings_do_not_show_their_secrets():
    shown = repr(
        settings_from(
            {
                "DATABASE_URL": "postgresql://a:hidden@/b",
                "DATABASE_OWNER_URL": "postgresql://a:hidden@/b",
                "REDIS_URL": "redis://:hidden@c",
                "DISCORD_TOKEN": "hidden",
                "DISCORD_CLIENT_ID": "1",
                "DISCORD_CLIENT_SECRET": "hidden",
                "BETJEE_HASH_KEY": "hidden" * 6,
            }
        )
    )
    assert "hidden" not in shown


@pytest.mark.parametrize(
    "secret_line",
    [
        "connecting to postgresql://service_role:hidden@/betjee?host=%2Frun",
        "redis at unix://:hidden@/run/valkey.sock",
        f"Authorization: Bot {TOKEN}",
    ],
)
def test_logs_never_hold_a_secret(secret_line):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SecretsRemoved("%(message)s"))
    handler.emit(logging.LogRecord("test", logging.INFO, __file__, 1, "%s", (secret_line,), None))
    assert "hidden" not in stream.getvalue()
    assert TOKEN not in stream.getvalue()
    assert "***" in stream.getvalue()
