"""The exit codes of the `betjee` command, so that whoever supervises it can tell the cases apart."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a `betjee` command ended. The figures above 2 are those of sysexits.h."""

    DONE = 0
    """It did what was asked; for an audit: everything balances."""

    DISCREPANCY = 1
    """An audit or a rebuild found something that does not balance, and said what."""

    USAGE = 2
    """The command line was not understood (argparse's own code)."""

    DATABASE_UNFIT = 65
    """The database's shapes do not fit this version of the program."""

    HASH_KEY_UNKNOWN = 66
    """The key of the hashes is not the one under which the database knows people and networks."""

    SERVICE_UNREACHABLE = 69
    """The database, Redis, Discord or an embedded server could not be reached or started."""

    BROKEN = 70
    """The program itself failed in a way that nobody foresaw; the log holds the trace."""

    SETTING_WRONG = 78
    """A setting is missing or has a wrong value; the message names it. Trying again will not help."""

    INTERRUPTED = 130
    """It was stopped by a signal before it was done, and tidied up."""
