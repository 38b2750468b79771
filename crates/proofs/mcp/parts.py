"""What the journey and the attacks share: servers, recordings, a person at a terminal, the state of the world."""

import asyncio
import contextlib
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

import httpx2
import jsonschema
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

HERE = pathlib.Path(__file__).parent
OFFICES = {"orchestrator": [], "prod": ["prod"], "cert": ["cert"]}


class World:
    """The estate that a proof has made: its program, its configuration, and where recordings go."""

    def __init__(self, program, config, out):
        self.program, self.config, self.out = program, pathlib.Path(config), pathlib.Path(out)
        self.dir = self.config.parent
        self.state = self.dir / ".redistrict"

    def command(self, office, *more):
        return [self.program, "--config", str(self.config), "mcp", *OFFICES[office], *more]

    def terminal(self, *words):
        """A person types a command; gives the exit code and what is printed as data."""
        command = [self.program, "--config", str(self.config), "--output", "json", *words]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = [line for line in ended.stdout.splitlines() if line]
        return ended.returncode, json.loads(lines[-1]) if lines else None

    def approve(self, run):
        """A person looks at what waits and approves it."""
        _, state = self.terminal("status", run)
        digest = state["status"]["waiting"]["approval"]["digest"]
        code, _ = self.terminal("approve", run, "--by", "Data Owner", "--digest", digest)
        assert code == 0, f"approving {run} ended with {code}"
        return digest

    def fingerprint(self):
        """Everything that must not change: the bytes of both sides, and the rows of the journal."""
        sides = {}
        for side in ("prod", "cert"):
            for file in sorted((self.dir / side).glob("*.db")):
                sides[str(file)] = hashlib.sha256(file.read_bytes()).hexdigest()
        return sides, self.journal()

    def journal(self):
        """Every row of the journal."""
        path = self.state / "journal.db"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
            tables = [row[0] for row in journal.execute("select name from sqlite_master where type = 'table'")]
            return [(table, row) for table in sorted(tables) for row in journal.execute(f'select * from "{table}"')]

    def events(self):
        return len(self.journal())


def over_stdio(world, office, mode):
    """A client of the reference implementation that has started a server of its own."""
    return over_command(world, office, world.command(office), mode)


@contextlib.asynccontextmanager
async def over_command(world, name, command, mode):
    """The same of a command."""
    record = [str(world.out / f"stdio-{name}.{end}") for end in ("asked", "said", "noted")]
    parameters = StdioServerParameters(
        command=sys.executable,
        args=[str(HERE / "relay.py"), *record, *command],
        env=dict(os.environ),
    )
    async with Client(parameters, mode=mode, read_timeout_seconds=180) as client:
        yield client


class HttpServer:
    """A server that listens, and its token."""

    def __init__(self, world, office, token_file=None):
        more = ["--token-file", str(token_file)] if token_file else []
        self.process = subprocess.Popen(
            world.command(office, "--http", "0", *more), stderr=subprocess.PIPE, text=True
        )
        self.url = self.process.stderr.readline().split()[-1]
        self.process.stderr.readline()
        self.port = int(self.url.split(":")[2].split("/")[0])
        self.token = (token_file or world.state / "mcp-token").read_text().strip()

    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        """Gives the exit code and what it noted since."""
        self.process.terminate()
        _, noted = self.process.communicate(timeout=30)
        return self.process.returncode, noted


@contextlib.asynccontextmanager
async def recorded(server, world, name):
    """A port whose bytes, in both directions, are kept and passed on as they are."""
    async def pump(reader, writer, path):
        with open(path, "ab") as record:
            while piece := await reader.read(65536):
                record.write(piece)
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def connection(reader, writer):
        back, forth = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(
                pump(reader, forth, world.out / f"http-{name}.asked"),
                pump(back, writer, world.out / f"http-{name}.said"),
            )

    relay = await asyncio.start_server(connection, "127.0.0.1", 0)
    try:
        yield relay.sockets[0].getsockname()[1]
    finally:
        relay.close()


@contextlib.asynccontextmanager
async def over_http(world, office, mode):
    """A client of the reference implementation at a server that listens."""
    server = HttpServer(world, office)
    headers = {"Authorization": f"Bearer {server.token}", "Host": f"127.0.0.1:{server.port}"}
    try:
        async with recorded(server, world, office) as port:
            async with httpx2.AsyncClient(headers=headers, timeout=180) as http:
                transport = streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http)
                async with Client(transport, mode=mode, read_timeout_seconds=180) as client:
                    yield client
    finally:
        code, noted = server.stop()
        assert code == 0, f"the server ended with {code}: {noted}"
        assert server.token not in noted


class Caller:
    """Calls tools and compares each answer with the schema that the server gave for it."""

    def __init__(self, client):
        self.client, self.tools, self.called, self.checked = client, {}, set(), 0

    async def list(self):
        listed = await self.client.list_tools()
        for tool in listed.tools:
            assert tool.output_schema and tool.annotations, tool.name
            assert tool.input_schema["additionalProperties"] is False, tool.name
            self.tools[tool.name] = jsonschema.Draft202012Validator(tool.output_schema)
        return self

    async def call(self, name, arguments=None, progress=None):
        """The result, whatever it is."""
        result = await self.client.call_tool(name, arguments or {}, progress_callback=progress)
        self.called.add(name)
        if not result.is_error:
            self.tools[name].validate(result.structured_content)
            self.checked += 1
        return result

    async def must(self, name, arguments=None, progress=None):
        """The answer; a refusal is a failure of the proof."""
        result = await self.call(name, arguments, progress)
        assert not result.is_error, f"{name}: {result.content[0].text}"
        return result.structured_content

    async def refused(self, name, arguments):
        """The refusal; an answer is a failure of the proof."""
        result = await self.call(name, arguments)
        assert result.is_error, f"{name} was not refused: {result.content[0].text}"
        return json.loads(result.content[0].text)

    async def until(self, run, standing, progress=None, wait_for="rest"):
        """Waits for a run to come to rest, and it has to be so."""
        for _ in range(20):
            asked = {"run": run, "wait_seconds": 60, "wait_for": wait_for}
            state = await self.must("status", asked, progress)
            if state["standing"] == standing:
                return state
            assert not state["has_ended"], f"{run}: {json.dumps(state)}"
        raise AssertionError(f"{run} did not become {standing}")
