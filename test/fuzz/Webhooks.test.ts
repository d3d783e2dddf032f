import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CarrierServer from "../providers/telephony/CarrierServer.ts"
import { carrierApi, carriersAt, webhooks } from "./WebhookFuzz.ts"

const INPUTS = 1_200

describe("Fuzz, webhooks of carriers", () => {
  it.live(
    `${INPUTS} without a right signature are refused, and create nothing; ${INPUTS} with one do no harm`,
    () =>
      Effect.gen(function*() {
        const api = yield* carrierApi
        const { backend, url } = yield* CarrierServer.start({ carriers: carriersAt(api.url) })
        const refused = yield* webhooks(url, false, INPUTS)
        assert.strictEqual(yield* backend.activeSessionCount, 0)
        assert.strictEqual(api.requests(), 0)
        for (const kind of refused.kinds) assert.isAbove(refused.statuses[`${kind} 401`] ?? 0, 0, kind)
        const taken = yield* webhooks(url, true, INPUTS)
        assert.isAbove(api.requests(), 0)
        // a call gets its session when its media stream comes
        assert.strictEqual(yield* backend.activeSessionCount, 0)
        for (const kind of taken.kinds) {
          assert.isAbove(taken.statuses[`${kind} 200`] ?? 0, 0, `${kind} ${JSON.stringify(taken.statuses)}`)
        }
      }).pipe(Effect.scoped),
    240_000
  )
})
