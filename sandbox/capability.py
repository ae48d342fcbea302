"""The secret part of the page's address, kept so that a tab from before a restart finds its way back."""

import re
import secrets
from pathlib import Path
from typing import Final

from runtime.servers.folder import private_file
from runtime.settings import SettingError

_FILE: Final = "sandbox-capability"
_CAPABILITY: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def kept_capability(data_folder: Path) -> str:
    """The capability of a data folder's page, made up the first time; only the folder's owner may read it.

    Raises SettingError if the folder cannot be used.
    """
    folder = data_folder.expanduser()
    path = folder / _FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = path.read_text("ascii", errors="replace") if path.exists() else ""
        if _CAPABILITY.fullmatch(known) and not path.stat().st_mode & 0o077:
            return known
        path.unlink(missing_ok=True)
        made_up = secrets.token_urlsafe(32)
        with private_file(path) as file:
            file.write(made_up)
    except OSError as error:
        raise SettingError(f"The data folder {folder} cannot be used: {error.strerror}.") from error
    return made_up
