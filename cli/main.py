"""`betjee`: its commands, their help, and how each of their ends becomes an exit code."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType
from typing import Final, NoReturn

from exchange.errors import ExchangeUnavailable, MigrationError, OtherHashKey, QuestionRefused
from runtime.exit_codes import ExitCode
from runtime.logs import set_up_logs
from runtime.servers import ServerError
from runtime.settings import SettingError, Settings, settings_from_process

logger = logging.getLogger(__name__)

Command = Callable[[argparse.Namespace, Settings], ExitCode]

DESCRIPTION: Final = "A prediction-market exchange that lives in a Discord chat."
EPILOGUE: Final = """\
Settings come from the environment; .env.example describes each. Without DATABASE_URL and REDIS_URL the commands
use a PostgreSQL and a Valkey of their own in the folder BETJEE_DATA: the first command starts them, others join,
the last one stops them.

exit codes: 0 done, 1 something does not balance, 2 the command line was not understood,
65 the database does not fit this version, 66 the key of the hashes is another than the database knows,
69 a service cannot be reached, 70 the program itself is broken, 78 a setting is wrong or missing, 130 interrupted.
"""

EXIT_CODES: Final[dict[type[Exception], ExitCode]] = {
    SettingError: ExitCode.SETTING_WRONG,
    ServerError: ExitCode.SERVICE_UNREACHABLE,
    ExchangeUnavailable: ExitCode.SERVICE_UNREACHABLE,
    MigrationError: ExitCode.DATABASE_UNFIT,
    OtherHashKey: ExitCode.HASH_KEY_UNKNOWN,
    QuestionRefused: ExitCode.USAGE,
}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `words` are the command line's, without the program's name."""
    arguments = command_line().parse_args(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        settings = settings_from_process()
        set_up_logs(settings.log_level, settings.log_format)
        # A command is imported only when it is the one to run, since Discord's library alone takes a second.
        command: Command = import_module(f"cli.{arguments.command}").run
        return command(arguments, settings)
    except tuple(EXIT_CODES) as error:
        print(f"betjee: {error}", file=sys.stderr)
        return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the answer, such as `head`, has seen enough. Python would complain at its exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.INTERRUPTED
    except Exception:
        # Python's own code for this is 1, which a supervisor would take for a failed audit.
        logger.exception("This should not have happened.")
        return ExitCode.BROKEN


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """A polite request to end is the same as Ctrl-C: what is open is closed on the way out."""
    raise KeyboardInterrupt


def command_line() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        "betjee",
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def add(name: str, summary: str, explanation: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=f"{summary} {explanation}".strip())

    add(
        "sandbox",
        "Run the exchange with a simulated Discord on a page in the browser.",
        "Nothing else is needed: no account, no token, no database. It prints the page's address.",
    )
    add(
        "bot",
        "Run the bot on Discord.",
        "It needs DISCORD_TOKEN. Where it can log in as the database's owner it migrates first.",
    )
    add(
        "web",
        "Serve the page on which members sign up.",
        "It needs BETJEE_PUBLIC_URL. Where it can log in as the database's owner it migrates first.",
    )
    add(
        "services",
        "Start the embedded PostgreSQL and Valkey, print their addresses, and stay until stopped.",
        "It prints DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL, one a line, ready for `export`.",
    )
    add("migrate", "Bring the database to this version's shapes and functions.", "It can be repeated.")
    audit = add(
        "audit",
        "Check that the ledger, the balances and the markets agree to the paisa.",
        "Exit code 0 and the figures when they do, 1 and every discrepancy when they do not.",
    )
    audit.add_argument("--exchange", type=positive, metavar="ID", help="check this exchange only")
    _add_rebuild_options(
        add(
            "rebuild",
            "Recompute positions, cash, pools and remaining shares from the ledger, and compare.",
            "Exit code 0 when nothing differs or what differed was repaired, 1 and every difference otherwise.",
        )
    )
    add(
        "rekey",
        "Go on with another key of the hashes, when the one before is lost for good.",
        "As the database's owner. Nobody who is banned or had the bonus is known again after that.",
    )
    add(
        "health",
        "Ask whether the database and Redis answer; for supervisors.",
        "It asks those of DATABASE_URL and REDIS_URL, or the embedded ones if they run, and starts nothing.",
    )
    return parser


def _add_rebuild_options(rebuild: argparse.ArgumentParser) -> None:
    rebuild.add_argument("--exchange", type=positive, metavar="ID", help="this exchange only")
    choice = rebuild.add_mutually_exclusive_group()
    choice.add_argument(
        "--at",
        type=positive,
        metavar="SEQUENCE",
        help="as of this moment of the past of one exchange; shows its figures",
    )
    choice.add_argument("--apply", action="store_true", help="repair what differs, as the database's owner")


def positive(text: str) -> int:
    """A whole number above zero, within what the database can hold.

    Raises ArgumentTypeError for anything else.
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**63):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
