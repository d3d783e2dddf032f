/** The pure parts of several workers on one port: heads of requests, places of sessions, what all say as one. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as MergedReports from "../../../src/cli/workers/MergedReports.ts"
import { shares } from "../../../src/cli/workers/Primary.ts"
import * as RequestHead from "../../../src/cli/workers/RequestHead.ts"
import { SessionPlacement, type WorkerView } from "../../../src/cli/workers/SessionPlacement.ts"

describe("RequestHead", () => {
  const upgrade = "GET /v1/sessions/ses_1/audio?input_rate=16000 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"

  it("knows a request, and whether it asks for another protocol", () => {
    const path = "/v1/sessions/ses_1/audio?input_rate=16000"
    assert.deepEqual(RequestHead.read(Buffer.from(upgrade)), { _tag: "Request", method: "GET", path, upgrades: true })
    assert.deepEqual(RequestHead.read(Buffer.from("POST /v1/sessions HTTP/1.1\r\nx-upgrade: no\r\n\r\n{}")), {
      _tag: "Request",
      method: "POST",
      path: "/v1/sessions",
      upgrades: false
    })
  })

  it("waits for the whole head, and not for ever", () => {
    for (let at = 0; at < upgrade.length; at++) {
      assert.strictEqual(RequestHead.read(Buffer.from(upgrade.slice(0, at)))._tag, "More")
    }
    assert.strictEqual(RequestHead.read(Buffer.alloc(RequestHead.MAX_BYTES + 1, 65))._tag, "Other")
    for (const other of ["\x16\x03\x01\r\n\r\n", "GET nowhere HTTP/1.1\r\n\r\n", "GET / HTTP/2\r\n\r\n"]) {
      assert.strictEqual(RequestHead.read(Buffer.from(other))._tag, "Other", other)
    }
  })

  it.effect.prop("never throws, whatever comes", [Schema.Array(Schema.Int)], ([bytes]) =>
    Effect.sync(() => {
      RequestHead.read(Buffer.concat([Buffer.from(bytes.map((byte) => byte & 0xff)), Buffer.from("\r\n\r\n")]))
    }))

  it("finds the session that a path is about", () => {
    const cases: ReadonlyArray<readonly [string, string | undefined]> = [
      ["/v1/sessions/ses_1", "ses_1"],
      ["/v1/sessions/ses_1/audio?token=x", "ses_1"],
      ["/v1/sessions/ses_1?x", "ses_1"],
      ["/v1/sessions", undefined],
      ["/v1/sessions/", undefined],
      ["/v1/sessionses/ses_1", undefined],
      [`/v1/sessions/${"x".repeat(129)}`, undefined],
      ["/metrics", undefined]
    ]
    for (const [path, session] of cases) assert.strictEqual(RequestHead.sessionOf(path), session, path)
  })
})

const workers = (...sessions: ReadonlyArray<number | undefined>): ReadonlyArray<WorkerView> =>
  sessions.map((count, index) => ({ index, up: count !== undefined, sessions: count ?? 0 }))

describe("Places", () => {
  it("gives what is new to who has least, and what is known to who has it", () => {
    const places = new SessionPlacement()
    assert.strictEqual(places.pick(undefined, workers(3, 1, 2)), 1)
    assert.strictEqual(places.pick(undefined, workers(3, undefined, 2)), 2)
    assert.strictEqual(places.pick(undefined, workers(undefined, undefined)), undefined)
    places.remember("a", 0)
    assert.strictEqual(places.pick("a", workers(9, 0)), 0)
    // it is down: whoever is up takes it up from the store
    assert.strictEqual(places.pick("a", workers(undefined, 0)), 1)
    places.lost(0)
    assert.strictEqual(places.pick("a", workers(undefined, 0)), 1)
  })

  it("sends what nobody remembers to the same worker each time, evenly, and moves only what must move", () => {
    const places = new SessionPlacement()
    const ids = Array.from({ length: 3_000 }, (_, i) => `ses_${i.toString(36)}`)
    const of = (...up: ReadonlyArray<number | undefined>) => ids.map((id) => places.pick(id, workers(...up)))
    const three = of(0, 0, 0)
    assert.deepEqual(of(5, 1, 9), three)
    for (const index of [0, 1, 2]) assert.isAbove(three.filter((place) => place === index).length, 700)
    const two = of(0, undefined, 0)
    three.forEach((place, i) => place === 1 ? assert.notStrictEqual(two[i], 1) : assert.strictEqual(two[i], place))
  })
})

describe("shares", () => {
  it("add up, and differ by one at most", () => {
    for (const [whole, parts] of [[100, 3], [5, 2], [7, 7], [3, 4], [1_000, 64]] as const) {
      const all = shares(whole, parts)
      assert.lengthOf(all, parts)
      assert.strictEqual(all.reduce((sum, share) => sum + share, 0), whole)
      assert.isAtMost(Math.max(...all) - Math.min(...all), 1)
    }
  })
})

describe("Merge", () => {
  it("tells of metrics once, and whose each is", () => {
    const text = (n: number) =>
      `# HELP a What a is\n# TYPE a counter\na{x="1"} ${n}\na{x="}2\\" {"} ${n}\n# TYPE b gauge\nb ${n}\nbare ${n}\n`
    assert.strictEqual(
      MergedReports.metrics([[0, text(1)], [1, text(2)]]),
      [
        "# HELP a What a is",
        "# TYPE a counter",
        "a{x=\"1\",worker=\"0\"} 1",
        "a{x=\"}2\\\" {\",worker=\"0\"} 1",
        "a{x=\"1\",worker=\"1\"} 2",
        "a{x=\"}2\\\" {\",worker=\"1\"} 2",
        "# TYPE b gauge",
        "b{worker=\"0\"} 1",
        "bare{worker=\"0\"} 1",
        "b{worker=\"1\"} 2",
        "bare{worker=\"1\"} 2",
        ""
      ].join("\n")
    )
  })

  it("is ready while one is, well when all are, and names who is not", () => {
    const well = {
      status: 200,
      text: JSON.stringify({ status: "healthy", parts: [{ name: "stt", status: "healthy" }] })
    }
    const read = (answers: Parameters<typeof MergedReports.readiness>[0]) => {
      const { status, text } = MergedReports.readiness(answers)
      return { code: status, ...JSON.parse(text) }
    }
    assert.deepInclude(read([{ worker: 0, ...well }, { worker: 1, ...well }]), {
      code: 200,
      status: "healthy",
      parts: [{ name: "worker_0:stt", status: "healthy" }, { name: "worker_1:stt", status: "healthy" }]
    })
    assert.deepInclude(read([{ worker: 0, ...well }, { worker: 1, status: 0, text: "" }]), {
      code: 200,
      status: "degraded",
      parts: [
        { name: "worker_0:stt", status: "healthy" },
        { name: "worker_1", status: "unhealthy", cause: "it does not answer" }
      ]
    })
    assert.deepInclude(read([{ worker: 0, status: 503, text: "nonsense" }]), { code: 503, ready: false })
  })
})
