"""Keyed hashes: what is one network and what is not, and where the key comes from."""

import stat
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.keyed_hashes import KeyedHashes, keyed_hashes
from runtime.settings import SettingError, Settings, settings_from

KEY = "a key of the test, long enough to be one"
HASHES = KeyedHashes(KEY.encode())


def settings_of(folder: Path) -> Settings:
    return settings_from({"BETJEE_DATA": str(folder)})


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_stands_for_itself_alone_in_whatever_notation(address):
    keys = HASHES.networks(str(address))
    assert (keys.wide_56, keys.wide_48) == (None, None)
    assert HASHES.networks(f"::ffff:{address}") == keys
    neighbour = type(address)((int(address) ^ 1) % 2**32)
    assert HASHES.networks(str(neighbour)) != keys


@given(st.integers(2**48, 2**128 - 1).map(IPv6Address), st.integers(0, 127))
def test_an_ipv6_network_is_the_same_until_a_bit_of_its_own_changes(address, bit):
    keys = HASHES.networks(str(address))
    other = IPv6Address(int(address) ^ (1 << (127 - bit)))
    if other.ipv4_mapped is not None:
        return
    others = HASHES.networks(other.exploded)
    assert (others.exact == keys.exact) is (bit >= 64)
    assert (others.wide_56 == keys.wide_56) is (bit >= 56)
    assert (others.wide_48 == keys.wide_48) is (bit >= 48)


def test_no_hash_of_one_purpose_is_one_of_another():
    networks = HASHES.networks("2001:db8::1")
    hashes = {
        networks.exact,
        networks.wide_56,
        networks.wide_48,
        HASHES.networks("192.0.2.1").exact,
        HASHES.identity("discord", "1"),
        HASHES.identity("discord1", ""),
        HASHES.identity("", "discord1"),
        bytes.fromhex(HASHES.seal("discord", "1")),
        bytes.fromhex(HASHES.seal("identity", "discord", "1")),
        HASHES.fingerprint,
        HASHES.identity("fingerprint", ""),
        KeyedHashes(b"another key").identity("discord", "1"),
        KeyedHashes(b"another key").fingerprint,
    }
    assert len(hashes) == 13
    assert all(len(value) == 32 for value in hashes if value is not None)


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4.5", "::g", "1.2.3.4:5"])
def test_what_is_no_address_has_no_keys(text):
    with pytest.raises(ValueError, match="address"):
        HASHES.networks(text)


def test_the_key_of_a_data_folder_is_made_once_and_for_its_owner_alone(tmp_path):
    folder = tmp_path / "data"
    first = keyed_hashes(settings_of(folder)).identity("discord", "1")
    assert stat.S_IMODE((folder / "hash.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert keyed_hashes(settings_of(folder)).identity("discord", "1") == first
    assert keyed_hashes(settings_of(tmp_path / "other")).identity("discord", "1") != first


def test_processes_that_start_at_once_agree_on_the_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        made = pool.map(lambda _: keyed_hashes(settings_of(tmp_path)).identity("discord", "1"), range(64))
    assert len(set(made)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["hash.key"]


def test_the_key_of_the_settings_goes_before_the_files(tmp_path):
    settings = settings_from({"BETJEE_DATA": str(tmp_path), "BETJEE_HASH_KEY": KEY})
    assert keyed_hashes(settings).identity("discord", "1") == HASHES.identity("discord", "1")
    assert list(tmp_path.iterdir()) == []


def test_where_no_key_can_be_kept_one_sentence_says_what_to_set():
    with pytest.raises(
        SettingError, match=r"^BETJEE_HASH_KEY is not set, and the folder .*: set one of them\.$"
    ):
        keyed_hashes(settings_of(Path("/proc/nowhere")))


def test_a_damaged_key_is_not_taken(tmp_path):
    (tmp_path / "hash.key").write_text("")
    with pytest.raises(SettingError, match="damaged"):
        keyed_hashes(settings_of(tmp_path))
