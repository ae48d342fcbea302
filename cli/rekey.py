"""`betjee rekey`: going on with another key of the hashes, when the one before is lost for good."""

import argparse
import asyncio

from exchange.hash_key import rekey
from runtime.addresses import addresses_for
from runtime.exit_codes import ExitCode
from runtime.keyed_hashes import keyed_hashes
from runtime.settings import Settings


def run(_arguments: argparse.Namespace, settings: Settings) -> ExitCode:
    """Accept the key of the settings as the owner, and tell what that means."""
    hashes = keyed_hashes(settings)
    with addresses_for(settings, redis=False) as addresses:
        changed = asyncio.run(rekey(addresses.owner(), hashes.fingerprint, hashes.identity))
    if not changed:
        print("That is the key that this database knows already.")
        return ExitCode.DONE
    print(
        "The key is accepted. Whoever has an account stays known, with bans, marks and the bonus they had. Whoever has none "
        "and was banned or had the bonus is not known again, nor is a network that was banned."
    )
    return ExitCode.DONE
