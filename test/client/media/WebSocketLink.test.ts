import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { openSocket } from "../../../src/client/media/WebSocketLink.ts"
import { MOVED_SUBPROTOCOL, SUBPROTOCOL } from "../../../src/client/protocol/WireProtocol.ts"

describe("WebSocketLink.openSocket", () => {
  afterEach(() => void vi.unstubAllGlobals())

  const errorOf = (target: { readonly baseUrl: string; readonly token: string }, name: string) => {
    vi.stubGlobal("location", new URL("https://page.example/"))
    vi.stubGlobal(
      "WebSocket",
      function() {
        throw new DOMException("", name)
      }
    )
    return openSocket({ id: "ses_1", ...target }, new AbortController().signal).then(() => undefined, (cause) => cause)
  }

  it("says that a page from https cannot use plain http", async () => {
    const error = await errorOf({ baseUrl: "http://voice.example", token: "t" }, "SecurityError")
    assert.include(error, { name: "VoiceClientError", code: "connection_failed" })
    assert.deepStrictEqual(error.details, { reason: "mixed_content" })
  })

  it("says that a token is none", async () => {
    const error = await errorOf({ baseUrl: "https://voice.example", token: "t\n" }, "SyntaxError")
    assert.include(error, { name: "VoiceClientError", code: "authentication_failed" })
  })
})

type Behaviour = "has it" | "refuses" | { readonly moved: string } | { readonly says: string }

/** Sockets whose far ends behave as the test says, by their URLs; returns what was opened, and whether it followed. */
const farEnds = (ends: { readonly [url: string]: Behaviour }) => {
  const opened: Array<readonly [url: string, follows: boolean]> = []
  class FakeSocket {
    binaryType = ""
    protocol = ""
    onopen: (() => void) | null = null
    onclose: (() => void) | null = null
    onmessage: ((event: { readonly data: string }) => void) | null = null
    constructor(url: string, protocols: ReadonlyArray<string>) {
      const follows = protocols.includes(MOVED_SUBPROTOCOL)
      opened.push([url, follows])
      const end = ends[url] ?? "refuses"
      setTimeout(() => {
        if (end === "refuses") return this.onclose?.()
        const moves = end !== "has it" && follows
        this.protocol = moves ? MOVED_SUBPROTOCOL : SUBPROTOCOL
        this.onopen?.()
        if (!moves) return
        setTimeout(() => {
          const data = "says" in end
            ? end.says
            : JSON.stringify({ type: "session.moved", seq: 0, at_ms: 0, url: end.moved })
          this.onmessage?.({ data })
        })
      })
    }
    close(): void {}
  }
  vi.stubGlobal("WebSocket", FakeSocket)
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("away")))
  return opened
}

describe("a session that another node has", () => {
  afterEach(() => void vi.unstubAllGlobals())

  const general = "wss://voice.example/v1/sessions/ses_1/audio"
  const one = "wss://n1.example/v1/sessions/ses_1/audio"
  const two = "wss://n2.example/v1/sessions/ses_1/audio"
  const open = (otherUrl?: string, otherFirst = true) =>
    openSocket(
      { baseUrl: "https://voice.example", otherUrl, otherFirst, id: "ses_1", token: "t" },
      new AbortController().signal
    )

  it("is followed to", async () => {
    const opened = farEnds({ [general]: { moved: one }, [one]: { moved: two }, [two]: "has it" })
    assert.strictEqual((await open()).protocol, SUBPROTOCOL)
    assert.deepStrictEqual(opened, [[general, true], [one, true], [two, true]])
  })

  it("is connected to directly, and through the general URL when its node is gone", async () => {
    const direct = farEnds({ [one]: "has it" })
    await open("https://n1.example")
    assert.deepStrictEqual(direct, [[one, true]])
    const gone = farEnds({ [general]: { moved: two }, [two]: "has it" })
    await open("https://n1.example")
    assert.deepStrictEqual(gone, [[one, true], [general, true], [two, true]])
  })

  it("is looked for at its former node when the general URL cannot be reached, which has the last word", async () => {
    const gone = farEnds({ [one]: "has it" })
    await open("https://n1.example", false)
    assert.deepStrictEqual(gone, [[general, true], [one, true]])
    const there = farEnds({ [general]: "has it", [one]: "has it" })
    await open("https://n1.example", false)
    assert.deepStrictEqual(there, [[general, true]])
    const asked: Array<string> = []
    for (const otherFirst of [false, true]) {
      const ends = farEnds({})
      vi.stubGlobal("fetch", (url: string) => {
        asked.push(url)
        return Promise.resolve(new Response("{}", { status: 404 }))
      })
      const error = await open("https://n1.example", otherFirst).then(() => undefined, (cause: unknown) => cause)
      assert.deepInclude(error, { code: "session_not_found" })
      assert.deepStrictEqual(ends.length, otherFirst ? 2 : 1)
    }
    assert.deepStrictEqual(asked, Array(2).fill("https://voice.example/v1/sessions/ses_1/audio"))
  })

  it("is reached through the server where the node cannot be reached from here", async () => {
    const opened = farEnds({ [general]: { moved: one } })
    assert.strictEqual((await open()).protocol, SUBPROTOCOL)
    assert.deepStrictEqual(opened, [[general, true], [one, true], [general, false]])
  })

  it("is not followed for ever", async () => {
    const opened = farEnds({ [general]: { moved: one }, [one]: { moved: two }, [two]: { moved: one } })
    assert.strictEqual((await open()).protocol, SUBPROTOCOL)
    assert.deepStrictEqual(opened.map(([url]) => url), [general, one, two, one, general])
    assert.deepStrictEqual(opened.at(-1), [general, false])
  })

  it("is not followed to where others can read the call, nor to nonsense", async () => {
    for (
      const moved of [
        "ws://n1.example/v1/sessions/ses_1/audio",
        "https://n1.example/",
        "ws+unix:/x",
        "n1",
        "",
        // another session, another route, or none: nobody is to get this token for them
        "wss://n1.example/v1/sessions/ses_2/audio",
        "wss://n1.example/v1/sessions/ses_1/offer",
        "wss://n1.example/"
      ]
    ) {
      const opened = farEnds({ [general]: { moved } })
      await open()
      assert.deepStrictEqual(opened, [[general, true], [general, false]], moved)
    }
    const opened = farEnds({ [general]: { says: "{}" } })
    await open()
    assert.deepStrictEqual(opened, [[general, true], [general, false]])
  })

  it("fails as the general URL does", async () => {
    farEnds({})
    const error = await open("https://n1.example").then(() => undefined, (cause: unknown) => cause)
    assert.deepInclude(error, { code: "connection_failed" })
  })
})
