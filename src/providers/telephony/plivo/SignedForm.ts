/**
 * The form of a webhook that Plivo has signed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import { AuthenticationFailed } from "../../../BackendError.ts"
import * as WebhookRoute from "../WebhookRoute.ts"
import * as Signature from "./Signature.ts"

/**
 * - `nonce`: what makes it the only one of its kind.
 *
 * @category models
 * @since 0.1.0
 */
export interface SignedForm {
  readonly fields: URLSearchParams
  readonly nonce: string
}

/**
 * Reads it; fails `authentication_failed` where its signature is not that of the token.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (
  webhook: WebhookRoute.Webhook,
  { authToken, publicUrl }: { readonly publicUrl: string; readonly authToken: Redacted.Redacted<string> }
): Effect.Effect<SignedForm, AuthenticationFailed> =>
  Effect.suspend(() => {
    const { path, request: { headers } } = webhook
    const fields = new URLSearchParams(WebhookRoute.textOf(webhook))
    const parameters: { [name: string]: Array<string> } = {}
    for (const [name, value] of fields) (parameters[name] ??= []).push(value)
    const nonce = headers["x-plivo-signature-v3-nonce"]
    const signed = Signature.verify({ method: "POST", url: `${publicUrl}${path}`, parameters }, {
      signature: headers["x-plivo-signature-v3"],
      mainSignature: headers["x-plivo-signature-ma-v3"],
      nonce
    }, authToken)
    return signed && nonce !== undefined ? Effect.succeed({ fields, nonce }) : Effect.fail(
      new AuthenticationFailed({
        op: "TelephonyProvider.webhook",
        message: "the webhook's signature is missing or invalid"
      })
    )
  })
