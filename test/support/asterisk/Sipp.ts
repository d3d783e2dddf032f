/** Many real calls at once: sipp, which dials, plays mu-law, may press a key, and hangs up or is hung up. */
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as G711 from "../../../src/audio/G711.ts"
import { folder, run } from "./ChrootProgram.ts"
import { freeUdpPort } from "./UdpPort.ts"

export interface SippOptions {
  /** Asterisk's port for SIP. */
  readonly sipPort: number
  readonly extension: string
  readonly calls: number
  /** How many calls begin each second. Default 20. */
  readonly rate?: number
  /** What each caller plays once it is answered, at 8 kHz, again and again. */
  readonly plays: Int16Array
  /** How long a call lasts. */
  readonly seconds: number
  /** Pressed after half of the time, as SIP INFO. */
  readonly digit?: string
  /** Asterisk hangs up; `seconds` is then how long a caller waits for it. Default no. */
  readonly isHungUp?: boolean
}

export interface SippResult {
  /** 0 when every call went as the scenario says. */
  readonly exitCode: number | null
  readonly log: string
}

const request = (method: string, sequence: number, headers: string, body = "") =>
  `<![CDATA[
${method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "load" <sip:load-[call_number]@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>${method === "INVITE" ? "" : "[peer_tag_param]"}
Call-ID: [call_id]
CSeq: ${sequence} ${method}
Contact: <sip:load-[call_number]@[local_ip]:[local_port]>
Max-Forwards: 70
${headers}Content-Length: ${body === "" ? "0" : "[len]"}

${body}]]>`

const offer = `v=0
o=load 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
`

const pauseFor = (seconds: number) => `  <pause milliseconds="${Math.round(seconds * 1_000)}"/>`

const scenario = (options: SippOptions, sound: string): string =>
  [
    `<?xml version="1.0" encoding="ISO-8859-1" ?>`,
    `<scenario name="caller">`,
    `  <send retrans="500">${request("INVITE", 1, "Content-Type: application/sdp\n", offer)}</send>`,
    `  <recv response="100" optional="true"/>`,
    `  <recv response="180" optional="true"/>`,
    `  <recv response="183" optional="true"/>`,
    `  <recv response="200" rtd="true"/>`,
    `  <send>${request("ACK", 1, "")}</send>`,
    `  <nop><action><exec rtp_stream="${sound},-1,0,PCMU/8000"/></action></nop>`,
    ...(options.digit === undefined ? [] : [
      pauseFor(options.seconds / 2),
      `  <send retrans="500">${
        request(
          "INFO",
          2,
          "Content-Type: application/dtmf-relay\n",
          `Signal=${options.digit}\nDuration=160\n`
        )
      }</send>`,
      `  <recv response="200"/>`
    ]),
    ...(options.isHungUp === true
      ? [
        `  <recv request="BYE" timeout="${Math.round(options.seconds * 1_000)}"/>`,
        `  <nop><action><exec rtp_stream="pause"/></action></nop>`,
        `  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>`
      ]
      : [
        pauseFor(options.digit === undefined ? options.seconds : options.seconds / 2),
        `  <nop><action><exec rtp_stream="pause"/></action></nop>`,
        `  <send retrans="500">${request("BYE", 3, "")}</send>`,
        `  <recv response="200"/>`
      ]),
    `</scenario>`,
    ``
  ].join("\n")

/** Makes the calls, and waits until all of them are over. */
export const calls = (options: SippOptions): Effect.Effect<SippResult> =>
  Effect.scoped(Effect.gen(function*() {
    const where = yield* folder("sipp")
    const port = yield* freeUdpPort
    writeFileSync(join(where.outside, "caller.ulaw"), G711.encodeMuLaw(options.plays))
    writeFileSync(join(where.outside, "caller.xml"), scenario(options, `${where.inside}/caller.ulaw`))
    const program = yield* run("sipp", [
      `127.0.0.1:${options.sipPort}`,
      "-i",
      "127.0.0.1",
      "-p",
      String(port),
      "-s",
      options.extension,
      "-sf",
      `${where.inside}/caller.xml`,
      "-m",
      String(options.calls),
      "-l",
      String(options.calls),
      "-r",
      String(options.rate ?? 20),
      "-mi",
      "127.0.0.1",
      "-min_rtp_port",
      "16000",
      "-max_rtp_port",
      "19990",
      "-nostdin"
    ], where)
    const exitCode = yield* program.ended
    return { exitCode, log: program.log() }
  }))
