"""What the browser talks to: simcord's preview page, made fit for a world that moves by itself.

The preview was made for tests, where nothing happens between two actions of a person: it refuses
an action that overlaps another operation, and one whose sender has not yet seen the newest state.
Here prices move all the time. So this server stands in front of it: actions take turns with the
clock, each is brought up to date when its turn comes, and a command typed as one line is
understood, or answered by a hint. It also dresses the page.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urldefrag

import aiohttp
import simcord
from aiohttp import web

from bot.replies.text import plain
from runtime.http_connections import listening
from runtime.settings import SettingError
from sandbox.screen import Screen
from sandbox.typed_commands import Entry, LineUnreadable, TypedCommands

LOOPBACK: Final = "127.0.0.1"
LARGEST_REQUEST_BYTES: Final = 1024 * 1024
HEADERS_TO_PREVIEW: Final = ("X-Simcord-Capability", "X-Simcord-Context", "Content-Type")
HEADERS_OF_ONE_HOP: Final = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})
SHOWN_TO_ALL: Final = frozenset({"run_command", "send_message", "edit_message", "delete_message"})
"""The actions after which the preview itself draws the pages of all; after others only that of whoever acted."""

CHANGES_NOTHING: Final = frozenset({"autocomplete_command", "browse_messages", "browse_candidates"})

LONGEST_HINT: Final = 120
SHUTDOWN_SECONDS: Final = 2.0
OUR_FILES: Final = {
    "/page.css": "text/css",
    "/page.js": "text/javascript",
    "/page-icon.svg": "image/svg+xml",
}
OUR_HEAD: Final = (
    '<link rel="icon" href="/page-icon.svg"><link rel="stylesheet" href="/page.css">'
    '<script defer src="/page.js"></script></head>'
)
REWORDED: Final = {
    "SimCord Preview": "BetJee sandbox",
    '<span class="brand-mark" aria-hidden="true">S</span>': '<span class="brand-mark" aria-hidden="true">B</span>',
    "<strong>SimCord</strong><small>Preview</small>": "<strong>BetJee</strong><small>on a simulated Discord</small>",
    "</head>": OUR_HEAD,
}


@asynccontextmanager
async def serve_page(
    preview: simcord.Preview, screen: Screen, turn: asyncio.Lock, typed: TypedCommands, port: int
) -> AsyncIterator[str]:
    """Serve the page of an entered preview on `port` (0: any free one), and yield its address.

    The address is a credential: whoever has it can act as every member. `turn` is the lock that
    everything which touches the simulated Discord takes first; `screen` is told who looks and who acts;
    `typed` reads the commands that are typed as a line. Raises SettingError if the port is taken.
    """
    inner_address, capability = urldefrag(preview.url)
    async with aiohttp.ClientSession(inner_address) as session, AsyncExitStack() as stack:
        application = _PageServer(session, capability, screen, turn, typed).application()
        try:
            server = await stack.enter_async_context(
                listening(application, SHUTDOWN_SECONDS, host=LOOPBACK, port=port)
            )
        except OSError as error:
            raise SettingError(
                f"The page's port {port} is taken, perhaps by another sandbox: set BETJEE_SANDBOX_PORT to another one."
            ) from error
        yield f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/#{capability}"


class _PageServer:
    def __init__(
        self,
        session: aiohttp.ClientSession,
        capability: str,
        screen: Screen,
        turn: asyncio.Lock,
        typed: TypedCommands,
    ) -> None:
        self._session = session
        self._capability = capability
        self._screen = screen
        self._turn = turn
        self._typed = typed
        self._states: dict[str, _State] = {}
        self._asked: dict[str, str] = {}

    def application(self) -> web.Application:
        application = web.Application(client_max_size=LARGEST_REQUEST_BYTES)
        application.router.add_get("/", self._index)
        for path in OUR_FILES:
            application.router.add_get(path, self._our_file)
        application.router.add_post("/api/pages", self._open)
        application.router.add_delete("/api/pages/{context}", self._close)
        application.router.add_get("/api/state", self._show)
        application.router.add_post("/api/action", self._act)
        application.router.add_get("/api/advice", self._advise)
        application.router.add_route("*", "/{path:.*}", self._pass_on)
        return application

    async def _index(self, request: web.Request) -> web.Response:
        """The preview's own document under our name, with our style and script added."""
        response = await self._pass_on(request)
        document = response.text or ""
        for theirs, ours in REWORDED.items():
            document = document.replace(theirs, ours)
        response.text = document
        return response

    async def _our_file(self, request: web.Request) -> web.Response:
        text = files("sandbox").joinpath(request.path.removeprefix("/")).read_text("utf-8")
        return web.Response(text=text, content_type=OUR_FILES[request.path])

    async def _pass_on(self, request: web.Request) -> web.Response:
        return await self._ask(request, await request.read())

    async def _open(self, request: web.Request) -> web.Response:
        """Open a context, after those that nobody looks at are dropped."""
        if self._may_act(request):
            await self._drop_silent(room_for_one=True)
        response = await self._pass_on(request)
        if response.status == HTTPStatus.OK:
            self._screen.look(json.loads(response.text or "")["context"]["id"])
        return response

    async def _close(self, request: web.Request) -> web.Response:
        """Close a context, which a tab asks for when it is left."""
        response = await self._pass_on(request)
        if response.status == HTTPStatus.OK:
            self._forget(request.match_info["context"])
        return response

    async def _show(self, request: web.Request) -> web.Response:
        """The state of a context."""
        state = await self._state(request)
        return web.Response(body=state.body, status=state.status, headers=state.headers)

    async def _state(self, request: web.Request) -> "_State":
        """The state of the context that a request is from. What was answered last holds until something is drawn."""
        context = request.headers.get("X-Simcord-Context", "")
        known = self._states.get(context)
        if known is None or known.drawing != self._screen.drawing or not self._may_act(request):
            drawing = self._screen.drawing
            headers = _chosen(request.headers, HEADERS_TO_PREVIEW)
            async with self._session.get("/api/state", headers=headers) as answer:
                known = _State(drawing, answer.status, await answer.read(), _passed_back(answer.headers))
            if known.status != HTTPStatus.OK:
                return known
            self._states[context] = known
        self._screen.look(context)
        return known

    def _may_act(self, request: web.Request) -> bool:
        return secrets.compare_digest(
            request.headers.get("X-Simcord-Capability", "").encode(), self._capability.encode()
        )

    async def _drop_silent(self, *, room_for_one: bool = False) -> None:
        for context in self._screen.silent(room_for_one=room_for_one):
            self._forget(context)
            headers = {"X-Simcord-Capability": self._capability, "X-Simcord-Context": context}
            async with self._session.delete(f"/api/pages/{context}", headers=headers):
                pass

    def _forget(self, context: str) -> None:
        self._screen.leave(context)
        self._states.pop(context, None)
        self._asked.pop(context, None)

    async def _act(self, request: web.Request) -> web.Response:
        """Let a person's action have its turn, with the hint that belongs to it in its receipt."""
        body = await request.read()
        action = _action(body)
        line = None if action is None else _typed_line(action)
        async with self._turn:
            self._screen.set_time()
            hint = None
            if action is not None:
                hint = await self._bring_up_to_date(request, action)
                body = json.dumps(action).encode()
            response = await self._ask(request, body)
            if action is None or response.status != HTTPStatus.OK:
                return response
            receipt = json.loads(response.text or "{}")
            self._note(str(action.get("kind")), receipt)
            hint = hint or await self._why_refused(request, line, receipt)
            await self._drop_silent()
        if hint is not None:
            response.text = json.dumps({**receipt, "hint": hint})
        return response

    def _note(self, kind: str, receipt: Mapping[str, Any]) -> None:
        if receipt.get("rejected") or kind in CHANGES_NOTHING:
            self._screen.answered()
        else:
            self._screen.acted(shown_to_all=kind in SHOWN_TO_ALL and receipt.get("settlement") == "settled")

    async def _advise(self, request: web.Request) -> web.Response:
        """How to go on with a line that is being typed."""
        catalogue = await self._read(request, "/api/commands")
        advice = self._typed.advice(request.query.get("line", ""), catalogue.get("entries", []))
        return web.json_response({"advice": advice})

    async def _bring_up_to_date(self, request: web.Request, action: dict[str, Any]) -> str | None:
        """Make an action what one who has seen the page's newest state, and typed no line, would send.

        A line that means no command becomes an empty message, which the preview refuses, so that the
        line stays in the composer; the hint for it is returned.
        """
        if "published_revision" in action:
            state = await self._state(request)
            if state.status == HTTPStatus.OK:
                action["published_revision"] = json.loads(state.body)["publishedRevision"]
        line = _typed_line(action)
        if line is None:
            return None
        entries = (await self._read(request, "/api/commands")).get("entries", [])
        if not line.startswith("/"):
            return self._ask_what_is_meant(request, action, line, entries)
        try:
            action |= self._typed.command_of(line, entries)
        except LineUnreadable as error:
            action["content"] = ""
            return str(error)
        return None

    def _ask_what_is_meant(
        self, request: web.Request, action: dict[str, Any], line: str, entries: Sequence[Entry]
    ) -> str | None:
        """A message that reads as a command without its slash is posted only when it is sent once more."""
        context = request.headers.get("X-Simcord-Context", "")
        meant = self._typed.meant(line, entries)
        if meant is None or self._asked.pop(context, None) == line:
            return None
        self._asked[context] = line
        action["content"] = ""
        return f"Did you mean `{plain(meant, LONGEST_HINT)}`? Sent once more as it is, it becomes a message to all."

    async def _why_refused(
        self, request: web.Request, line: str | None, receipt: Mapping[str, Any]
    ) -> str | None:
        """How a typed command is typed that was well-formed and yet refused, for which the preview has no words."""
        if line is None or not line.startswith("/") or not receipt.get("rejected"):
            return None
        entries = (await self._read(request, "/api/commands")).get("entries", [])
        return f"Discord does not take that. {self._typed.advice(line, entries)}".rstrip()

    async def _read(self, request: web.Request, path: str) -> dict[str, Any]:
        async with self._session.get(path, headers=_chosen(request.headers, HEADERS_TO_PREVIEW)) as answer:
            return await answer.json() if answer.ok else {}

    async def _ask(self, request: web.Request, body: bytes) -> web.Response:
        headers = _chosen(request.headers, HEADERS_TO_PREVIEW)
        async with self._session.request(
            request.method, request.rel_url, headers=headers, data=body
        ) as answer:
            return web.Response(
                body=await answer.read(), status=answer.status, headers=_passed_back(answer.headers)
            )


@dataclass(frozen=True)
class _State:
    """A context's state as it was answered, and the drawing that it shows."""

    drawing: int
    status: int
    body: bytes
    headers: dict[str, str]


def _action(body: bytes) -> dict[str, Any] | None:
    """What the page asks for, or None for what is no action at all, which is left for the preview to refuse."""
    try:
        action = json.loads(body)
    except ValueError:
        return None
    return action if isinstance(action, dict) else None


def _typed_line(action: Mapping[str, Any]) -> str | None:
    """The line that a person sends from the composer, if that is what the action does."""
    line = action.get("content")
    return line if action.get("kind") == "send_message" and isinstance(line, str) else None


def _chosen(headers: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}


def _passed_back(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in HEADERS_OF_ONE_HOP}
