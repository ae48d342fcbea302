"""Every setting: what it defaults to, what is refused, and that no secret is ever shown."""

import io
import logging
import re
from dataclasses import fields
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


def test_a_missing_token_is_refused_in_one_sentence():
    with pytest.raises(SettingError, match=r"^DISCORD_TOKEN is not set: .*\.$"):
        settings_from({}).require_discord_token()


def test_the_example_describes_every_setting_and_no_other():
    described = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    renamed = {
        "data_folder": "BETJEE_DATA",
        "sandbox_port": "BETJEE_SANDBOX_PORT",
        "metrics_host": "BETJEE_METRICS_HOST",
        "metrics_port": "BETJEE_METRICS_PORT",
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
