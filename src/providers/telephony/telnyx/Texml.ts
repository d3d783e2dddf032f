/**
 * The documents of Telnyx' TeXML, for numbers that a TeXML application answers.
 *
 * https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs/stream
 *
 * @since 0.1.0
 */
import * as Xml from "../Xml.ts"
import type { StreamOptions } from "./Rest.ts"

/**
 * Answers the call and connects it to our WebSocket; the parameters come in the first messages of the stream.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = (
  { codec, sampleRate, url }: StreamOptions,
  parameters: { readonly [name: string]: string } = {}
): string =>
  Xml.response(
    Xml.element("Connect", {}, [
      Xml.element(
        "Stream",
        {
          url,
          track: "inbound_track",
          codec,
          bidirectionalMode: "rtp",
          bidirectionalCodec: codec,
          bidirectionalSamplingRate: String(sampleRate)
        },
        Object.entries(parameters).map(([name, value]) => Xml.element("Parameter", { name, value }))
      )
    ])
  )

/**
 * Ends the call, or refuses it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hangUp = (): string => Xml.response(Xml.element("Hangup", {}))
