/** `erase` with an application that keeps its data in an archive of its own. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { ConnectionFailed } from "../../../src/BackendError.ts"
import * as Builtin from "../../../src/builtin/index.ts"
import { defineApp } from "../../../src/cli/app/DefineApp.ts"
import * as Commands from "../../../src/cli/Commands.ts"
import { DataRetentionHook } from "../../../src/hooks/DataRetentionHook.ts"
import { SessionArchive } from "../../../src/session/retention/SessionArchive.ts"
import { directory } from "../../support/Cli.ts"

class Bucket extends Context.Service<Bucket, { readonly erased: Array<string> }>()("test/Bucket") {}

const away = new ConnectionFailed({ op: "bucket", message: "the bucket cannot be reached" })

/** An application whose archive and retention hook need its bucket. */
const appOf = (log: Array<string>, erased: Array<string>) => {
  const bucket = Layer.effect(
    Bucket,
    Effect.acquireRelease(
      Effect.sync(() => (log.push("opened"), { erased })),
      () => Effect.sync(() => void log.push("closed"))
    )
  )
  const archive = Layer.effect(
    SessionArchive,
    Effect.map(Bucket, ({ erased }) => ({
      begin: () => Effect.die("not for erase"),
      write: () => Effect.die("not for erase"),
      append: () => Effect.die("not for erase"),
      finish: () => Effect.die("not for erase"),
      list: () => Effect.succeed([]),
      erase: (session) => session === "lost" ? Effect.fail(away) : Effect.sync(() => (erased.push(session), 1)),
      eraseUser: (user) => Effect.sync(() => (erased.push(`all of ${user}`), 3)),
      sweep: Effect.succeed(0)
    }))
  )
  return defineApp({
    retention: Layer.effect(
      DataRetentionHook,
      Effect.as(Bucket, {
        shouldRetain: () => Effect.succeed(true),
        getRetentionPeriod: () => Effect.succeed(Duration.days(30))
      })
    ),
    layer: Layer.provideMerge(archive, bucket)
  })
}

describe("erase", () => {
  it.live("erases from the archive of the application, which is opened and closed once", () =>
    Effect.gen(function*() {
      const config = Path.join(yield* directory, "voice.yaml")
      const kept = Path.join(config, "..", "kept")
      Fs.writeFileSync(config, `retention: { transcript: 30 days, directory: ${JSON.stringify(kept)} }\n`)
      const log: Array<string> = []
      const erased: Array<string> = []
      const app = appOf(log, erased)
      const erase = (what: { readonly session?: string; readonly user?: string }) =>
        Commands.erase({ app, config, session: what.session, user: what.user }).pipe(
          Effect.provide([Builtin.layerWith(app.parts), NodeServices.layer])
        )
      yield* erase({ session: "one" })
      yield* erase({ user: "ada" })
      assert.deepStrictEqual(erased, ["one", "all of ada"])
      assert.deepStrictEqual(log, ["opened", "closed", "opened", "closed"])
      assert.strictEqual((yield* Effect.flip(erase({ session: "lost" }))).message, "the bucket cannot be reached")
      assert.strictEqual((yield* Effect.flip(erase({}))).message, "expected either --session or --user")
      // nothing was opened for that, and nothing of the config's own archive was made
      assert.lengthOf(log, 6)
      assert.isFalse(Fs.existsSync(kept))
    }).pipe(Effect.scoped))
})
