"""How an audit or a rebuild is shown."""

from collections.abc import Mapping, Sequence

from runtime.exit_codes import ExitCode


def show(figures: Mapping[str, object], discrepancies: Sequence[str]) -> ExitCode:
    """Print the figures, or every discrepancy where there are any, and say it by the exit code too."""
    for discrepancy in discrepancies:
        print(discrepancy)
    if discrepancies:
        return ExitCode.DISCREPANCY
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    return ExitCode.DONE
