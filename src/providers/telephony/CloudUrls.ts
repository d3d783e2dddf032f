/**
 * The URLs at which a carrier of the cloud reaches this server.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InvalidConfig } from "../../BackendError.ts"
import type { CarrierHost } from "./Call.ts"

/**
 * The provider's `public_url`, which a carrier that calls our webhooks needs; fails `invalid_config` without one.
 *
 * @category accessors
 * @since 0.1.0
 */
export const publicUrlOf = (
  vendor: string,
  carrier: string,
  { publicUrl }: Pick<CarrierHost, "publicUrl">
): Effect.Effect<string, InvalidConfig> =>
  publicUrl !== undefined ? Effect.succeed(publicUrl) : Effect.fail(
    new InvalidConfig({
      op: "TelephonyProvider.connect",
      message: `carrier ${carrier}: ${vendor} calls our webhooks: set provider_config.public_url`,
      details: { missing: "public_url" }
    })
  )

/**
 * The URL of a carrier's media streams.
 *
 * @category accessors
 * @since 0.1.0
 */
export const mediaUrlOf = (publicUrl: string, { mediaPath }: Pick<CarrierHost, "mediaPath">): string =>
  `${publicUrl.replace(/^http/u, "ws")}${mediaPath}`
