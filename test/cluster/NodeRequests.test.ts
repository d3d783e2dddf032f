import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { type BackendError, SessionNotFound } from "../../src/BackendError.ts"
import { type ClusterNode, stateOf } from "../../src/cluster/board/BoardReport.ts"
import * as Nodes from "../../src/cluster/nodes/Nodes.ts"
import * as ClusterMetrics from "../../src/telemetry/ClusterMetrics.ts"
import { pass } from "../session/Harness.ts"

const nodeOf = (owner: string, more: Partial<ClusterNode> = {}): ClusterNode => ({
  owner,
  address: `http://${owner}`,
  version: "1",
  sessions: 0,
  unstored: 0,
  granted: 0,
  max: 10,
  ready: true,
  loadLevel: 0,
  silent: false,
  ...more
})

const lines = Effect.map(PrometheusMetrics.format(), (text) => text.split("\n").filter((line) => !line.startsWith("#")))
const own = Effect.provideServiceEffect(Metric.MetricRegistry, Effect.sync(() => new Map()))

/** This node and another; what comes of a request to the other, and after how long. */
const setup = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const metrics = yield* ClusterMetrics.make({ provider: "local", enabled: () => true })
  const nodes = Nodes.make({
    owner: "me",
    clients: { of: () => Effect.succeed({} as Nodes.NodeClient) },
    clock,
    onRequest: metrics.requested
  })
  nodes.heard([nodeOf("me"), nodeOf("you")])
  const ask = Effect.fnUntraced(function*<A>(answer: Effect.Effect<A, unknown>, ms: number) {
    const fiber = yield* Effect.forkChild(Effect.flip(nodes.ask("you", "test", () => answer)))
    yield* pass(ms)
    const exit = fiber.pollUnsafe()
    return exit?._tag === "Success" ? exit.value as BackendError : yield* Effect.die("still asked, or answered")
  })
  return { ask, metrics, nodes }
})

describe("requests to other nodes", () => {
  it.effect("fail as node_gone with the cause, whatever keeps the answer away, and pass on what the node answers", () =>
    Effect.gen(function*() {
      const { ask, nodes } = yield* setup
      const gone = { reason: "node_gone", retryAfterMs: 1_000 }
      for (const broken of [Effect.fail("a broken connection"), Effect.die("an answer that nobody can read")]) {
        const error = yield* ask(broken, 100)
        assert.deepInclude(error, { code: "connection_failed", details: gone })
        assert.isDefined(error.cause)
      }
      assert.isTrue(nodes.isSuspect("you"))
      assert.deepInclude(yield* ask(Effect.never, 5_000), { code: "connection_failed", details: gone })
      yield* pass(2_000)
      assert.isFalse(nodes.isSuspect("you"))
      const answered = new SessionNotFound({ op: "there", message: "no such session" })
      assert.strictEqual(yield* ask(Effect.fail(answered), 100), answered)
      assert.isFalse(nodes.isSuspect("you"))
      assert.deepInclude((yield* Effect.flip(nodes.ask("nobody", "test", () => Effect.void))).details, gone)
    }))

  it.effect("are given up when their node falls silent", () =>
    Effect.gen(function*() {
      const { ask, nodes } = yield* setup
      yield* Effect.forkChild(
        Effect.delay(Effect.sync(() => nodes.heard([nodeOf("me"), nodeOf("you", { silent: true })])), 1_000)
      )
      assert.deepInclude((yield* ask(Effect.never, 1_300)).details, { reason: "node_gone" })
    }))

  it.effect("are counted by outcome, with how long they took, beside what is known of the cluster", () =>
    Effect.gen(function*() {
      const { ask, metrics, nodes } = yield* setup
      yield* nodes.ask("you", "test", () => Effect.succeed(1))
      yield* ask(Effect.fail(new SessionNotFound({ op: "there", message: "no such session" })), 100)
      yield* ask(Effect.never, 5_000)
      const count = (outcome: string, n: number) =>
        `effect_voice_cluster_request_duration_seconds_count{provider="local",outcome="${outcome}"} ${n}`
      assert.includeMembers(yield* lines, [
        count("ok", 1),
        count("error", 1),
        count("gone", 1),
        "effect_voice_cluster_request_duration_seconds_sum{provider=\"local\",outcome=\"gone\"} 5"
      ])
      const all = [
        nodeOf("me", { sessions: 3 }),
        nodeOf("you", { sessions: 4, max: 7 }),
        nodeOf("gone", { sessions: 2, silent: true })
      ]
      metrics.cluster(stateOf({ nodes: all }))
      assert.includeMembers(yield* lines, [
        "effect_voice_cluster_nodes{provider=\"local\"} 2",
        "effect_voice_cluster_places_taken{provider=\"local\"} 9",
        "effect_voice_cluster_places{provider=\"local\"} 17"
      ])
      metrics.cluster(stateOf({ nodes: all, max: 12 }))
      assert.include(yield* lines, "effect_voice_cluster_places{provider=\"local\"} 12")
    }).pipe(own))

  it.effect("are not recorded while metrics are off", () =>
    Effect.gen(function*() {
      let isOn = false
      const metrics = yield* ClusterMetrics.make({ provider: "local", enabled: () => isOn })
      metrics.requested("ok", 5)
      metrics.cluster({ nodes: 1, placesTaken: 1, places: 1 })
      assert.deepStrictEqual((yield* lines).filter((line) => line !== ""), [])
      isOn = true
      metrics.requested("ok", 5)
      assert.include(
        yield* lines,
        "effect_voice_cluster_request_duration_seconds_sum{provider=\"local\",outcome=\"ok\"} 0.005"
      )
    }).pipe(own))
})
