import { assert, describe, it, vi } from "@effect/vitest"
import type { MicrophoneOptions } from "../../../src/client/audio/Microphone.ts"
import { CallMicrophone } from "../../../src/client/media/CallMicrophone.ts"
import { VoiceClientError } from "../../../src/client/VoiceClientError.ts"
import { devices, makeStream, permission, settled, useInstalled } from "../FakePage.ts"

describe("CallMicrophone", () => {
  useInstalled()

  /** A microphone whose devices open when the test says so. */
  const make = (first: MediaStream | undefined, options: MicrophoneOptions = {}) => {
    const opened: Array<{ readonly deviceId: string | undefined; readonly resolve: (stream: MediaStream) => void }> = []
    const sent: Array<MediaStream> = []
    const told: Array<string> = []
    const failing = { send: false, open: 0 }
    const on = (what: string) => (error?: VoiceClientError) => told.push(error === undefined ? what : error.code)
    const microphone = new CallMicrophone({
      stream: first,
      options,
      open: ({ deviceId }) =>
        failing.open-- > 0
          ? Promise.reject(new VoiceClientError("microphone_failed", "busy"))
          : new Promise((resolve) => opened.push({ deviceId, resolve })),
      send: (stream) => {
        sent.push(stream)
        return failing.send ? Promise.reject(new Error("no link")) : Promise.resolve()
      },
      onLost: on("lost"),
      onSilenced: on("silenced"),
      onRestored: on("restored")
    })
    return { failing, microphone, opened, sent, told }
  }

  it("mutes its track, and the one that replaces it before it is sent", async () => {
    const first = makeStream()
    const second = makeStream()
    const { microphone, opened, sent } = make(first.stream)
    assert.isTrue(microphone.setMuted(true))
    assert.isFalse(microphone.setMuted(true))
    assert.isFalse(first.track.enabled)
    const change = microphone.change("usb")
    await settled()
    opened[0]?.resolve(second.stream)
    await change
    assert.deepStrictEqual(sent, [second.stream])
    assert.strictEqual(first.track.readyState, "ended")
    assert.isFalse(second.track.enabled)
    assert.strictEqual(second.track.readyState, "live")
    assert.isTrue(microphone.setMuted(false))
    assert.isTrue(second.track.enabled)
    microphone.close()
    assert.strictEqual(second.track.readyState, "ended")
  })

  it("tells that the system gives silence from the start, as in a phone call", async () => {
    const first = makeStream()
    first.track.muted = true
    const { told } = make(first.stream)
    assert.deepStrictEqual(told, [])
    await settled()
    assert.deepStrictEqual(told, ["microphone_silenced"])
    first.track.muted = false
    first.track.onunmute?.()
    assert.deepStrictEqual(told, ["microphone_silenced", "restored"])
  })

  it("fails with a sentence when the browser cannot send the new microphone, and keeps the former", async () => {
    const first = makeStream()
    const second = makeStream()
    const { failing, microphone, opened } = make(first.stream)
    failing.send = true
    const change = microphone.change("usb").then(() => undefined, (error: unknown) => error)
    await settled()
    opened[0]?.resolve(second.stream)
    assert.include(await change, { name: "VoiceClientError", code: "microphone_failed" })
    assert.deepStrictEqual([first.track.readyState, second.track.readyState], ["live", "ended"])
  })

  it("makes changes one after the other, and of those that follow fast the last counts", async () => {
    const streams = { a: makeStream(), c: makeStream() }
    const { microphone, opened, sent } = make(makeStream().stream)
    const changes = [microphone.change("a"), microphone.change("b"), microphone.change("c")]
    await settled()
    // b was overtaken before its turn; a was overtaken while it was being opened.
    assert.deepStrictEqual(opened.map(({ deviceId }) => deviceId), ["c"])
    opened[0]?.resolve(streams.c.stream)
    await Promise.all(changes)
    assert.deepStrictEqual(sent, [streams.c.stream])

    const slow = microphone.change("a")
    await settled()
    const last = microphone.change("c")
    opened[1]?.resolve(streams.a.stream)
    await slow
    assert.strictEqual(streams.a.track.readyState, "ended")
    await settled()
    const again = makeStream()
    opened[2]?.resolve(again.stream)
    await last
    assert.deepStrictEqual(sent, [streams.c.stream, again.stream])
  })

  it("keeps the former microphone when the new one cannot be sent, and closes one that opens after the end", async () => {
    const first = makeStream()
    const second = makeStream()
    const { failing, microphone, opened } = make(first.stream)
    failing.send = true
    const change = microphone.change("usb").then(() => "changed", () => "failed")
    await settled()
    opened[0]?.resolve(second.stream)
    assert.strictEqual(await change, "failed")
    assert.strictEqual(first.track.readyState, "live")
    assert.strictEqual(second.track.readyState, "ended")
    const late = makeStream()
    const after = microphone.change("usb")
    await settled()
    microphone.close()
    opened[1]?.resolve(late.stream)
    await after
    assert.strictEqual(late.track.readyState, "ended")
  })

  it("reports that its device was disconnected, opens it when it is back, and ignores a former stream", async () => {
    devices.push({ kind: "audioinput", deviceId: "built-in", label: "Built-in" })
    const first = makeStream()
    const second = makeStream()
    const { microphone, opened, told } = make(first.stream, { deviceId: "usb" })
    const ended = first.track.onended
    ended?.()
    await settled()
    assert.deepStrictEqual(told, ["microphone_missing"])
    assert.strictEqual(opened.length, 0)
    devices.push({ kind: "audioinput", deviceId: "usb", label: "USB" })
    // Not while the browser would ask.
    permission.state = "prompt"
    await microphone.recover()
    assert.strictEqual(opened.length, 0)
    permission.state = "granted"
    const recovering = microphone.recover()
    await settled()
    assert.deepStrictEqual(opened.map(({ deviceId }) => deviceId), ["usb"])
    opened[0]?.resolve(second.stream)
    await recovering
    assert.deepStrictEqual(told, ["microphone_missing", "restored"])
    ended?.()
    assert.strictEqual(told.length, 2)
  })

  it("opens the system's default again at once, but not for ever", async () => {
    devices.push({ kind: "audioinput", deviceId: "built-in", label: "Built-in" })
    const streams = Array.from({ length: 8 }, makeStream)
    const { opened, told } = make(streams[0]!.stream)
    for (const [index, { track }] of streams.entries()) {
      track.onended?.()
      await settled()
      opened[index]?.resolve(streams[index + 1]!.stream)
      await settled()
    }
    assert.strictEqual(opened.length, 3)
    assert.strictEqual(told.filter((what) => what === "restored").length, 3)
    assert.strictEqual(told.at(-1), "microphone_missing")
  })

  it("tries a device again that is busy when it comes back, and not for ever", async () => {
    vi.useFakeTimers()
    try {
      devices.push({ kind: "audioinput", deviceId: "usb", label: "USB" })
      const first = makeStream()
      const second = makeStream()
      const { failing, microphone, opened, told } = make(first.stream, { deviceId: "usb" })
      failing.open = 2
      first.track.onended?.()
      // As a page does for each device that comes or goes.
      for (let i = 0; i < 8; i++) void microphone.recover()
      await vi.advanceTimersByTimeAsync(5_000)
      assert.strictEqual(opened.length, 1)
      opened[0]?.resolve(second.stream)
      await settled()
      assert.deepStrictEqual(told, ["microphone_missing", "restored"])
      failing.open = 100
      second.track.onended?.()
      await vi.advanceTimersByTimeAsync(60_000)
      assert.strictEqual(failing.open, 96)
      assert.strictEqual(vi.getTimerCount(), 0)
    } finally {
      vi.useRealTimers()
    }
  })

  it("notices a device that was unplugged while the call was set up", async () => {
    devices.push({ kind: "audioinput", deviceId: "built-in", label: "Built-in" })
    const first = makeStream()
    const second = makeStream()
    first.track.stop()
    const { opened, told } = make(first.stream)
    await settled()
    assert.deepStrictEqual(told, ["microphone_missing"])
    opened[0]?.resolve(second.stream)
    await settled()
    assert.deepStrictEqual(told, ["microphone_missing", "restored"])
  })

  it("does not overtake a choice of the user's with the way back to the former", async () => {
    devices.push({ kind: "audioinput", deviceId: "built-in", label: "Built-in" })
    const first = makeStream()
    const chosen = makeStream()
    const { microphone, opened, sent, told } = make(first.stream)
    const change = microphone.change("usb")
    first.track.onended?.()
    await settled()
    assert.deepStrictEqual(opened.map(({ deviceId }) => deviceId), ["usb"])
    opened[0]?.resolve(chosen.stream)
    await change
    await settled()
    assert.deepStrictEqual(sent, [chosen.stream])
    assert.deepStrictEqual(told, ["microphone_missing", "restored"])
  })

  it("tells that the system silences it, and that it gives sound again", () => {
    const first = makeStream()
    const { told } = make(first.stream)
    first.track.onmute?.()
    first.track.onmute?.()
    first.track.onunmute?.()
    first.track.onunmute?.()
    assert.deepStrictEqual(told, ["microphone_silenced", "restored"])
  })

  it("may be absent", async () => {
    const { microphone, opened } = make(undefined)
    assert.isFalse(microphone.exists)
    assert.isTrue(microphone.setMuted(true))
    const { stream, track } = makeStream()
    const change = microphone.change("")
    await settled()
    opened[0]?.resolve(stream)
    await change
    assert.isTrue(microphone.exists)
    assert.isFalse(track.enabled)
  })
})
