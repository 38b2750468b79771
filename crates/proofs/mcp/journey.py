"""The protocol's reference client migrates a district, over both transports, with a person at a terminal who
approves. Writes what it found to a file; an error ends it."""

import asyncio
import contextlib
import json
import sys

from parts import HERE, Caller, World, over_command, over_http, over_stdio

DISTRICT = {"district": "2"}


async def look(caller, client, quick):
    """Everything that only looks, and the documents of the newest run if there is one."""
    await caller.must("doctor")
    await caller.must("analyze", {"limit": 20})
    await caller.must("select")
    await caller.must("classify", {"limit": 20})
    await caller.must("plan", DISTRICT)
    assert (await caller.must("plan", {**DISTRICT, "exact": True}))["tables"]
    await caller.must("runs")
    assert (await client.list_resource_templates()).resource_templates
    count = 0
    resources = (await client.list_resources()).resources
    for resource in resources[:6] if quick else resources:
        contents = (await client.read_resource(resource.uri)).contents
        count += len(contents)
    return count


async def skills(caller):
    """The skills one by one; the load waits for somebody, and is given up."""
    for skill in ("extract", "anonymize", "validate"):
        run = (await caller.must(skill, DISTRICT))["run"]
        await caller.until(run, "succeeded")
    run = (await caller.must("load", DISTRICT))["run"]
    state = await caller.until(run, "waiting_for_approval")
    assert state["needs"]["what"] == "approval", state
    given_up = await caller.must("cancel", {"run": run})
    assert given_up["run"]["standing"] == "cancelled", given_up


async def migrate(world, caller, told):
    """From nothing to the report: it parks, nothing is written, a person approves, it goes on."""
    async def progress(done, total, message):
        told.append((done, total))
        assert message

    before = world.fingerprint()[0]
    run = (await caller.must("migrate", DISTRICT))["run"]
    await caller.until(run, "waiting_for_approval", progress)
    assert world.fingerprint()[0] == before, "something was written before anybody approved"
    busy = await caller.refused("resume", {"run": run})
    assert busy["exit"] == 11, busy
    waits = asyncio.create_task(caller.until(run, "succeeded", progress, "change"))
    digest = await asyncio.to_thread(world.approve, run)
    state = await waits
    assert state["progress"] == 500, state
    assert world.fingerprint()[0] != before
    report = await caller.must("report", {"run": run})
    assert report["status"] == "SUCCESS" and report["totals"]["leaks"] == 0, report
    assert report["verdict"].startswith("PASSED"), report
    return run, digest


async def undo(world, caller, run):
    """Whether it could be done, then that it waits as well, is approved, and is done."""
    tried = (await caller.must("rollback", {"run": run, "dry_run": True}))["run"]
    await caller.until(tried, "succeeded")
    taken = (await caller.must("rollback", {"run": run}))["run"]
    await caller.until(taken, "waiting_for_approval")
    digest = world.approve(taken)
    await caller.until(taken, "succeeded", wait_for="change")
    assert (await caller.must("status", {"run": run}))["standing"] == "undone"
    return digest


async def ungated(world, caller):
    """A run of a terminal that needs nobody's approval is not gone on with from here."""
    code, ended = world.terminal("migrate", "2", "--ask-before", "extract")
    assert code == 9, code
    refusal = await caller.refused("resume", {"run": ended["run"]})
    assert refusal["exit"] == 3 and "terminal" in refusal["hints"][0], refusal
    given_up = await caller.must("cancel", {"run": ended["run"]})
    assert given_up["run"]["standing"] == "cancelled" and given_up["undo"] is None, given_up


async def whole(world, over, mode, found, quick):
    """All of it over one transport."""
    name = over.__name__
    digests, told = found["digests"], []
    async with over(world, "orchestrator", mode) as client:
        caller = await Caller(client).list()
        await look(caller, client, quick)
        is_brief = quick and over is over_http
        if is_brief:
            for skill in ("extract", "anonymize", "validate", "load"):
                await caller.refused(skill, {"district": "nobody's"})
            await caller.refused("cancel", {"run": "mig-20260105T180000Z-001"})
        else:
            dry = (await caller.must("migrate", {**DISTRICT, "dry_run": True}))["run"]
            await caller.until(dry, "succeeded")
            await skills(caller)
        run, digest = await migrate(world, caller, told)
        digests.append(digest)
        documents = await look(caller, client, quick)
        digests.append(await undo(world, caller, run))
        if not is_brief:
            await ungated(world, caller)
        assert caller.called == set(caller.tools), set(caller.tools) - caller.called
        assert told and max(told) == (500, 500), told
        found[name] = {
            "protocol": client.protocol_version, "tools": len(caller.tools), "checked": caller.checked,
            "documents": documents, "progress": len(told),
        }
    for office, calls in {
        "prod": [("schema", {}), ("schema", {"store": "ids", "limit": 2}), ("counts", {}),
                 ("counts", DISTRICT), ("ranking", {})],
        "cert": [("loads", {}), ("digests", {}), ("digests", {"run": run}), ("drift", {"run": run})],
    }.items():
        async with over(world, office, mode) as client:
            caller = await Caller(client).list()
            for tool, arguments in calls:
                await caller.must(tool, arguments)
            assert caller.called == set(caller.tools)
            found[name]["tools"] += len(caller.tools)
            found[name]["checked"] += caller.checked


def filled(value, run):
    """The example's text with the run in its place."""
    return json.loads(json.dumps(value).replace("{run}", run or ""))


async def example(world, found):
    """The example of `agents/`, as it is written, through the snippet that people paste."""
    agents = HERE.parents[2] / "agents"
    servers = json.loads((agents / "mcp-servers.json").read_text())["mcpServers"]
    steps = json.loads((agents / "example.json").read_text())["steps"]
    places = {"redistrict": world.program, "redistrict.toml": str(world.config)}
    async with contextlib.AsyncExitStack() as stack:
        callers = {}
        for name, server in servers.items():
            command = [places.get(word, word) for word in (server["command"], *server["args"])]
            client = await stack.enter_async_context(over_command(world, f"example-{name}", command, "auto"))
            callers[name] = await Caller(client).list()
        run = None
        for step in steps:
            if "person" in step:
                assert step["person"] == ["approve", "{run}"], step
                found["digests"].append(world.approve(run))
                continue
            answer = await callers[step["server"]].must(step["tool"], filled(step["arguments"], run))
            run = answer.get("run", run)
            expected = step.get("expect", {})
            assert {name: answer[name] for name in expected} == expected, (step, answer)
    found["example"] = len(steps)
    code, _ = world.terminal("rollback", run)
    assert code == 0, code


async def main():
    program, config, out, extent = sys.argv[1:]
    world, quick = World(program, config, out), extent == "quick"
    found = {"digests": []}
    await whole(world, over_stdio, "legacy", found, quick)
    await whole(world, over_http, "auto", found, quick)
    await example(world, found)
    (world.out / "journey.json").write_text(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
