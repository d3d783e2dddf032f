/**
 * The native library of `@livekit/rtc-ffi-bindings`, which comes with the optional package `@livekit/rtc-node` and has WebRTC's
 * audio processing in it. Its messages are internal to LiveKit, so exactly one version is accepted.
 *
 * Nothing of it needs to be started or stopped, and it works beside LiveKit's own client in the same process.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { createRequire } from "node:module"
import { InvalidConfig } from "../../BackendError.ts"
import { urlOfModule } from "../../ExternalPackage.ts"
import * as OptionalPackage from "../local/OptionalPackage.ts"

/**
 * The version whose messages are known.
 *
 * @category constants
 * @since 0.1.0
 */
export const VERSION = "0.12.73"

/** The package to install, and the version of it that brings the library. */
const PACKAGE = "@livekit/rtc-node"
const PACKAGE_VERSION = "1.1.0"
const LIBRARY = "@livekit/rtc-ffi-bindings"

interface Message {
  readonly toBinary: () => Uint8Array
}

/** A frame of 16-bit samples at an address. */
interface FrameFields {
  readonly apmHandle: bigint
  readonly dataPtr: bigint
  /** In bytes. */
  readonly size: number
  readonly sampleRate: number
  readonly numChannels: number
}

/**
 * The part of the library that is used.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bindings {
  readonly livekitFfiRequest: (request: Uint8Array) => Uint8Array
  readonly livekitRetrievePtr: (data: Uint8Array) => bigint
  readonly FfiHandle: new(id: bigint) => { readonly dispose: () => void }
  readonly FfiRequest: new(fields: { readonly message: { readonly case: string; readonly value: Message } }) => Message
  readonly FfiResponse: {
    readonly fromBinary: (response: Uint8Array) => {
      readonly message: {
        readonly value?: {
          readonly apm?: { readonly handle?: { readonly id?: bigint } }
          readonly error?: string
        }
      }
    }
  }
  readonly NewApmRequest: new(fields: {
    readonly echoCancellerEnabled: boolean
    readonly noiseSuppressionEnabled: boolean
    readonly highPassFilterEnabled: boolean
    readonly gainControllerEnabled: boolean
  }) => Message
  readonly ApmProcessStreamRequest: new(fields: FrameFields) => Message
  readonly ApmProcessReverseStreamRequest: new(fields: FrameFields) => Message
}

const missing = (cause: unknown): InvalidConfig =>
  OptionalPackage.missing({
    engine: "aec3",
    packageName: PACKAGE,
    purpose: "echo_cancellation",
    native: true,
    cause
  })

/** `require` of the package that brings the library: a package manager may keep it from all others. */
const requireOfPackage = (): NodeJS.Require => {
  const here = createRequire(urlOfModule(import.meta.url))
  return createRequire(here.resolve(PACKAGE))
}

/**
 * Finds out whether the library is there, in the right version; does not load it.
 *
 * @category checks
 * @since 0.1.0
 */
export const check = (find: () => NodeJS.Require = requireOfPackage): Effect.Effect<NodeJS.Require, InvalidConfig> =>
  Effect.gen(function*() {
    const [require, version] = yield* Effect.try({
      try: (): readonly [NodeJS.Require, unknown] => {
        const require = find()
        const manifest: { readonly version?: unknown } = require(`${LIBRARY}/package.json`)
        return [require, manifest.version]
      },
      catch: missing
    })
    if (version === VERSION) return require
    return yield* new InvalidConfig({
      op: "EngineRegistry.layer",
      message: `echo_cancellation needs ${LIBRARY} ${VERSION}, and found ${String(version)}: run "npm install ` +
        `${PACKAGE}@${PACKAGE_VERSION}"`,
      details: { missing: [`${LIBRARY}@${VERSION}`], found: String(version), engine: "aec3" }
    })
  })

/**
 * Loads the library. Fails `invalid_config` with the package in `details.missing` when it is not installed, has no binary for
 * this machine, or is of another version.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (find?: () => NodeJS.Require): Effect.Effect<Bindings, InvalidConfig> =>
  Effect.flatMap(
    check(find),
    (require) => Effect.try({ try: (): Bindings => require(LIBRARY), catch: missing })
  )
