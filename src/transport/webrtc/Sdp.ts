/**
 * Validates an SDP offer before native code parses it, and extracts what a voice call needs from it.
 *
 * Pure; limits are checked first, so that the cost is bounded by the size. One audio and one data channel section are
 * accepted. Video is refused, and the call goes on without it (RFC 3264 §6): clients of others always offer some, and one that asks
 * for a voice alone is served no better by an error. Native code does not see those sections, so nothing is spent on them. Candidates
 * with host names are removed: resolving them would let a stranger trigger DNS queries of any name.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as IceCandidate from "./IceCandidate.ts"

/**
 * The largest offer, 64 KiB; a browser's for one audio track has 2-6 KiB, and 8 more for each video.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_OFFER_BYTES = 65_536

const MAX_LINES = 1_000
const MAX_LINE_LENGTH = 1_024
/** Audio, a data channel, a camera and a screen, and what was stopped of them: a section is never taken out of an offer. */
const MAX_SECTIONS = 8

/**
 * A section of the offer that is not accepted.
 *
 * - `at`: its place among all sections, from 0.
 * - `lines`: what stands for it in the answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface RefusedSection {
  readonly at: number
  readonly lines: ReadonlyArray<string>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Offer {
  /** The offer without what is refused and the removed candidates, with CRLF line ends. */
  readonly sdp: string
  /** The name of the audio section. */
  readonly mid: string
  /** The RTP payload type of Opus in the offer. */
  readonly payloadType: number
  /** Whether it has a section for data channels. */
  readonly data: boolean
  /** The names of all sections that have one, by their places. */
  readonly mids: ReadonlyArray<string | undefined>
  /** The names of the accepted sections that share one transport, in order. Empty: the audio has one of its own. */
  readonly bundle: ReadonlyArray<string>
  /** What is refused, in order. */
  readonly refused: ReadonlyArray<RefusedSection>
  /** What identifies the other side's ICE agent; it changes when ICE is restarted. */
  readonly ufrag: string
  /** Its candidates (`candidate:…`) without the removed ones. */
  readonly candidates: ReadonlyArray<string>
}

const token = /^[\w!#$%&'*+\-.^`{|}~]{1,64}$/
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/
const bundleLine = "a=group:BUNDLE"

interface Section {
  readonly kind: string
  readonly line: number
  readonly lines: Array<string>
  readonly protocol: string
  readonly payloadTypes: ReadonlyArray<string>
  mid: string | undefined
  opus: number | undefined
  direction: string
}

/** The lines of the session, and those of its sections. */
interface Description {
  readonly session: Array<string>
  readonly sections: Array<Section>
}

const read = (text: string): Result.Result<Description, string> => {
  if (Buffer.byteLength(text) > MAX_OFFER_BYTES) return Result.fail(`the offer has more than ${MAX_OFFER_BYTES} bytes`)
  if (controls.test(text)) return Result.fail("the offer contains control characters")
  const lines = text.split(/\r\n|\n|\r/)
  while (lines.length > 0 && lines[lines.length - 1] === "") lines.pop()
  if (lines.length > MAX_LINES) return Result.fail(`the offer has more than ${MAX_LINES} lines`)
  if (lines[0] !== "v=0") return Result.fail("the offer is not SDP: it does not start with v=0")

  const session: Array<string> = []
  const sections: Array<Section> = []
  let candidates = 0
  for (const [index, line] of lines.entries()) {
    const at = index + 1
    if (line.length > MAX_LINE_LENGTH) return Result.fail(`line ${at} has more than ${MAX_LINE_LENGTH} characters`)
    if (!/^[a-z]=/.test(line)) return Result.fail(`line ${at} is not a valid SDP line`)
    if (line.startsWith("m=")) {
      const media = /^m=(\w+) (\d{1,5}) (\S+) (\S.*)$/.exec(line)
      if (media === null) return Result.fail(`line ${at} is not a valid media description`)
      if (sections.length === MAX_SECTIONS) return Result.fail(`the offer has more than ${MAX_SECTIONS} media sections`)
      if (!media[3]!.includes("TLS/")) return Result.fail(`line ${at} offers media without encryption`)
      sections.push({
        kind: media[1]!,
        line: at,
        lines: [line],
        protocol: media[3]!,
        payloadTypes: media[4]!.split(" "),
        mid: undefined,
        opus: undefined,
        direction: "sendrecv"
      })
      continue
    }
    const section = sections[sections.length - 1]
    if (line.startsWith("a=candidate:")) {
      const candidate = IceCandidate.inspect(line.slice(2))
      if (candidate === "invalid") return Result.fail(`line ${at} is not a valid candidate`)
      if (candidate === "unusable") continue
      if (++candidates > IceCandidate.MAX_CANDIDATES) {
        return Result.fail(`the offer has more than ${IceCandidate.MAX_CANDIDATES} candidates`)
      }
    } else if (section !== undefined && line.startsWith("a=")) {
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
    ;(section?.lines ?? session).push(line)
  }
  return Result.succeed({ session, sections })
}

/** The group of sections that share a transport, with this one in it. */
const bundleOf = (session: ReadonlyArray<string>, mid: string): ReadonlySet<string> => {
  const groups = session.filter((line) => line.startsWith(`${bundleLine} `)).map((line) => line.split(" ").slice(1))
  return new Set(groups.find((group) => group.includes(mid)))
}

/** What a transport needs of the other side; the first section of a bundle may have it for all. */
const transport = ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:", "a=candidate:"]

/** The lines of refused sections that the accepted ones need: where the first of a bundle alone describes its transport. */
const carriedOver = (kept: ReadonlyArray<string>, refused: ReadonlyArray<Section>): ReadonlyArray<string> =>
  transport.flatMap((start) => {
    const has = (line: string) => line.startsWith(start)
    if (kept.some(has)) return []
    return refused.find(({ lines }) => lines.some(has))?.lines.filter(has) ?? []
  })

const refuse = ({ kind, mid, payloadTypes, protocol }: Section, at: number): RefusedSection => ({
  at,
  // one format has to be named, and means nothing (RFC 3264 §6)
  lines: [
    `m=${kind} 0 ${protocol} ${payloadTypes[0] ?? "0"}`,
    "c=IN IP4 0.0.0.0",
    ...(mid === undefined ? [] : [`a=mid:${mid}`]),
    "a=inactive"
  ]
})

/**
 * Validates an offer. The failure says what is wrong and on which line; it quotes nothing of the offer.
 *
 * @category decoding
 * @since 0.1.0
 */
export const inspect = (text: string): Result.Result<Offer, string> => {
  const description = read(text)
  if (Result.isFailure(description)) return Result.fail(description.failure)
  const { sections, session } = description.success

  const isAccepted = ({ kind }: Section) => kind === "audio" || kind === "application"
  const other = sections.find((section) => !isAccepted(section) && section.kind !== "video")
  if (other !== undefined) return Result.fail(`line ${other.line} offers media that is neither audio, video nor data`)
  const [voice, ...voices] = sections.filter(({ kind }) => kind === "audio")
  if (voice === undefined || voices.length > 0) return Result.fail("the offer must have one audio section")
  const [data, ...others] = sections.filter(({ kind }) => kind === "application")
  if (others.length > 0) return Result.fail("the offer has more than one data section")
  if (voice.mid === undefined) return Result.fail("the audio section has no a=mid")
  if (voice.opus === undefined || voice.opus > 127) return Result.fail("the audio section does not offer opus/48000")
  if (voice.direction === "inactive") return Result.fail("the audio section is inactive")
  const bundled = bundleOf(session, voice.mid)
  if (data !== undefined && (data.mid === undefined || !bundled.has(data.mid))) {
    return Result.fail("the audio and the data section share no transport: they must be in one a=group:BUNDLE")
  }

  const accepted = sections.filter(isAccepted)
  const bundle = accepted.flatMap(({ mid }) => mid !== undefined && bundled.has(mid) ? [mid] : [])
  const head = session.flatMap((line) => {
    if (!line.startsWith(bundleLine)) return [line]
    return bundle.length > 0 && line.split(" ").includes(bundle[0]!) ? [`${bundleLine} ${bundle.join(" ")}`] : []
  })
  const refused = sections.filter((section) => !isAccepted(section))
  const carried = carriedOver(
    [head, ...accepted.map(({ lines }) => lines)].flat(),
    refused.filter(({ mid }) => mid !== undefined && bundled.has(mid))
  )
  const kept = [
    ...head,
    ...accepted.flatMap((section) => section === voice ? [...section.lines, ...carried] : section.lines)
  ]
  const ufrag = kept.find((line) => line.startsWith("a=ice-ufrag:"))?.slice("a=ice-ufrag:".length)
  if (ufrag === undefined || !kept.some((line) => line.startsWith("a=ice-pwd:"))) {
    return Result.fail("the offer has no ICE credentials (a=ice-ufrag, a=ice-pwd)")
  }
  if (!kept.some((line) => line.startsWith("a=fingerprint:"))) {
    return Result.fail("the offer has no certificate fingerprint (a=fingerprint)")
  }
  return Result.succeed({
    sdp: `${kept.join("\r\n")}\r\n`,
    mid: voice.mid,
    payloadType: voice.opus,
    data: data !== undefined,
    mids: sections.map(({ mid }) => mid),
    bundle,
    refused: sections.flatMap((section, at) => isAccepted(section) ? [] : [refuse(section, at)]),
    ufrag,
    candidates: kept.filter((line) => line.startsWith("a=candidate:")).map((line) => line.slice(2))
  })
}
