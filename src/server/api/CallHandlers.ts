/**
 * The API's handlers for calls that are made.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Redacted from "effect/Redacted"
import { VoiceBackend } from "../../backend/VoiceBackend.ts"
import { InvalidConfig } from "../../BackendError.ts"
import * as Principal from "../access/Principal.ts"
import { Api } from "./Api.ts"
import * as PublicAddress from "./PublicAddress.ts"

/** The draft of the IETF has a text in quotation marks, most clients send it without. */
const keyOf = (header: string): string => /^"([^"\\]*)"$/u.exec(header)?.[1] ?? header

/** The key of a request, from its header or its body. */
const keyOfRequest = (header: string | undefined, body: string | undefined) => {
  const key = header === undefined ? undefined : keyOf(header)
  return key === undefined || body === undefined || key === body
    ? Effect.succeed(key ?? body)
    : Effect.fail(
      new InvalidConfig({
        op: "VoiceBackend.dial",
        message: "idempotency_key: the header Idempotency-Key has another one",
        details: { path: "idempotency_key" }
      })
    )
}

/**
 * The handlers of the group `calls`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (address: PublicAddress.PublicAddress) =>
  HttpApiBuilder.group(
    Api,
    "calls",
    Effect.fnUntraced(function*(handlers) {
      const backend = yield* VoiceBackend
      return handlers.handleAll({
        dial: Effect.fnUntraced(function*({ headers, payload, request }) {
          const credential = yield* Principal.CurrentCredential
          const bearer = credential._tag === "User" ? credential.token : undefined
          const token = payload.token ?? (bearer && Redacted.value(bearer))
          const idempotencyKey = yield* keyOfRequest(headers["idempotency-key"], payload.idempotencyKey)
          const session = yield* backend.dial({
            ...payload,
            ...(token === undefined ? {} : { token }),
            ...(idempotencyKey === undefined ? {} : { idempotencyKey })
          })
          const { call } = session.config
          return HttpApiSchema.withHeaders({
            body: {
              id: session.id,
              state: yield* session.state.get,
              carrier: call?.carrier ?? "",
              ...(call?.from === undefined ? {} : { from: call.from }),
              to: call?.to ?? payload.to
            },
            headers: {
              location: PublicAddress.sessionPath(PublicAddress.baseOf(address, request), session.id)
            }
          })
        })
      })
    })
  )
