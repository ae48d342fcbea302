"""The exchange: one method for each operation, each a call of the SQL function of that name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from exchange import models
from exchange.batching import OrderQueue, order_request
from exchange.charts import Charts
from exchange.database import Database
from exchange.enforcement import Enforcement, HashIdentity
from exchange.errors import ExchangeError, RequestRejected
from exchange.finding import Finding
from exchange.hash_key import HashKey
from exchange.health import HealthChecks, Meter
from exchange.holds import Holds
from exchange.leaderboards import Leaderboards
from exchange.limits import Limiting
from exchange.live_boards import LiveBoards
from exchange.outbox import Outbox
from exchange.privacy import Privacy
from exchange.records import Records
from exchange.sign_up import SignUp
from exchange.waiting import Waiting

_QUOTES_AT_MOST = 25


class Exchange(
    Charts,
    Enforcement,
    Finding,
    HashKey,
    HealthChecks,
    Holds,
    Leaderboards,
    Limiting,
    LiveBoards,
    Outbox,
    Privacy,
    Records,
    SignUp,
    Waiting,
):
    """All communities' exchanges in one database.

    Every writing method takes the caller's `request_id` (0 < id < 2**63): the same id again gives
    the first answer again and changes nothing. Methods raise `ExchangeUnavailable` when the
    database cannot be reached and nothing has changed, `OutcomeUnknown` when a write was sent and
    no answer came within the bounded time, and `RequestRejected` for a malformed or forbidden
    request. A refused order is an `Outcome`, not an exception. `on_order` is called after each
    order that was answered, since it may have queued notices; it must not wait for anything.
    `meter` takes note of batches and refusals. `hash_identity` is the keyed hash of identities; a process that
    signs up, bans and wipes nobody needs none.
    """

    def __init__(
        self,
        database: Database,
        *,
        on_order: Callable[[], None] | None = None,
        meter: Meter | None = None,
        hash_identity: HashIdentity | None = None,
    ) -> None:
        super().__init__(database)
        self._hash_identity = hash_identity
        self._orders = OrderQueue(database, meter=meter)
        self._on_order = on_order

    async def close(self) -> None:
        """Finish the orders in hand, take no new ones, and close the connections."""
        await self._orders.close()
        await self._database.close()

    # Communities and members

    async def find_exchange(self, provider: str, community_id: str) -> int | None:
        """The exchange of a community (a Discord guild), or None where it has none yet."""
        exchange_id: int | None = await self._read(
            "select betjee.find_exchange($1, $2)", provider, community_id
        )
        return exchange_id

    async def open_exchange(
        self,
        request_id: int,
        provider: str,
        community_id: str,
        name: str,
        owner: models.Identity,
        *,
        verification: str = "off",
    ) -> int:
        """Open a community's exchange with its markets; its owner becomes its first moderator.

        A community that has one already keeps it. `verification` (`off` or `web`) is how members sign
        up until a moderator sets it otherwise. Returns the exchange's id.
        """
        document = await self._write(
            request_id,
            "select betjee.open_exchange($1, $2, $3, $4, $5, $6, $7, $8)",
            provider,
            community_id,
            name,
            owner.provider_user_id,
            owner.display_name,
            verification,
            self._hash(provider, owner.provider_user_id),
        )
        return int(document["exchange_id"])

    async def find_user(self, exchange_id: int, provider: str, provider_user_id: str) -> models.User | None:
        """The member with that identity, or None where the exchange does not know it."""
        document = await self._read(
            "select betjee.find_user($1, $2, $3)", exchange_id, provider, provider_user_id
        )
        return models.User.from_json(document) if document else None

    # Orders

    async def execute_order(self, exchange_id: int, order: models.Order) -> models.Outcome:
        """Execute an order together with the others that wait; see `OrderQueue`."""
        outcome = await self._orders.execute(exchange_id, order)
        if self._on_order is not None:
            self._on_order()
        return outcome

    async def quote_order(self, exchange_id: int, order: models.Order) -> models.Outcome:
        """What that order would give now, from the rule that executes it. Changes nothing."""
        return (await self.quote_orders(exchange_id, [order]))[0]

    async def quote_orders(self, exchange_id: int, orders: Sequence[models.Order]) -> list[models.Outcome]:
        """Quotes of several orders (at most 25), each as if it were alone."""
        if len(orders) > _QUOTES_AT_MOST:
            raise ValueError(f"At most {_QUOTES_AT_MOST} orders are quoted at once, not {len(orders)}.")
        rows = await self._rows(
            "select quote.* from unnest($2::betjee.order_request[]) with ordinality as given,"
            " betjee.quote_order($1, (given.request_id, given.user_id, given.market, given.side, given.shares,"
            " given.portion_bps, given.limit_paise, given.confirmed)::betjee.order_request) as quote"
            " order by given.ordinality",
            exchange_id,
            [order_request(order) for order in orders],
        )
        return [models.Outcome.from_values(row.values()) for row in rows]

    # Views

    async def get_portfolio(self, exchange_id: int, user_id: int) -> models.Portfolio:
        """What a member has, at liquidation value. Raises `RequestRejected` for a stranger."""
        document = await self._read("select betjee.get_portfolio($1, $2)", exchange_id, user_id)
        if document is None:
            raise RequestRejected("unknown_user", "This exchange has no such member.")
        return models.Portfolio.from_json(document)

    async def list_markets(self, exchange_id: int) -> list[models.Market]:
        """All markets in their order."""
        documents = await self._read_all("select betjee.list_markets($1)", exchange_id)
        return [models.Market.from_json(document) for document in documents]

    async def get_preferences(self, exchange_id: int) -> models.Preferences:
        """The settings that a front end needs. Raises `RequestRejected` where there is no such exchange."""
        document = await self._read("select betjee.get_preferences($1)", exchange_id)
        if document is None:
            raise RequestRejected("unknown_exchange", "There is no such exchange.")
        return models.Preferences.from_json(document)

    # Moderation

    async def list_settings(self, exchange_id: int) -> list[models.Setting]:
        """What can be set, with its bounds."""
        documents = await self._read_all("select betjee.list_settings($1)", exchange_id)
        return [models.Setting.from_json(document) for document in documents]

    async def change_setting(
        self, exchange_id: int, request_id: int, moderator_user_id: int, name: str, value: str
    ) -> models.SettingChange:
        """Change a setting, on the record. Raises `RequestRejected` with the bounds it broke."""
        document = await self._write(
            request_id,
            "select betjee.change_setting($2, $1, $3, $4, $5)",
            exchange_id,
            moderator_user_id,
            name,
            value,
        )
        return models.SettingChange.from_json(document)

    async def list_moderators(self, exchange_id: int) -> list[models.Moderator]:
        """The moderators, the owner first."""
        documents = await self._read_all("select betjee.list_moderators($1)", exchange_id)
        return [models.Moderator.from_json(document) for document in documents]

    async def add_moderator(
        self, exchange_id: int, request_id: int, owner_user_id: int, identity: models.Identity
    ) -> models.Moderator:
        """Make someone a moderator, on the record; only the owner may."""
        document = await self._write(
            request_id,
            "select betjee.add_moderator($2, $1, $3, $4, $5, $6, $7)",
            exchange_id,
            owner_user_id,
            identity.provider,
            identity.provider_user_id,
            identity.display_name,
            self._hash(identity.provider, identity.provider_user_id),
        )
        return models.Moderator.from_json(document)

    async def remove_moderator(
        self, exchange_id: int, request_id: int, owner_user_id: int, moderator_user_id: int
    ) -> models.Moderator:
        """Take the role from a moderator, on the record; only the owner may, and keeps their own."""
        document = await self._write(
            request_id,
            "select betjee.remove_moderator($2, $1, $3, $4)",
            exchange_id,
            owner_user_id,
            moderator_user_id,
        )
        return models.Moderator.from_json(document)

    async def report(self, exchange_id: int, request_id: int, user_id: int, text: str) -> int:
        """Record feedback (1 to 1,000 characters) to the moderators; returns the report's number."""
        document = await self._write(
            request_id, "select betjee.report($2, $1, $3, $4)", exchange_id, user_id, text
        )
        return int(document["report_id"])

    async def list_reports(
        self, exchange_id: int, moderator_user_id: int, limit: int = 10
    ) -> list[models.Report]:
        """The newest reports (at most 100), for moderators. Raises `RequestRejected` for everyone else."""
        documents = await self._read_all(
            "select betjee.list_reports($1, $2, $3)", exchange_id, moderator_user_id, limit
        )
        return [models.Report.from_json(document) for document in documents]

    # Upkeep

    async def check(self) -> None:
        """Ask the database whether it answers. Raises `ExchangeUnavailable`."""
        await self._read("select 1")

    async def apply_deadlines(self, exchange_id: int) -> None:
        """Reopen the markets whose halt has ended, end cool-downs and bans, execute wipes that are due, and
        fill the stops that were waiting for it.

        Whoever trades next would do the same; nothing depends on this being called.
        """
        await self._rows("select from betjee.execute_orders($1, '{}')", exchange_id)

    async def reopen_markets(self) -> int:
        """Apply the deadlines of all exchanges that have any; returns how many exchanges that were.

        One that cannot be reached keeps no other waiting; its `ExchangeError` is raised at the end.
        """
        exchange_ids = await self._read_all("select betjee.list_due_exchanges()")
        outcomes = [await self._try_deadlines(exchange_id) for exchange_id in exchange_ids]
        if errors := [error for error in outcomes if error is not None]:
            raise errors[0]
        return len(exchange_ids)

    async def _try_deadlines(self, exchange_id: int) -> ExchangeError | None:
        try:
            await self.apply_deadlines(exchange_id)
        except ExchangeError as error:
            return error
        return None

    async def purge_requests(self, limit: int = 10_000) -> int:
        """Forget the outcomes of requests older than 30 days, `limit` at a time; returns how many."""
        return await self._purge("select betjee.purge_requests($1)", limit)
