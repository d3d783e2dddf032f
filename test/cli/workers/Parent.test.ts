import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { defaults } from "../../../src/backend/config/BackendConfig.ts"
import { workerCount } from "../../../src/cli/Serve.ts"
import * as Parent from "../../../src/cli/workers/Parent.ts"
import { ServerConfig } from "../../../src/server/ServerConfig.ts"

const listen = Schema.decodeSync(ServerConfig)({})
const config = { ...defaults, store: { ...defaults.store, kind: "sqlite" as const } }

describe("Parent", () => {
  const Range = Schema.Struct({
    begin: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40_000 })),
    size: Schema.Int.check(Schema.isBetween({ minimum: 64, maximum: 20_000 })),
    parts: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }))
  })
  it.effect.prop("divides ports without a gap, evenly", [Range], ([{ begin, parts, size }]) =>
    Effect.sync(() => {
      const ranges = Parent.divide({ begin, end: begin + size - 1 }, parts)
      assert.strictEqual(ranges[0]?.begin, begin)
      assert.strictEqual(ranges.at(-1)?.end, begin + size - 1)
      ranges.slice(1).forEach((range, index) => assert.strictEqual(range.begin, (ranges[index]?.end ?? 0) + 1))
      const sizes = ranges.map((range) => range.end - range.begin + 1)
      assert.isAtMost(Math.max(...sizes) - Math.min(...sizes), 1)
    }))

  const faultsOf = (options: Partial<Parameters<typeof Parent.check>[0]>) =>
    Parent.check({ count: 4, config, listen, workerPort: 0, ...options }).pipe(
      Effect.as([]),
      Effect.catch((error) => Effect.succeed(error.details?.["faults"]))
    )

  it.effect("refuses what several processes cannot share, all of it at once", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* faultsOf({}), [])
      assert.deepStrictEqual(
        yield* faultsOf({
          config: { ...defaults, providerConfig: { udp_port_range: { begin: 40_000, end: 40_002 } } },
          listen: { ...listen, adminPort: 65_533 },
          workerPort: 8_079
        }),
        [
          {
            path: "store.kind",
            message: "memory is that of one process: with --workers expected sqlite, postgres or redis"
          },
          { path: "provider_config.udp_port_range", message: "expected at least one port for each of 4 workers" },
          { path: "--worker-port", message: "each of 4 workers has a port, from 8079 on; 8080 is the shared port" },
          { path: "server.admin_port", message: "each of 4 workers has a port, from 65533 on; 65536 is no port" }
        ]
      )
      assert.deepStrictEqual(yield* faultsOf({ listen: { ...listen, adminPort: 9_003 }, workerPort: 9_000 }), [
        {
          path: "server.admin_port",
          message: "each of 4 workers has a port, from 9003 on; 9003 is one of --worker-port"
        }
      ])
      assert.deepStrictEqual(yield* faultsOf({ listen: { ...listen, adminPort: 9_000 }, workerPort: 9_004 }), [])
    }))

  it("opens no other port to the network than the shared one, unless other machines have to reach the workers", () => {
    assert.strictEqual(Parent.ownHost({ host: "0.0.0.0" }, false), "127.0.0.1")
    assert.strictEqual(Parent.ownHost({ host: "::1" }, false), "::1")
    assert.strictEqual(Parent.ownHost({ host: "10.0.0.1" }, true), "10.0.0.1")
  })

  it.effect("serves with one process where the system does not spread connections", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* Effect.forEach(["linux", "freebsd", "darwin", "win32"] as const, (each) => workerCount(4, each)),
        [4, 4, 1, 1]
      )
      assert.strictEqual(yield* workerCount(1, "darwin"), 1)
    }))
})
