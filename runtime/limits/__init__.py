"""How often members may do what: counted in Redis by all processes together, and by each alone while Redis is away.

`Limits.check` is all that a front end needs; `Limits.state` says where it is counted now.
"""

from runtime.limits.budgets import Budget, Caller, Reason, Ruling
from runtime.limits.limits import Limits, Network
from runtime.limits.outages import CountingState

__all__ = ["Budget", "Caller", "CountingState", "Limits", "Network", "Reason", "Ruling"]
