/**
 * LiveKit's packages: loaded for the first backend that needs them, and disposed of after the last.
 *
 * `@livekit/rtc-node` keeps the process alive until it is disposed of. It can be used again only after its client, which it
 * keeps in a global variable, is deleted.
 *
 * @since 0.1.0
 */
import type * as Rtc from "@livekit/rtc-node"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Server from "livekit-server-sdk"
import { InvalidConfig } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import { adviceFor, importPackage, requireInstalled } from "../../ExternalPackage.ts"

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

const RTC = "@livekit/rtc-node"
const SDK = "livekit-server-sdk"

const needed = (name: string) => (cause: unknown) =>
  new InvalidConfig({
    op: "LiveKitProvider.connect",
    message: `provider livekit needs the package ${name}: ${adviceFor(name, cause)}`,
    details: { missing: name },
    cause
  })

const load = <A>(name: string, module = () => importPackage<A>(name)): Effect.Effect<A, InvalidConfig> =>
  Effect.tryPromise({ try: module, catch: needed(name) })

/**
 * Whether the packages are installed. They are not loaded, as one of them cannot be loaded and disposed of for nothing.
 *
 * @category checks
 * @since 0.1.0
 */
export const check: Effect.Effect<void, InvalidConfig> = Effect.forEach(
  [SDK, RTC],
  (name) => Effect.try({ try: () => requireInstalled(name), catch: needed(name) }),
  { discard: true }
)

/** The package writes debug messages to stdout unless NODE_ENV is "production" while it loads. */
const withoutDebugOutput = async <A>(module: () => Promise<A>): Promise<A> => {
  const previous = process.env["NODE_ENV"]
  process.env["NODE_ENV"] = "production"
  try {
    return await module()
  } finally {
    if (previous === undefined) delete process.env["NODE_ENV"]
    else process.env["NODE_ENV"] = previous
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
 * Loads the packages for the scope. Fails `invalid_config` with `details.missing` if one is not installed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const acquire: Effect.Effect<LiveKitPackages, InvalidConfig, Scope.Scope> = Effect.gen(function*() {
  yield* Effect.acquireRelease(Effect.sync(() => users++), () => dispose)
  const sdk = yield* load<typeof Server>(SDK)
  const rtc = yield* load(RTC, () => withoutDebugOutput(() => importPackage<typeof Rtc>(RTC)))
  loaded = rtc
  return { rtc, sdk }
})
