"""What the browser talks to: simcord's preview page, made fit for a world that moves by itself.

The preview was made for tests, where nothing happens between two actions of a person: it refuses
an action that overlaps another operation, and one whose sender has not yet seen the newest state.
Here prices move all the time. So this server stands in front of it: actions take turns with the
clock, each is brought up to date when its turn comes, and a command typed as one line is
understood, or answered by a hint. It also dresses the page.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urldefrag

import aiohttp
import simcord
from aiohttp import web

from runtime.settings import SettingError
from sandbox.typed_commands import LineUnreadable, TypedCommands

LOOPBACK: Final = "127.0.0.1"
LARGEST_REQUEST_BYTES: Final = 1024 * 1024
HEADERS_TO_PREVIEW: Final = ("X-Simcord-Capability", "X-Simcord-Context", "Content-Type")
HEADERS_OF_ONE_HOP: Final = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})
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
    preview: simcord.Preview, turn: asyncio.Lock, acted: asyncio.Event, typed: TypedCommands, port: int
) -> AsyncIterator[str]:
    """Serve the page of an entered preview on `port` (0: any free one), and yield its address.

    The address is a credential: whoever has it can act as every member. `turn` is the lock that
    everything which touches the simulated Discord takes first; `acted` is set whenever a person
    has done something; `typed` reads the commands that are typed as a line. Raises SettingError if the port is taken.
    """
    inner_address, capability = urldefrag(preview.url)
    async with aiohttp.ClientSession(inner_address) as session:
        application = _PageServer(session, turn, acted, typed).application()
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await _listen(runner, port)
            yield f"http://{LOOPBACK}:{runner.addresses[0][1]}/#{capability}"
        finally:
            await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
    except OSError as error:
        raise SettingError(
            f"The page's port {port} is taken, perhaps by another sandbox: set BETJEE_SANDBOX_PORT to another one."
        ) from error


class _PageServer:
    def __init__(
        self, session: aiohttp.ClientSession, turn: asyncio.Lock, acted: asyncio.Event, typed: TypedCommands
    ) -> None:
        self._session = session
        self._turn = turn
        self._acted = acted
        self._typed = typed

    def application(self) -> web.Application:
        application = web.Application(client_max_size=LARGEST_REQUEST_BYTES)
        application.router.add_get("/", self._index)
        for path in OUR_FILES:
            application.router.add_get(path, self._our_file)
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

    async def _act(self, request: web.Request) -> web.Response:
        """Let a person's action have its turn, with the hint that belongs to it in its receipt."""
        body = await request.read()
        action = _action(body)
        async with self._turn:
            hint = None
            if action is not None:
                hint = await self._bring_up_to_date(request, action)
                body = json.dumps(action).encode()
            response = await self._ask(request, body)
        self._acted.set()
        if hint is not None and response.text is not None:
            response.text = json.dumps({**json.loads(response.text), "hint": hint})
        return response

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
            state = await self._read(request, "/api/state")
            action["published_revision"] = state.get("publishedRevision", action["published_revision"])
        line = action.get("content")
        if action.get("kind") == "send_message" and isinstance(line, str) and line.startswith("/"):
            catalogue = await self._read(request, "/api/commands")
            try:
                action |= self._typed.command_of(line, catalogue.get("entries", []))
            except LineUnreadable as error:
                action["content"] = ""
                return str(error)
        return None

    async def _read(self, request: web.Request, path: str) -> dict[str, Any]:
        async with self._session.get(path, headers=_chosen(request.headers, HEADERS_TO_PREVIEW)) as answer:
            return await answer.json() if answer.ok else {}

    async def _ask(self, request: web.Request, body: bytes) -> web.Response:
        headers = _chosen(request.headers, HEADERS_TO_PREVIEW)
        async with self._session.request(
            request.method, request.rel_url, headers=headers, data=body
        ) as answer:
            passed_back = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in HEADERS_OF_ONE_HOP
            }
            return web.Response(body=await answer.read(), status=answer.status, headers=passed_back)


def _action(body: bytes) -> dict[str, Any] | None:
    """What the page asks for, or None for what is no action at all, which is left for the preview to refuse."""
    try:
        action = json.loads(body)
    except ValueError:
        return None
    return action if isinstance(action, dict) else None


def _chosen(headers: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}
