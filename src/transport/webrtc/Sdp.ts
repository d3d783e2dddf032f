/**
 * Validates an SDP offer before native code parses it, and extracts what a voice call needs from it.
 *
 * Pure; limits are checked first, so that the cost is bounded by the size. Only audio and one data channel section are
 * accepted. Candidates with host names are removed: resolving them would let a stranger trigger DNS queries of any name.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { isIP } from "node:net"

/**
 * The largest offer, 64 KiB; a browser's for one audio track has 2-6 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_OFFER_BYTES = 65_536

const MAX_LINES = 1_000
const MAX_LINE_LENGTH = 1_024
const MAX_SECTIONS = 4
/** A machine has a handful of addresses; with more, an offer could make the server send packets to strangers. */
const MAX_CANDIDATES = 40

/**
 * @category models
 * @since 0.1.0
 */
export interface Offer {
  /** The offer without the removed candidates, with CRLF line ends. */
  readonly sdp: string
  /** The name of the audio section. */
  readonly mid: string
  /** The RTP payload type of Opus in the offer. */
  readonly payloadType: number
  /** Whether it has a section for data channels. */
  readonly data: boolean
}

const token = /^[\w!#$%&'*+\-.^`{|}~]{1,64}$/
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

interface Section {
  readonly kind: string
  readonly line: number
  readonly payloadTypes: ReadonlyArray<string>
  mid: string | undefined
  opus: number | undefined
  direction: string
}

/**
 * Validates an offer. The failure says what is wrong and on which line; it quotes nothing of the offer.
 *
 * @category decoding
 * @since 0.1.0
 */
export const inspect = (text: string): Result.Result<Offer, string> => {
  if (Buffer.byteLength(text) > MAX_OFFER_BYTES) return Result.fail(`the offer has more than ${MAX_OFFER_BYTES} bytes`)
  if (controls.test(text)) return Result.fail("the offer contains control characters")
  const lines = text.split(/\r\n|\n|\r/)
  while (lines.length > 0 && lines[lines.length - 1] === "") lines.pop()
  if (lines.length > MAX_LINES) return Result.fail(`the offer has more than ${MAX_LINES} lines`)
  if (lines[0] !== "v=0") return Result.fail("the offer is not SDP: it does not start with v=0")

  const kept: Array<string> = []
  const sections: Array<Section> = []
  const seen = { ufrag: false, pwd: false, fingerprint: false }
  let candidates = 0
  for (const [index, line] of lines.entries()) {
    const at = index + 1
    if (line.length > MAX_LINE_LENGTH) return Result.fail(`line ${at} has more than ${MAX_LINE_LENGTH} characters`)
    if (!/^[a-z]=/.test(line)) return Result.fail(`line ${at} is not a valid SDP line`)
    const section = sections[sections.length - 1]
    if (line.startsWith("m=")) {
      const media = /^m=(\w+) (\d{1,5}) (\S+) (\S.*)$/.exec(line)
      if (media === null) return Result.fail(`line ${at} is not a valid media description`)
      if (sections.length === MAX_SECTIONS) return Result.fail(`the offer has more than ${MAX_SECTIONS} media sections`)
      if (!media[3]!.includes("TLS/")) return Result.fail(`line ${at} offers media without encryption`)
      sections.push({
        kind: media[1]!,
        line: at,
        payloadTypes: media[4]!.split(" "),
        mid: undefined,
        opus: undefined,
        direction: "sendrecv"
      })
    } else if (line.startsWith("a=candidate:")) {
      const parts = line.split(" ")
      const port = Number(parts[5])
      if (parts.length < 8 || !Number.isInteger(port) || port < 0 || port > 65_535) {
        return Result.fail(`line ${at} is not a valid candidate`)
      }
      if (isIP(parts[4]!) === 0) continue
      if (++candidates > MAX_CANDIDATES) return Result.fail(`the offer has more than ${MAX_CANDIDATES} candidates`)
    } else if (line.startsWith("a=ice-ufrag:")) seen.ufrag = true
    else if (line.startsWith("a=ice-pwd:")) seen.pwd = true
    else if (line.startsWith("a=fingerprint:")) seen.fingerprint = true
    else if (section !== undefined && line.startsWith("a=")) {
      const mid = /^a=mid:(.*)$/.exec(line)?.[1]
      if (mid !== undefined) {
        if (!token.test(mid) || sections.some((each) => each.mid === mid)) {
          return Result.fail(`line ${at} is not a valid a=mid, or repeats another one`)
        }
        section.mid = mid
      }
      const opus = /^a=rtpmap:(\d{1,3}) opus\/48000(?:\/\d)?$/i.exec(line)?.[1]
      if (opus !== undefined && section.payloadTypes.includes(opus)) section.opus ??= Number(opus)
      if (/^a=(?:sendrecv|sendonly|recvonly|inactive)$/.test(line)) section.direction = line.slice(2)
    }
    kept.push(line)
  }

  const audio = sections.filter((section) => section.kind === "audio")
  const other = sections.find((section) => section.kind !== "audio" && section.kind !== "application")
  if (other !== undefined) return Result.fail(`line ${other.line} offers media that is neither audio nor data`)
  const [voice] = audio
  if (voice === undefined || audio.length > 1) return Result.fail("the offer must have one audio section")
  if (sections.length > 2) return Result.fail("the offer has more than one data section")
  if (voice.mid === undefined) return Result.fail("the audio section has no a=mid")
  if (voice.opus === undefined || voice.opus > 127) return Result.fail("the audio section does not offer opus/48000")
  if (voice.direction === "inactive") return Result.fail("the audio section is inactive")
  if (!seen.ufrag || !seen.pwd) return Result.fail("the offer has no ICE credentials (a=ice-ufrag, a=ice-pwd)")
  if (!seen.fingerprint) return Result.fail("the offer has no certificate fingerprint (a=fingerprint)")
  return Result.succeed({
    sdp: `${kept.join("\r\n")}\r\n`,
    mid: voice.mid,
    payloadType: voice.opus,
    data: sections.length > 1
  })
}

/**
 * Replaces the address of the host candidates by a public one, for a server behind a 1:1 NAT.
 *
 * @category combinators
 * @since 0.1.0
 */
export const announce = (sdp: string, address: string): string =>
  sdp.replaceAll(
    /^(a=candidate:\S+ \d+ \S+ \d+ )(\S+)( \d+ typ host.*)$/gm,
    (line: string, head: string, own: string, tail: string) =>
      isIP(own) === isIP(address) ? `${head}${address}${tail}` : line
  )
