/**
 * LiveKit's packages: loaded when a backend first needs them, let go of after the last.
 *
 * `@livekit/rtc-node` keeps the process from ending until it is disposed of; after that it can be used again only when
 * its client, which it keeps in a global, is made anew.
 *
 * @since 0.1.0
 */
import type * as Rtc from "@livekit/rtc-node"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Server from "livekit-server-sdk"
import { InvalidConfig } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface LiveKitPackages {
  readonly rtc: typeof Rtc
  readonly sdk: typeof Server
}

const DISPOSE_DEADLINE = "2 seconds"

let users = 0
let loaded: typeof Rtc | undefined

const load = <A>(name: string, module: () => Promise<A>): Effect.Effect<A, InvalidConfig> =>
  Effect.tryPromise({
    try: module,
    catch: (cause) =>
      new InvalidConfig({
        op: "LiveKitProvider.connect",
        message: `provider livekit needs the package ${name}: npm install ${name}`,
        details: { missing: name },
        cause
      })
  })

/** It writes debug messages to the standard output unless this variable says otherwise at the moment of its loading. */
const quietly = async <A>(module: () => Promise<A>): Promise<A> => {
  const former = process.env["NODE_ENV"]
  process.env["NODE_ENV"] = "production"
  try {
    return await module()
  } finally {
    if (former === undefined) delete process.env["NODE_ENV"]
    else process.env["NODE_ENV"] = former
  }
}

const dispose = Effect.suspend(() => {
  if (--users > 0 || loaded === undefined) return Effect.void
  const { dispose } = loaded
  loaded = undefined
  return Effect.promise(() => Promise.resolve(dispose()).catch(() => {})).pipe(
    Effect.andThen(Effect.sync(() => Reflect.deleteProperty(globalThis, "_ffiClientInstance"))),
    finalizeWithin(DISPOSE_DEADLINE)
  )
})

/**
 * Claims the packages for the scope. A missing one fails `invalid_config` with `details.missing`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const acquire: Effect.Effect<LiveKitPackages, InvalidConfig, Scope.Scope> = Effect.gen(function*() {
  yield* Effect.acquireRelease(Effect.sync(() => users++), () => dispose)
  const sdk = yield* load("livekit-server-sdk", () => import("livekit-server-sdk"))
  const rtc = yield* load("@livekit/rtc-node", () => quietly(() => import("@livekit/rtc-node")))
  loaded = rtc
  return { rtc, sdk }
})
