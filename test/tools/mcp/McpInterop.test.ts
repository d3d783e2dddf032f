/** Tools of servers of the official MCP SDK, over HTTP and as programs, in both revisions. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { ToolSource } from "../../../src/agent/tools/RemoteTool.ts"
import { isFull, some } from "../../support/Full.ts"
import { call, connect, healthOf, names, program, until, withLog, words } from "../../support/McpClientUnderTest.ts"
import * as Official from "../../support/OfficialMcp.ts"

const usual = [
  "add",
  "numbers",
  "refuse",
  "throw",
  "kinds",
  "busy",
  "slow",
  "big",
  "ask",
  "env",
  "die",
  "grow"
]

const official = program(join("test", "support", "OfficialMcpProgram.ts"))

/** The first are those of which each test run has one; starting programs takes long. */
const servers = {
  "over HTTP, 2026-07-28": Effect.map(Official.make("modern"), ({ url }) => ({ url })),
  "over HTTP, 2025-11-25 with sessions": Effect.map(Official.make("sessions"), ({ url }) => ({ url })),
  "over HTTP, either without sessions": Effect.map(Official.make("stateless"), ({ url }) => ({ url })),
  "as a program, 2025-11-25": Effect.succeed(official),
  "as a program, 2026-07-28": Effect.succeed({ ...official, args: [...official.args, "--modern"] })
}

/** How many programs this process has started, and that run. */
const childrenOf = (pid: number): number =>
  process.platform !== "linux" ? 0 : readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/u.test(entry)) return false
    try {
      const stat = readFileSync(join("/proc", entry, "stat"), "utf8")
      const isMcp = readFileSync(join("/proc", entry, "cmdline"), "utf8").includes("OfficialMcpProgram")
      return isMcp && Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid
    } catch {
      return false // it has ended meanwhile
    }
  }).length

/** Changes the tools of a server until we have heard of it. */
const again = <E>(source: ToolSource, change: Effect.Effect<unknown, E>) =>
  Effect.gen(function*() {
    while (!names(source).includes("more_0")) {
      yield* change
      yield* Effect.sleep("50 millis")
    }
  }).pipe(Effect.timeout("20 seconds"))

describe("A server of the official MCP SDK", () => {
  for (const [how, server] of some(Object.entries(servers), 4)) {
    it.live(`is listed and called ${how}`, () =>
      withLog((lines) =>
        Effect.gen(function*() {
          const source = yield* connect({ ...yield* server, timeout: "3s" })
          assert.deepStrictEqual(names(source), usual, yield* healthOf(source))
          assert.deepStrictEqual(source.tools()[0]?.parameters["required"], ["a", "b"])
          assert.strictEqual(yield* call(source, "add", { a: 2, b: 3 }), "the sum is 5")
          assert.match(yield* words(source, "add", { a: "two" }), /validation|must be number|[Ii]nvalid/u)
          assert.strictEqual(yield* call(source, "numbers"), "{\"list\":[1,2]}")
          assert.strictEqual(yield* words(source, "refuse"), "There is no table.")
          assert.strictEqual(yield* words(source, "throw"), "no such table")
          assert.strictEqual(
            yield* call(source, "kinds"),
            "a text\n[image (image/png), 6 bytes]\n[audio (audio/wav), 6 bytes]\nmenu: file:///menu.txt\nThe menu\nsoup\n" +
              "[a file: file:///b.bin]"
          )
          assert.strictEqual(yield* call(source, "busy"), "done")
          // nobody can be asked within a call
          assert.notStrictEqual(yield* words(source, "ask"), "")
          assert.isAtMost((yield* call(source, "big", { size: 1_000_000 })).length, 32_769)
          assert.strictEqual(yield* words(source, "big", { size: 6_000_000 }), "its result is too long")
          yield* until(() => names(source).length > 0)
          assert.strictEqual(yield* call(source, "add", { a: 2, b: 3 }), "the sum is 5")
          assert.deepStrictEqual(
            lines.filter((line) => !line.includes("cannot be used") && !line.includes("is back")),
            []
          )
        })
      ).pipe(Effect.scoped), 30_000)
  }

  for (const kind of ["modern", "sessions", "stateless"] as const) {
    it.live(`is told when nobody waits for a call any more: ${kind}`, () =>
      Effect.gen(function*() {
        const server = yield* Official.make(kind)
        const source = yield* connect({ url: server.url, timeout: "400ms" })
        assert.match(yield* words(source, "slow"), /did not answer within 400ms/u)
        yield* until(() => server.seen.aborted === 1)
        const fiber = yield* Effect.forkChild(call(source, "slow"))
        yield* until(() => server.seen.calls.length === 2)
        yield* Fiber.interrupt(fiber)
        yield* until(() => server.seen.aborted === 2)
        assert.strictEqual(yield* call(source, "add", { a: 2, b: 3 }), "the sum is 5")
      }).pipe(Effect.scoped))
  }

  const changing = [
    "over HTTP, 2025-11-25 with sessions",
    "as a program, 2026-07-28",
    "as a program, 2025-11-25"
  ] as const
  for (const how of some(changing, 2)) {
    it.live(`says that its tools have changed, ${how}`, () =>
      Effect.gen(function*() {
        const source = yield* connect(yield* servers[how])
        assert.deepStrictEqual(names(source), usual)
        // one program, and not another for the revision that was refused
        const { pid } = process
        assert.isAtMost(childrenOf(pid), "command" in (yield* servers[how]) ? 1 : 0)
        // until it knows that we listen it tells nobody
        yield* again(source, call(source, "grow"))
        assert.strictEqual(yield* call(source, "more_0"), "more_0")
      }).pipe(Effect.scoped), 30_000)
  }

  it.live("says that its tools have changed, over HTTP, 2026-07-28", () =>
    Effect.gen(function*() {
      const server = yield* Official.make("modern")
      const source = yield* connect({ url: server.url })
      yield* until(() => server.requests.some(({ headers }) => headers["mcp-method"] === "subscriptions/listen"))
      server.seen.more.push("more_0")
      yield* again(source, Effect.sync(server.changed))
      assert.strictEqual(yield* call(source, "more_0"), "more_0")
    }).pipe(Effect.scoped))

  it.live("is listed in all its pages, and no further than 128 tools", () =>
    withLog((lines) =>
      Effect.gen(function*() {
        const paged = yield* Official.make("stateless", Official.pagedFactory(60, 7))
        const source = yield* connect({ url: paged.url })
        assert.lengthOf(source.tools(), 60)
        assert.strictEqual(yield* call(source, "tool_59"), "tool_59")
        const many = yield* Official.make("stateless", Official.pagedFactory(1_000, 100))
        assert.lengthOf((yield* connect({ url: many.url })).tools(), 128)
        assert.match(lines.join("\n"), /it has 1000 tools, of which the first 128 are used/u)
        const endless = yield* Official.make("stateless", Official.pagedFactory(1_000_000, 1))
        assert.match(yield* healthOf(yield* connect({ url: endless.url })), /exceeded its page limit/u)
      })
    ).pipe(Effect.scoped), 30_000)

  it.live(
    "is connected again when it has forgotten the session",
    () =>
      withLog((lines) =>
        Effect.gen(function*() {
          const server = yield* Official.make("sessions")
          const source = yield* connect({ url: server.url })
          assert.strictEqual(yield* call(source, "add", { a: 2, b: 3 }), "the sum is 5")
          server.forget()
          assert.match(yield* words(source, "add", { a: 2, b: 3 }), /the connection to its server was lost/u)
          yield* until(() => names(source).length === 0 || lines.length > 0)
          yield* until(() => names(source).length > 0)
          assert.strictEqual(yield* call(source, "add", { a: 2, b: 3 }), "the sum is 5")
          assert.match(lines.join("\n"), /its session has expired/u)
        })
      ).pipe(Effect.scoped),
    30_000
  )

  it.live.runIf(isFull)(
    "costs its tools alone when it dies during a call",
    () =>
      withLog((lines) =>
        Effect.gen(function*() {
          const source = yield* connect(official)
          const other = yield* connect({ ...yield* servers["over HTTP, 2026-07-28"], name: "other" })
          const waiting = yield* Effect.forkChild(words(source, "slow"))
          assert.match(yield* words(source, "die"), /the connection to its server was lost/u)
          assert.match(yield* Fiber.join(waiting), /the connection to its server was lost/u)
          yield* until(() => lines.some((line) => line.includes("its program ended")))
          assert.strictEqual(yield* call(other, "add", { a: 2, b: 3 }), "the sum is 5")
          yield* until(() => names(source).length > 0)
          assert.strictEqual(yield* call(source, "add", { a: 2, b: 3 }), "the sum is 5")
        })
      ).pipe(Effect.scoped),
    30_000
  )
})
