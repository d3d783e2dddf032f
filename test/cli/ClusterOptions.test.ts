import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import { type BackendConfig, defaults } from "../../src/backend/config/BackendConfig.ts"
import { ClusterConfig } from "../../src/backend/config/ClusterConfig.ts"
import * as ConfigSource from "../../src/backend/config/ConfigSource.ts"
import { layer as builtin } from "../../src/builtin/index.ts"
import * as ClusterOptions from "../../src/cli/ClusterOptions.ts"
import * as EngineSettings from "../../src/cluster/engine/EngineSettings.ts"
import type { JsonRecord } from "../../src/schema/Json.ts"
import { ServerConfig } from "../../src/server/ServerConfig.ts"

const listen = Schema.decodeSync(ServerConfig)({})
const section = Schema.decodeSync(ClusterConfig)({})
const role = { index: 1, host: "127.0.0.1", ports: [9_001, 9_002], directory: "/run/workers", args: [] }
const at = (url: string) => Effect.succeed(url)
const sqlite: BackendConfig = {
  ...defaults,
  store: { ...defaults.store, kind: "sqlite", path: "/var/voice/sessions.db" }
}

describe("ClusterOptions", () => {
  it("leaves a process alone that has no section cluster and no siblings", () => {
    assert.isUndefined(ClusterOptions.make(sqlite, listen, undefined, at("http://127.0.0.1:8080")))
  })

  it("lets nodes find each other beside their sessions, and workers in a file that nobody else knows", () => {
    const storage = (config: BackendConfig, worker = false) =>
      ClusterOptions.make(config, listen, worker ? role : undefined, at("http://127.0.0.1:8080"))?.storage
    assert.deepStrictEqual(storage({ ...sqlite, cluster: section }), {
      kind: "sqlite",
      path: "/var/voice/sessions.cluster.db"
    })
    assert.deepStrictEqual(storage(sqlite, true), { kind: "sqlite", path: "/run/workers/cluster.db" })
    const url = Redacted.make("postgres://db/voice")
    const postgres: BackendConfig = { ...defaults, store: { ...defaults.store, kind: "postgres", url } }
    assert.deepStrictEqual(storage({ ...postgres, cluster: section }), { kind: "postgres", url, locks: "session" })
    assert.deepStrictEqual(storage(postgres, true), { kind: "sqlite", path: "/run/workers/cluster.db" })
  })

  it.effect("takes locks as rows where the config says so, or its environment", () =>
    Effect.gen(function*() {
      const isByRows = Effect.fnUntraced(function*(cluster: JsonRecord, env: Readonly<Record<string, string>> = {}) {
        const { config } = yield* ConfigSource.load({
          defaults: { store: { kind: "postgres", url: "postgres://db/voice" }, cluster },
          env
        })
        const options = ClusterOptions.make(config, listen, undefined, at("http://127.0.0.1:8080"))
        if (options === undefined) return assert.fail("there is no cluster")
        return EngineSettings.make({
          address: RunnerAddress.make("127.0.0.1", 8080),
          lockExpiration: section.lockExpiration,
          storage: options.storage
        }).shardLockDisableAdvisory
      })
      assert.isFalse(yield* isByRows({}))
      assert.isFalse(yield* isByRows({ locks: "session" }))
      assert.isTrue(yield* isByRows({ locks: "rows" }))
      assert.isTrue(yield* isByRows({}, { EFFECT_VOICE_CLUSTER__LOCKS: "rows" }))
    }).pipe(
      Effect.provide([NodeServices.layer, builtin])
    ))

  it.effect("says where other nodes and clients reach this process", () =>
    Effect.gen(function*() {
      const where = Effect.fnUntraced(
        function*(cluster: BackendConfig["cluster"], host: string, own: string, more: Partial<ServerConfig> = {}) {
          const config = cluster === undefined ? sqlite : { ...sqlite, cluster }
          const options = ClusterOptions.make(config, { ...listen, host, ...more }, role, at(own))
          return [
            options === undefined ? undefined : yield* options.address,
            options?.nodeUrl === undefined ? undefined : yield* options.nodeUrl
          ]
        }
      )
      // whoever reaches a loopback host reaches all its ports
      assert.deepStrictEqual(yield* where(undefined, "127.0.0.1", "https://127.0.0.1:9002"), [
        "https://127.0.0.1:9002",
        "https://127.0.0.1:9002"
      ])
      assert.deepStrictEqual(
        yield* where(undefined, "127.0.0.1", "http://127.0.0.1:9002", { publicUrl: "https://voice.example" }),
        ["http://127.0.0.1:9002", undefined]
      )
      assert.deepStrictEqual(yield* where(undefined, "0.0.0.0", "http://127.0.0.1:9002"), [
        "http://127.0.0.1:9002",
        undefined
      ])
      assert.deepStrictEqual(
        yield* where(
          { ...section, address: "10.0.0.7", nodeUrl: "https://w{worker}.voice.example:{port}/n{worker}" },
          "0.0.0.0",
          "http://0.0.0.0:9002"
        ),
        ["http://10.0.0.7:9002", "https://w1.voice.example:9002/n1"]
      )
    }))
})
